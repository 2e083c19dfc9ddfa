#include "hub/rpc/event_listing.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/rpc/event_page.h"

namespace coordhub::rpc {
namespace {

constexpr size_t kEventsPerRead = 1'000;

class ForwardPage final : public EventPage {
 public:
  ForwardPage(UnaryCallPtr call, const CallScope& scope, const v1::ListEventsRequest& request)
      : EventPage(std::move(call), scope, request) {}

 private:
  absl::Status Begin(const LogPosition& log, const std::string& log_id, int64_t first,
                     std::optional<int64_t> token) override;
  // Reads on until the page is full or the head is reached.
  void Fill() override;
  // Takes events that were looked at. False: the page is full.
  bool Take(const std::vector<engine::EncodedEvent>& events);
  void ReadJournal();
  void Finish();

  // When the call came. Events up to it are durable; a commit is answered a moment before the
  // broadcaster has it, and whoever was answered finds its events here.
  int64_t head_ = 0;
};

absl::Status ForwardPage::Begin(const LogPosition& log, const std::string& log_id, int64_t first,
                                std::optional<int64_t> token) {
  head_ = log.head_revision;
  at_ = token.value_or(first);
  response().set_start_revision(at_);
  return CheckCursor(log, log_id, at_);
}

bool ForwardPage::Take(const std::vector<engine::EncodedEvent>& events) {
  return std::all_of(events.begin(), events.end(),
                     [this](const engine::EncodedEvent& encoded) { return Look(encoded); });
}

void ForwardPage::Fill() {
  using Found = engine::Broadcaster::Found;
  const core::Filter everything;
  while (true) {
    const engine::Broadcaster::ReadResult read = engine().broadcaster().Read(
        at_, everything, kEventsPerRead, std::max<size_t>(bytes_left(), 1));
    const bool not_there_yet = read.found == Found::kCaughtUp && at_ < head_;
    if (read.found == Found::kBehind || not_there_yet) return ReadJournal();
    if (read.found == Found::kCaughtUp || !Take(read.events)) return Finish();
  }
}

void ForwardPage::ReadJournal() {
  auto self = std::static_pointer_cast<ForwardPage>(shared_from_this());
  engine().ReadEvents(at_, kEventsPerRead, std::max<size_t>(bytes_left(), 1),
                      [self](const absl::StatusOr<std::vector<engine::EncodedEvent>>& events) {
                        if (!events.ok()) return self->call().Refuse(events.status());
                        if (events->empty() || !self->Take(*events)) return self->Finish();
                        self->Fill();
                      });
}

void ForwardPage::Finish() {
  // What was looked at, not what came since: who watches on from the head misses nothing.
  response().set_revision(full() ? engine().view()->revision : at_);
  Answer();
}

}  // namespace

void ListEvents(const UnaryCallPtr& call, const CallScope& scope,
                const v1::ListEventsRequest& request) {
  EventPage::Run(std::make_shared<ForwardPage>(call, scope, request), request);
}

}  // namespace coordhub::rpc
