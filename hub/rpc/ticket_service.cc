#include "hub/rpc/ticket_service.h"

#include <utility>

#include "agent/base/error.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/proto_time.h"
#include "hub/rpc/ticket_listing.h"

namespace coordhub::rpc {
namespace {

absl::StatusOr<v1::ClaimNextTicketResponse> AnswerClaimNext(const Committed& committed) {
  v1::ClaimNextTicketResponse response;
  if (committed.outcome.events.empty()) {
    *response.mutable_no_work() = committed.outcome.no_work.value_or(v1::NoWork());
    response.set_revision(committed.outcome.revision);
    return response;
  }
  response = core::ClaimNextTicketResponseOf(committed.outcome.events);
  CompleteResponse(committed.scope, *committed.view, &response);
  return response;
}

// Volatile calls bypass the writer, but while the hub stops they are refused like all that change
// something.
absl::Status RefusalToChange(const CallScope& scope) {
  if (!scope.engine().draining()) return absl::OkStatus();
  return base::MakeError(base::pb::ERROR_REASON_HUB_DRAINING, "the hub is stopping");
}

template <class Request, class Response>
absl::Status FillTicket(const CallScope& scope, const Request& request, Response* response) {
  const engine::ViewPtr view = scope.engine().view();
  const v1::Ticket* ticket = view->records.FindTicket(core::TicketNumber(request.ticket_id()));
  if (ticket == nullptr) return core::TicketNotFound(request.ticket_id());
  *response->mutable_ticket() = *ticket;
  CompleteResponse(scope, *view, response);
  response->set_revision(view->revision);
  return absl::OkStatus();
}

void RenewClaim(const UnaryCallPtr& call, const CallScope& scope,
                const v1::RenewClaimRequest& request) {
  v1::RenewClaimResponse response;
  const auto renew = [&]() -> absl::Status {
    COORDHUB_RETURN_IF_ERROR(RefusalToChange(scope));
    COORDHUB_ASSIGN_OR_RETURN(const absl::Duration left,
                              scope.engine().RenewClaim(scope.principal.session_uid, request));
    if (left != absl::InfiniteDuration()) *response.mutable_expires_in() = core::ToProto(left);
    return FillTicket(scope, request, &response);
  };
  const absl::Status status = renew();
  if (status.ok()) return call->Answer(response);
  call->Refuse(WithDetails(status, scope, request.ticket_id()));
}

void UpdateProgress(const UnaryCallPtr& call, const CallScope& scope,
                    const v1::UpdateProgressRequest& request) {
  v1::UpdateProgressResponse response;
  const auto update = [&]() -> absl::Status {
    COORDHUB_RETURN_IF_ERROR(RefusalToChange(scope));
    COORDHUB_RETURN_IF_ERROR(scope.engine().UpdateProgress(scope.principal.session_uid, request));
    return FillTicket(scope, request, &response);
  };
  const absl::Status status = update();
  if (status.ok()) return call->Answer(response);
  call->Refuse(WithDetails(status, scope, request.ticket_id()));
}

}  // namespace

TicketService::TicketService(std::shared_ptr<ServiceHost> host, const Gate* gate)
    : TypedService(
          v1::CreateTicketRequest::descriptor()->file()->FindServiceByName("TicketService"),
          std::move(host), gate) {
  BindMutation<v1::CreateTicketRequest>("CreateTicket", FromCommit(core::CreateTicketResponseOf));
  BindMutation<v1::BatchCreateTicketsRequest>("BatchCreateTickets",
                                              FromCommit(core::BatchCreateTicketsResponseOf));
  BindMutation<v1::UpdateTicketRequest>("UpdateTicket", FromCommit(core::UpdateTicketResponseOf));
  BindMutation<v1::ClaimTicketRequest>("ClaimTicket", FromCommit(core::ClaimTicketResponseOf));
  BindMutation<v1::ClaimNextTicketRequest>("ClaimNextTicket", AnswerClaimNext);
  BindMutation<v1::ReleaseTicketRequest>("ReleaseTicket",
                                         FromCommit(core::ReleaseTicketResponseOf));
  BindMutation<v1::CompleteTicketRequest>("CompleteTicket",
                                          FromCommit(core::CompleteTicketResponseOf));
  BindMutation<v1::FailTicketRequest>("FailTicket", FromCommit(core::FailTicketResponseOf));
  BindMutation<v1::CancelTicketRequest>("CancelTicket", FromCommit(core::CancelTicketResponseOf));
  BindMutation<v1::ReopenTicketRequest>("ReopenTicket", FromCommit(core::ReopenTicketResponseOf));
  BindMutation<v1::AddCommentRequest>("AddComment", FromCommit(core::AddCommentResponseOf));
  BindRead<v1::GetTicketRequest, v1::GetTicketResponse>("GetTicket", GetTicket);
  BindRead<v1::ListTicketsRequest, v1::ListTicketsResponse>("ListTickets", ListTickets);
  BindTyped<v1::RenewClaimRequest>("RenewClaim", Access::kSession, RenewClaim);
  BindTyped<v1::UpdateProgressRequest>("UpdateProgress", Access::kSession, UpdateProgress);
}

}  // namespace coordhub::rpc
