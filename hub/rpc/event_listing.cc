#include "hub/rpc/event_listing.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/rpc/paging.h"
#include "hub/rpc/watch_plan.h"

namespace coordhub::rpc {
namespace {

constexpr size_t kEventsPerRead = 1'000;

// One page, from its first read to its answer. Used by one thread at a time: the call's, then that
// for reads, then the engine's reader thread.
class EventPage : public std::enable_shared_from_this<EventPage> {
 public:
  EventPage(UnaryCallPtr call, const CallScope& scope, const v1::ListEventsRequest& request)
      : call_(std::move(call)),
        engine_(scope.engine()),
        filter_(request.filter()),
        query_(QueryOf(request)),
        budget_(request.page_size()) {}

  absl::Status Begin(const v1::ListEventsRequest& request);
  // Reads on until the page is full or the head is reached.
  void Fill();

 private:
  // Takes events that were looked at. False: the page is full.
  bool Take(const std::vector<engine::EncodedEvent>& events);
  void ReadJournal();
  void Answer();

  const UnaryCallPtr call_;
  engine::Workspace& engine_;
  const core::Filter filter_;
  const std::string query_;
  PageBudget budget_;
  int64_t cursor_ = 0;
  // When the call came. Events up to it are durable; a commit is answered a moment before the
  // broadcaster has it, and whoever was answered finds its events here.
  int64_t head_ = 0;
  bool full_ = false;
  v1::ListEventsResponse response_;
};

absl::Status EventPage::Begin(const v1::ListEventsRequest& request) {
  const LogPosition log{engine_.identity().log_id, engine_.view()->revision,
                        engine_.compact_revision()};
  head_ = log.head_revision;
  std::string log_id = request.log_id();
  cursor_ = request.after_revision();
  if (!request.page_token().empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const PageToken token, DecodePageToken(request.page_token(), query_));
    log_id = token.log_id;
    cursor_ = token.revision;
  } else {
    cursor_ = FirstAfter(log, cursor_);
  }
  response_.set_log_id(log.log_id);
  response_.set_start_revision(cursor_);
  return CheckCursor(log, log_id, cursor_);
}

bool EventPage::Take(const std::vector<engine::EncodedEvent>& events) {
  for (const engine::EncodedEvent& encoded : events) {
    if (!budget_.Look()) {
      full_ = true;
      return false;
    }
    cursor_ = encoded.event->revision();
    if (!filter_.Admits(*encoded.event)) continue;
    budget_.Take(*encoded.event);
    *response_.add_events() = *encoded.event;
  }
  return true;
}

void EventPage::Fill() {
  using Found = engine::Broadcaster::Found;
  const core::Filter everything;
  while (true) {
    const engine::Broadcaster::ReadResult read = engine_.broadcaster().Read(
        cursor_, everything, kEventsPerRead, std::max<size_t>(budget_.bytes_left(), 1));
    const bool not_there_yet = read.found == Found::kCaughtUp && cursor_ < head_;
    if (read.found == Found::kBehind || not_there_yet) return ReadJournal();
    if (read.found == Found::kCaughtUp || !Take(read.events)) return Answer();
  }
}

void EventPage::ReadJournal() {
  engine_.ReadEvents(
      cursor_, kEventsPerRead, std::max<size_t>(budget_.bytes_left(), 1),
      [self = shared_from_this()](const absl::StatusOr<std::vector<engine::EncodedEvent>>& events) {
        if (!events.ok()) return self->call_->Refuse(events.status());
        if (events->empty() || !self->Take(*events)) return self->Answer();
        self->Fill();
      });
}

void EventPage::Answer() {
  // What was looked at, not what came since: who watches on from the head misses nothing.
  response_.set_revision(full_ ? engine_.view()->revision : cursor_);
  if (full_) {
    response_.set_next_page_token(EncodePageToken({response_.log_id(), cursor_, ""}, query_));
  }
  call_->Answer(response_);
}

}  // namespace

void ListEvents(const UnaryCallPtr& call, const CallScope& scope,
                const v1::ListEventsRequest& request) {
  const auto page = std::make_shared<EventPage>(call, scope, request);
  const absl::Status begun = page->Begin(request);
  if (!begun.ok()) return call->Refuse(begun);
  call->RefuseWhenGone();
  call->host().PostRead([call, page](const absl::Status& go) {
    if (go.ok()) return page->Fill();
    call->Refuse(go);
  });
}

}  // namespace coordhub::rpc
