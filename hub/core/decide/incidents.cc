#include "hub/core/decide/incidents.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/mutant.h"
#include "agent/base/text.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/requeue.h"
#include "hub/core/decide/ticket_spec.h"
#include "hub/core/limits.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

constexpr char kIncidentLabel[] = "incident";
constexpr size_t kShortCommit = 12;

}  // namespace

const pb::Ticket* FindIncident(const Context& context, const pb::Gate& gate) {
  const pb::Ticket* ticket = context.draft.FindTicket(TicketNumber(gate.incident_ticket_id()));
  return ticket == nullptr || IsFinished(ticket->state()) ? nullptr : ticket;
}

void OpenIncident(Context& context, const std::string& commit, std::string_view note,
                  pb::Gate* gate) {
  const bool is_open =
      FindIncident(context, *gate) != nullptr && !base::MutantActive("incident_opened_again");
  if (is_open || !RequireRoomForTickets(context, 1).ok()) return;
  pb::TicketSpec spec;
  spec.set_title(base::OneLine(absl::StrCat(gate->target(), " is red: gate ", gate->gate_id(),
                                            " fails at ", commit.substr(0, kShortCommit)),
                               limits::kTitleBytes));
  spec.set_body(base::OneLine(note, limits::kReasonBytes));
  spec.set_priority(0);
  spec.add_labels(kIncidentLabel);
  const int64_t number = context.draft.NewTicketNumber();
  pb::Ticket ticket = MakeTicket(context, number, spec);
  const std::string ticket_id = ticket.ticket_id();
  pb::Event& event = ChangeTicket(context.draft, pb::EVENT_KIND_TICKET_CREATED, std::move(ticket));
  PutBody(context, event, ticket_id, /*before=*/nullptr, spec.body());
  gate->set_incident_ticket_id(ticket_id);
}

void CloseIncident(Context& context, const pb::Gate& gate, const std::string& reason) {
  const pb::Ticket* incident = FindIncident(context, gate);
  if (incident == nullptr) return;
  pb::Ticket closed = *incident;
  closed.set_state(pb::Ticket::STATE_CANCELLED);
  closed.clear_claim();
  *closed.mutable_outcome() = OutcomeNow(context, context.draft.actor(), reason);
  ChangeTicket(context.draft, pb::EVENT_KIND_TICKET_CANCELLED, std::move(closed), reason);
}

}  // namespace coordhub::core
