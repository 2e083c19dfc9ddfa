#include "hub/rpc/event_page.h"

#include <utility>

#include "agent/base/status_macros.h"

namespace coordhub::rpc {

EventPage::EventPage(UnaryCallPtr call, const CallScope& scope,
                     const v1::ListEventsRequest& request)
    : call_(std::move(call)),
      engine_(scope.engine()),
      filter_(request.filter()),
      query_(QueryOf(request)),
      budget_(request.page_size()) {}

void EventPage::Run(const std::shared_ptr<EventPage>& page, const v1::ListEventsRequest& request) {
  const absl::Status begun = page->BeginWith(request);
  if (!begun.ok()) return page->call_->Refuse(begun);
  page->call_->RefuseWhenGone();
  page->call_->host().PostRead([page](const absl::Status& go) {
    if (go.ok()) return page->Fill();
    page->call_->Refuse(go);
  });
}

absl::Status EventPage::BeginWith(const v1::ListEventsRequest& request) {
  const LogPosition log{engine_.identity().log_id, engine_.view()->revision,
                        engine_.compact_revision()};
  std::string log_id = request.log_id();
  std::optional<int64_t> token_revision;
  if (!request.page_token().empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const PageToken token, DecodePageToken(request.page_token(), query_));
    log_id = token.log_id;
    token_revision = token.revision;
  }
  response_.set_log_id(log.log_id);
  return Begin(log, log_id, FirstAfter(log, request.after_revision()), token_revision);
}

bool EventPage::Look(const engine::EncodedEvent& encoded) {
  if (!budget_.Look()) {
    full_ = true;
    return false;
  }
  at_ = encoded.event->revision();
  if (!filter_.Admits(*encoded.event)) return true;
  budget_.Take(*encoded.event);
  *response_.add_events() = *encoded.event;
  return true;
}

void EventPage::Answer() {
  if (full_) {
    response_.set_next_page_token(EncodePageToken({response_.log_id(), at_, ""}, query_));
  }
  call_->Answer(response_);
}

}  // namespace coordhub::rpc
