#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/operations.h"
#include "hub/core/decide/requeue.h"
#include "hub/core/decide/ticket_spec.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

constexpr char kIncidentLabel[] = "incident";

// Null: none is open.
const pb::Ticket* OpenIncident(const Context& context, const pb::Gate& gate) {
  const pb::Ticket* ticket = context.draft.FindTicket(TicketNumber(gate.incident_ticket_id()));
  return ticket == nullptr || IsFinished(ticket->state()) ? nullptr : ticket;
}

// One ticket however many see that the target is red. None when there is no room for one: the gate
// says so all the same.
void OpenIncidentOf(Context& context, const RecordGateRun& run, pb::Gate* gate) {
  if (OpenIncident(context, *gate) != nullptr || !RequireRoomForTickets(context, 1).ok()) return;
  pb::TicketSpec spec;
  spec.set_title(base::OneLine(absl::StrCat(gate->target(), " is red: gate ", gate->gate_id(),
                                            " fails at ", run.commit.substr(0, 12)),
                               limits::kTitleBytes));
  spec.set_body(base::OneLine(run.note, limits::kReasonBytes));
  spec.set_priority(0);
  spec.add_labels(kIncidentLabel);
  const int64_t number = context.draft.NewTicketNumber();
  pb::Ticket ticket = MakeTicket(context, number, spec);
  const std::string ticket_id = ticket.ticket_id();
  pb::Event& event = ChangeTicket(context.draft, pb::EVENT_KIND_TICKET_CREATED, std::move(ticket));
  PutBody(context, event, ticket_id, /*before=*/nullptr, spec.body());
  gate->set_incident_ticket_id(ticket_id);
}

void CloseIncidentOf(Context& context, const RecordGateRun& run, pb::Gate* gate) {
  const pb::Ticket* incident = OpenIncident(context, *gate);
  gate->clear_incident_ticket_id();
  if (incident == nullptr) return;
  const std::string reason =
      absl::StrCat(gate->target(), " is green again at ", run.commit.substr(0, 12));
  pb::Ticket closed = *incident;
  closed.set_state(pb::Ticket::STATE_CANCELLED);
  closed.clear_claim();
  *closed.mutable_outcome() = OutcomeNow(context, context.draft.actor(), reason);
  ChangeTicket(context.draft, pb::EVENT_KIND_TICKET_CANCELLED, std::move(closed), reason);
}

}  // namespace

absl::Status DecideCommand(Context& context, const RecordGateRun& command) {
  COORDHUB_RETURN_IF_ERROR(RequireHub(context, "say how a gate ran"));
  const pb::Gate* known = context.draft.Find<tables::Gates>(command.gate_id);
  if (known == nullptr) return absl::OkStatus();
  pb::Gate gate = *known;
  if (command.passed) {
    CloseIncidentOf(context, command, &gate);
  } else {
    OpenIncidentOf(context, command, &gate);
  }
  gate.set_verdict(command.passed ? pb::Gate::VERDICT_GREEN : pb::Gate::VERDICT_RED);
  gate.set_commit(command.commit);
  gate.set_operation_id(command.operation_id);
  *gate.mutable_run_time() = ToProto(context.draft.time());
  context.draft.Put(context.draft.Add(pb::EVENT_KIND_GATE_RAN), std::move(gate));
  return absl::OkStatus();
}

}  // namespace coordhub::core
