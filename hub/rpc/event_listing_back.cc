#include "hub/rpc/event_listing_back.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/status_macros.h"
#include "hub/rpc/event_page.h"

namespace coordhub::rpc {
namespace {

// Events are read forwards; so many at a time are held to be looked at backwards.
constexpr int64_t kWindow = 256;
constexpr size_t kBytesPerRead = 1 << 20;

class BackPage final : public EventPage {
 public:
  BackPage(UnaryCallPtr call, const CallScope& scope, const v1::ListEventsRequest& request)
      : EventPage(std::move(call), scope, request) {}

 private:
  absl::Status Begin(const LogPosition& log, const std::string& log_id, int64_t first,
                     std::optional<int64_t> token) override;
  // Goes back until the page is full or the listing's first event was looked at.
  void Fill() override;
  // Reads the window's events, up to the one before `at_`. False: Fill is called when they come.
  bool ReadWindow();
  // Looks at what was read, the newest first. False: the page is full.
  bool TakeWindow();
  int64_t WindowStart() const { return std::max(first_, at_ - 1 - kWindow); }

  int64_t first_ = 0;  // the listing has the events after this one
  std::vector<engine::EncodedEvent> window_;
  int64_t read_ = 0;  // the last event of the window, or the one before it
};

absl::Status BackPage::Begin(const LogPosition& log, const std::string& log_id, int64_t first,
                             std::optional<int64_t> token) {
  first_ = first;
  at_ = token.value_or(log.head_revision + 1);
  response().set_start_revision(first_);
  response().set_revision(log.head_revision);
  COORDHUB_RETURN_IF_ERROR(CheckCursor(log, log_id, first_));
  // What the pages before left over may be compacted by now: then they were the last.
  COORDHUB_RETURN_IF_ERROR(CheckCursor(log, log_id, std::max(first_, at_ - 1)));
  read_ = WindowStart();
  return absl::OkStatus();
}

void BackPage::Fill() {
  while (first_ < at_ - 1) {
    if (!ReadWindow()) return;
    if (!TakeWindow()) break;
    read_ = WindowStart();
  }
  Answer();
}

bool BackPage::ReadWindow() {
  const core::Filter everything;
  while (read_ < at_ - 1) {
    const auto count = static_cast<size_t>(at_ - 1 - read_);
    engine::Broadcaster::ReadResult read =
        engine().broadcaster().Read(read_, everything, count, kBytesPerRead);
    if (read.found == engine::Broadcaster::Found::kEvents) {
      read_ = read.scanned;
      std::move(read.events.begin(), read.events.end(), std::back_inserter(window_));
      continue;
    }
    auto self = std::static_pointer_cast<BackPage>(shared_from_this());
    engine().ReadEvents(
        read_, count, kBytesPerRead,
        [self](absl::StatusOr<std::vector<engine::EncodedEvent>> events) {
          if (!events.ok()) return self->call().Refuse(events.status());
          if (events->empty()) {
            return self->call().Refuse(absl::InternalError("the journal lacks events"));
          }
          self->read_ = events->back().event->revision();
          std::move(events->begin(), events->end(), std::back_inserter(self->window_));
          self->Fill();
        });
    return false;
  }
  return true;
}

bool BackPage::TakeWindow() {
  const bool all = std::all_of(window_.rbegin(), window_.rend(),
                               [this](const engine::EncodedEvent& event) { return Look(event); });
  window_.clear();
  return all;
}

}  // namespace

void ListEventsBack(const UnaryCallPtr& call, const CallScope& scope,
                    const v1::ListEventsRequest& request) {
  EventPage::Run(std::make_shared<BackPage>(call, scope, request), request);
}

}  // namespace coordhub::rpc
