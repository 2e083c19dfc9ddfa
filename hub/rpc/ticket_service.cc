#include "hub/rpc/ticket_service.h"

#include <utility>

#include "agent/base/error.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/proto_time.h"
#include "hub/engine/endings.h"
#include "hub/rpc/archived_listing.h"
#include "hub/rpc/mutation_stream.h"
#include "hub/rpc/ticket_listing.h"
#include "hub/rpc/ticket_reading.h"

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
  return scope.engine().draining() ? engine::Draining() : absl::OkStatus();
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
                              scope.engine().RenewClaim(scope.principal.session_uid(), request));
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
    COORDHUB_RETURN_IF_ERROR(scope.engine().UpdateProgress(scope.principal.session_uid(), request));
    return FillTicket(scope, request, &response);
  };
  const absl::Status status = update();
  if (status.ok()) return call->Answer(response);
  call->Refuse(WithDetails(status, scope, request.ticket_id()));
}

void AnswerListTickets(const UnaryCallPtr& call, const CallScope& scope,
                       const v1::ListTicketsRequest& request, engine::ViewPtr view) {
  if (request.archived()) return ListArchivedTickets(call, scope, request, std::move(view));
  v1::ListTicketsResponse response;
  const absl::Status status =
      ListTickets(Reading{call->host(), scope, std::move(view)}, request, &response);
  if (status.ok()) return call->Answer(response);
  call->Refuse(status);
}

}  // namespace

TicketService::TicketService(std::shared_ptr<ServiceHost> host, const Gate* gate)
    : TypedService(
          v1::CreateTicketRequest::descriptor()->file()->FindServiceByName("TicketService"),
          std::move(host), gate) {
  BindMutations();
  BindViewed<v1::GetTicketRequest>("GetTicket", ReadCost::kLookup, GetTicket);
  BindViewed<v1::ListTicketsRequest>("ListTickets", ReadCost::kWalk, AnswerListTickets);
  BindTyped<v1::RenewClaimRequest>("RenewClaim", RenewClaim);
  BindTyped<v1::UpdateProgressRequest>("UpdateProgress", UpdateProgress);
  BindStream(
      "MutateTickets", [this](std::unique_ptr<StreamServerCall> call, const Principal& principal) {
        MutationStream::Start(this->host(), &this->gate(), &kinds_, std::move(call), principal);
      });
}

void TicketService::BindMutations() {
  using Mutation = v1::TicketMutation;
  using Result = v1::TicketMutationResult;
  BindBoth("CreateTicket", Mutation::kCreateTicket, &Mutation::mutable_create_ticket,
           &Result::mutable_create_ticket, FromCommit(core::CreateTicketResponseOf));
  BindBoth("BatchCreateTickets", Mutation::kBatchCreateTickets,
           &Mutation::mutable_batch_create_tickets, &Result::mutable_batch_create_tickets,
           FromCommit(core::BatchCreateTicketsResponseOf));
  BindBoth("UpdateTicket", Mutation::kUpdateTicket, &Mutation::mutable_update_ticket,
           &Result::mutable_update_ticket, FromCommit(core::UpdateTicketResponseOf));
  BindBoth("ClaimTicket", Mutation::kClaimTicket, &Mutation::mutable_claim_ticket,
           &Result::mutable_claim_ticket, FromCommit(core::ClaimTicketResponseOf));
  BindBoth("ClaimNextTicket", Mutation::kClaimNextTicket, &Mutation::mutable_claim_next_ticket,
           &Result::mutable_claim_next_ticket, AnswerClaimNext);
  BindBoth("ReleaseTicket", Mutation::kReleaseTicket, &Mutation::mutable_release_ticket,
           &Result::mutable_release_ticket, FromCommit(core::ReleaseTicketResponseOf));
  BindBoth("CompleteTicket", Mutation::kCompleteTicket, &Mutation::mutable_complete_ticket,
           &Result::mutable_complete_ticket, FromCommit(core::CompleteTicketResponseOf));
  BindBoth("FailTicket", Mutation::kFailTicket, &Mutation::mutable_fail_ticket,
           &Result::mutable_fail_ticket, FromCommit(core::FailTicketResponseOf));
  BindBoth("CancelTicket", Mutation::kCancelTicket, &Mutation::mutable_cancel_ticket,
           &Result::mutable_cancel_ticket, FromCommit(core::CancelTicketResponseOf));
  BindBoth("ReopenTicket", Mutation::kReopenTicket, &Mutation::mutable_reopen_ticket,
           &Result::mutable_reopen_ticket, FromCommit(core::ReopenTicketResponseOf));
  BindBoth("AddComment", Mutation::kAddComment, &Mutation::mutable_add_comment,
           &Result::mutable_add_comment, FromCommit(core::AddCommentResponseOf));
}

}  // namespace coordhub::rpc
