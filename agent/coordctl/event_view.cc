#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/text.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/time_text.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

// What a record is about, and what there is to say of it, in a few words.
struct Summary {
  std::string subject;
  std::string text;
};

Summary Summarize(const pb::Ticket& ticket) {
  std::string text = absl::StrCat(StateName(ticket.state()), " p", ticket.priority());
  if (ticket.has_claim()) {
    absl::StrAppend(&text, " held by ", ticket.claim().agent_id(), " fence ",
                    ticket.claim().fence());
  }
  return {ticket.ticket_id(), absl::StrCat(text, " ", ticket.title())};
}

Summary Summarize(const pb::Agent& agent) {
  std::string text = StateName(agent.state());
  if (!agent.branch().empty()) absl::StrAppend(&text, " on ", agent.branch());
  if (!agent.end_reason().empty()) absl::StrAppend(&text, ": ", agent.end_reason());
  return {agent.agent_id(), text};
}

Summary Summarize(const pb::RecordChange& change) {
  switch (change.record_case()) {
    case pb::RecordChange::kTicket:
      return Summarize(change.ticket());
    case pb::RecordChange::kAgent:
      return Summarize(change.agent());
    case pb::RecordChange::kTicketBody:
      return {change.ticket_body().ticket_id(),
              absl::StrCat("body of ", change.ticket_body().text().size(), " bytes")};
    case pb::RecordChange::kComment:
      return {change.comment().ticket_id(),
              absl::StrCat("comment ", change.comment().number(), ": ",
                           base::OneLine(change.comment().text(), 200))};
    case pb::RecordChange::kReservation:
      return {change.reservation().reservation_id(), "reservation"};
    case pb::RecordChange::kMessage:
      return {change.message().message_id(), "message"};
    case pb::RecordChange::kBranch:
      return {change.branch().branch(), change.branch().commit()};
    case pb::RecordChange::kConflict:
      return {absl::StrCat(change.conflict().branch_a(), " ", change.conflict().branch_b()),
              change.erased()
                  ? std::string("merge")
                  : absl::StrCat("conflict in ", change.conflict().path_count(), " paths")};
    case pb::RecordChange::kRound:
      return {change.round().round_id(),
              absl::StrCat(StateName(change.round().state()), " onto ", change.round().target(),
                           ", ", change.round().blocker_count(), " blockers")};
    case pb::RecordChange::kAcknowledgement:
      return {change.acknowledgement().message_id(),
              absl::StrCat("acknowledgement of ", change.acknowledgement().agent_id())};
    case pb::RecordChange::kOperation:
      return {change.operation().operation_id(), "operation"};
    case pb::RecordChange::kGate:
      return {change.gate().gate_id(), "gate"};
    case pb::RecordChange::RECORD_NOT_SET:
      break;
  }
  return {"", ""};
}

// A line before it is laid out.
struct Row {
  int64_t revision = 0;
  std::string time;
  std::string kind;
  std::string subject;
  std::string actor;
  std::string text;
};

// Tabs between the values for programs, aligned columns for people.
std::string Line(const Context& context, const Row& row) {
  const std::string subject = base::TerminalSafe(row.subject);
  const std::string actor = base::TerminalSafe(row.actor);
  const std::string text = base::TerminalSafe(row.text);
  if (!context.terminal()) {
    return absl::StrCat(row.revision, "\t", row.time, "\t", row.kind, "\t", subject, "\t", actor,
                        "\t", text, "\n");
  }
  const auto pad = [](std::string value, size_t width) {
    const size_t used = DisplayWidth(value);
    return value.append(used < width ? width - used : 0, ' ');
  };
  const bool color = context.color();
  return absl::StrCat(Paint(pad(absl::StrCat(row.revision), 7), Color::kDim, color), " ",
                      Paint(row.time, Color::kDim, color), " ",
                      Paint(pad(row.kind, 18), Color::kBlue, color), " ", pad(subject, 6), " ",
                      pad(actor, 12), " ", text, "\n");
}

}  // namespace

std::string EventLine(const Context& context, const pb::Event& event) {
  const Summary summary = event.changes().empty() ? Summary() : Summarize(event.changes(0));
  // An agent's record may say the reason already.
  const bool said = event.reason().empty() || absl::StrContains(summary.text, event.reason());
  const std::string reason = said ? "" : absl::StrCat(" (", event.reason(), ")");
  return Line(context, {.revision = event.revision(),
                        .time = ShowTime(agent::FromProto(event.event_time())),
                        .kind = KindName(event.kind()),
                        .subject = summary.subject,
                        .actor = event.actor(),
                        .text = absl::StrCat(summary.text, reason)});
}

std::string RecordLine(const Context& context, int64_t revision, const pb::RecordChange& record) {
  const Summary summary = Summarize(record);
  return Line(
      context,
      {.revision = revision, .kind = "snapshot", .subject = summary.subject, .text = summary.text});
}

}  // namespace coordhub::coordctl
