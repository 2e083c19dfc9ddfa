#include "hub/rpc/event_listing_back.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/status_macros.h"
#include "hub/core/filter.h"
#include "hub/rpc/paging.h"
#include "hub/rpc/watch_plan.h"

namespace coordhub::rpc {
namespace {

// Events are read forwards; so many at a time are held to be looked at backwards.
constexpr int64_t kWindow = 256;
constexpr size_t kBytesPerRead = 1 << 20;

// One page, from its first read to its answer. Used by one thread at a time: that for reads, then
// the engine's reader thread.
class BackPage : public std::enable_shared_from_this<BackPage> {
 public:
  BackPage(UnaryCallPtr call, const CallScope& scope, const v1::ListEventsRequest& request)
      : call_(std::move(call)),
        engine_(scope.engine()),
        filter_(request.filter()),
        query_(QueryOf(request)),
        budget_(request.page_size()) {}

  absl::Status Begin(const v1::ListEventsRequest& request);
  // Goes back until the page is full or the listing's first event was looked at.
  void Fill();

 private:
  // Reads the window's events, up to the one before `ahead_`. False: Fill is called when they come.
  bool ReadWindow();
  // Looks at what was read, the newest first. False: the page is full.
  bool TakeWindow();
  void Answer();

  const UnaryCallPtr call_;
  engine::Workspace& engine_;
  const core::Filter filter_;
  const std::string query_;
  PageBudget budget_;
  int64_t first_ = 0;  // the listing has the events after this one
  int64_t ahead_ = 0;  // those before this one were not looked at yet
  std::vector<engine::EncodedEvent> window_;
  int64_t read_ = 0;  // the last event of the window, or the one before it
  bool full_ = false;
  v1::ListEventsResponse response_;
};

absl::Status BackPage::Begin(const v1::ListEventsRequest& request) {
  const LogPosition log{engine_.identity().log_id, engine_.view()->revision,
                        engine_.compact_revision()};
  first_ = FirstAfter(log, request.after_revision());
  ahead_ = log.head_revision + 1;
  std::string log_id = request.log_id();
  if (!request.page_token().empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const PageToken token, DecodePageToken(request.page_token(), query_));
    log_id = token.log_id;
    ahead_ = token.revision;
  }
  response_.set_log_id(log.log_id);
  response_.set_start_revision(first_);
  response_.set_revision(log.head_revision);
  COORDHUB_RETURN_IF_ERROR(CheckCursor(log, log_id, first_));
  // What the pages before left over may be compacted by now: then they were the last.
  COORDHUB_RETURN_IF_ERROR(CheckCursor(log, log_id, std::max(first_, ahead_ - 1)));
  read_ = std::max(first_, ahead_ - 1 - kWindow);
  return absl::OkStatus();
}

void BackPage::Fill() {
  while (first_ < ahead_ - 1) {
    if (!ReadWindow()) return;
    if (!TakeWindow()) break;
    read_ = std::max(first_, ahead_ - 1 - kWindow);
  }
  Answer();
}

bool BackPage::ReadWindow() {
  const core::Filter everything;
  while (read_ < ahead_ - 1) {
    const auto count = static_cast<size_t>(ahead_ - 1 - read_);
    engine::Broadcaster::ReadResult read =
        engine_.broadcaster().Read(read_, everything, count, kBytesPerRead);
    if (read.found == engine::Broadcaster::Found::kEvents) {
      read_ = read.scanned;
      std::move(read.events.begin(), read.events.end(), std::back_inserter(window_));
      continue;
    }
    engine_.ReadEvents(
        read_, count, kBytesPerRead,
        [self = shared_from_this()](absl::StatusOr<std::vector<engine::EncodedEvent>> events) {
          if (!events.ok()) return self->call_->Refuse(events.status());
          if (events->empty()) {
            return self->call_->Refuse(absl::InternalError("the journal lacks events"));
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
  for (auto encoded = window_.rbegin(); encoded != window_.rend(); ++encoded) {
    if (!budget_.Look()) {
      full_ = true;
      break;
    }
    ahead_ = encoded->event->revision();
    if (!filter_.Admits(*encoded->event)) continue;
    budget_.Take(*encoded->event);
    *response_.add_events() = *encoded->event;
  }
  window_.clear();
  return !full_;
}

void BackPage::Answer() {
  if (full_) {
    response_.set_next_page_token(EncodePageToken({response_.log_id(), ahead_, ""}, query_));
  }
  call_->Answer(response_);
}

}  // namespace

void ListEventsBack(const UnaryCallPtr& call, const CallScope& scope,
                    const v1::ListEventsRequest& request) {
  const auto page = std::make_shared<BackPage>(call, scope, request);
  const absl::Status begun = page->Begin(request);
  if (!begun.ok()) return call->Refuse(begun);
  call->RefuseWhenGone();
  call->host().PostRead([call, page](const absl::Status& go) {
    if (go.ok()) return page->Fill();
    call->Refuse(go);
  });
}

}  // namespace coordhub::rpc
