#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/cycles.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/decide/ticket_spec.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

bool Names(const pb::UpdateTicketRequest& request, std::string_view field) {
  for (const std::string& path : request.update_mask().paths()) {
    if (path == field) return true;
  }
  return false;
}

// What the request may refuse about the ticket as it is.
absl::Status CheckTicket(const pb::UpdateTicketRequest& request, const pb::Ticket& ticket) {
  if (request.expected_revision() != 0 && request.expected_revision() != ticket.mod_revision()) {
    return RevisionMismatch(ticket, request.expected_revision());
  }
  if (!IsFinished(ticket.state())) return absl::OkStatus();
  for (const std::string& path : request.update_mask().paths()) {
    if (IsQueueField(path)) return WrongTicketState(ticket, "given other " + path);
  }
  return absl::OkStatus();
}

// The part of the spec that names tickets, as far as the mask takes it.
pb::TicketSpec NewReferences(const pb::UpdateTicketRequest& request) {
  pb::TicketSpec references;
  if (Names(request, "dependencies")) {
    *references.mutable_dependencies() = request.spec().dependencies();
  }
  if (Names(request, "parent_ticket_id")) {
    references.set_parent_ticket_id(request.spec().parent_ticket_id());
  }
  return references;
}

// No ticket has had more attempts than it may have, and one that waits has one left.
absl::Status CheckAttempts(const pb::Ticket& updated) {
  const bool waits =
      updated.state() == pb::Ticket::STATE_OPEN || updated.state() == pb::Ticket::STATE_BLOCKED;
  const int least = waits ? updated.attempt() + 1 : updated.attempt();
  if (updated.max_attempts() >= least) return absl::OkStatus();
  return WrongTicketState(updated, absl::StrCat("given max_attempts ", updated.max_attempts(),
                                                " after ", updated.attempt(), " attempts"));
}

pb::Ticket Updated(const Context& context, const pb::UpdateTicketRequest& request,
                   const pb::Ticket& ticket) {
  pb::Ticket updated = ticket;
  for (const std::string& path : request.update_mask().paths()) {
    SetTicketField(path, request.spec(), &updated);
  }
  if (Names(request, "body")) SetBody(request.spec().body(), &updated);
  if (ticket.state() == pb::Ticket::STATE_OPEN || ticket.state() == pb::Ticket::STATE_BLOCKED) {
    updated.set_state(QueueState(context.draft, updated));
  }
  return updated;
}

}  // namespace

absl::Status DecideCommand(Context& context, const pb::UpdateTicketRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::Ticket* ticket, RequireTicket(context, request.ticket_id()));
  COORDHUB_RETURN_IF_ERROR(RequireOwner(context, *ticket));
  COORDHUB_RETURN_IF_ERROR(CheckTicket(request, *ticket));
  const pb::TicketSpec references = NewReferences(request);
  COORDHUB_RETURN_IF_ERROR(
      RequireReferences(context, references, TicketNumber(request.ticket_id())));

  pb::Ticket updated = Updated(context, request, *ticket);
  COORDHUB_RETURN_IF_ERROR(CheckAttempts(updated));
  pb::Event& event = ChangeTicket(context.draft, pb::EVENT_KIND_TICKET_UPDATED, std::move(updated));
  if (Names(request, "body")) {
    PutBody(context, event, request.ticket_id(), ticket, request.spec().body());
  }

  // Fewer edges close no cycle, so only those that the request names need a look.
  const int64_t number = TicketNumber(request.ticket_id());
  if (references.dependencies_size() > 0 || !references.parent_ticket_id().empty()) {
    COORDHUB_RETURN_IF_ERROR(CheckCycles(context.draft, {number}, TicketId));
  }
  if (references.parent_ticket_id().empty()) return absl::OkStatus();
  return CheckParentDepth(context.draft, number);
}

}  // namespace coordhub::core
