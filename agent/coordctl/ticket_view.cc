#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/text.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/time_text.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

constexpr char kIndent[] = "    ";

Color ColorOf(pb::Ticket::State state) {
  switch (state) {
    case pb::Ticket::STATE_CLAIMED:
      return Color::kYellow;
    case pb::Ticket::STATE_BLOCKED:
      return Color::kMagenta;
    case pb::Ticket::STATE_DONE:
      return Color::kGreen;
    case pb::Ticket::STATE_FAILED:
    case pb::Ticket::STATE_BURIED:
      return Color::kRed;
    case pb::Ticket::STATE_CANCELLED:
      return Color::kDim;
    default:
      return Color::kNone;
  }
}

std::string Number(int64_t value) { return value == 0 ? "" : absl::StrCat(value); }

std::string When(const google::protobuf::Timestamp& time) {
  return time.seconds() == 0 ? "" : ShowTime(agent::FromProto(time));
}

std::string HolderText(const pb::Ticket& ticket) {
  if (!ticket.has_claim()) return "";
  std::string text =
      absl::StrCat(ticket.claim().agent_id(), " since ", When(ticket.claim().claim_time()));
  if (ticket.claim().has_claim_timeout()) {
    absl::StrAppend(&text, ", for ", ShowSpan(agent::FromProto(ticket.claim().claim_timeout())),
                    " unless renewed");
  }
  if (ticket.has_last_work_time()) {
    absl::StrAppend(&text, "; last sign of work ", When(ticket.last_work_time()));
  }
  return text;
}

std::string DependencyText(const pb::Ticket& ticket) {
  return absl::StrJoin(ticket.dependencies(), ", ",
                       [](std::string* out, const pb::Dependency& dependency) {
                         out->append(dependency.ticket_id());
                         if (dependency.until() == pb::Dependency::UNTIL_INTEGRATED) {
                           out->append(" (integrated)");
                         }
                       });
}

std::string BlockerText(const pb::Ticket& ticket) {
  return absl::StrJoin(ticket.blocked_by(), ", ", [](std::string* out, const pb::Blocker& blocker) {
    absl::StrAppend(out, blocker.ticket_id(), " ", StateName(blocker.state()));
    if (blocker.kind() == pb::Blocker::KIND_CHILD) out->append(" child");
    if (blocker.stuck()) out->append(" STUCK");
  });
}

std::string ProgressText(const pb::Ticket& ticket) {
  if (!ticket.has_progress()) return "";
  const pb::Progress& progress = ticket.progress();
  const std::string percent =
      progress.has_percent() ? absl::StrCat(progress.percent(), "% ") : std::string();
  return absl::StrCat(percent, progress.note(), " (", When(progress.note_time()), ")");
}

std::string OutcomeText(const pb::Ticket& ticket) {
  if (!ticket.has_outcome()) return "";
  const pb::Outcome& outcome = ticket.outcome();
  std::string text = absl::StrCat(outcome.actor(), " at ", When(outcome.outcome_time()));
  if (!outcome.commit().empty()) absl::StrAppend(&text, ", commit ", outcome.commit());
  if (!outcome.summary().empty()) absl::StrAppend(&text, ": ", outcome.summary());
  if (!outcome.reason().empty()) absl::StrAppend(&text, ": ", outcome.reason());
  return text;
}

std::string IntegrationText(const pb::Ticket& ticket) {
  if (!ticket.has_integration()) return "";
  return absl::StrCat(ticket.integration().target(), " at ", ticket.integration().commit());
}

}  // namespace

Table TicketTable(const Context& context, const std::vector<pb::Ticket>& tickets) {
  Table table = context.NewTable({"TICKET", "STATE", "PRI", "HOLDER", "FENCE", "LABELS", "TITLE"});
  for (const pb::Ticket& ticket : tickets) {
    table.Add({{ticket.ticket_id(), Color::kBold},
               {StateName(ticket.state()), ColorOf(ticket.state())},
               {absl::StrCat("p", ticket.priority())},
               {ticket.claim().agent_id()},
               {Number(ticket.claim().fence())},
               {absl::StrJoin(ticket.labels(), ",")},
               {ticket.title()}});
  }
  return table;
}

std::string KeyLine(const Context& context, const std::string& key, const std::string& value) {
  if (value.empty()) return "";
  return Paint(key + ":", Color::kDim, context.color()) + " " + base::TerminalSafe(value) + "\n";
}

std::string TicketText(const Context& context, const pb::Ticket& ticket, const std::string& body,
                       const std::vector<pb::Comment>& comments) {
  const auto line = [&](const char* key, const std::string& value) {
    return KeyLine(context, key, value);
  };
  const std::string attempts = absl::StrCat(ticket.attempt(), " of ", ticket.max_attempts());
  std::string text = absl::StrCat(
      line("ticket", ticket.ticket_id()), line("title", ticket.title()),
      line("state", StateName(ticket.state())), line("fence", Number(ticket.claim().fence())),
      line("holder", HolderText(ticket)), line("progress", ProgressText(ticket)),
      line("blocked by", BlockerText(ticket)),
      line("priority", absl::StrCat("p", ticket.priority())),
      line("labels", absl::StrJoin(ticket.labels(), ", ")),
      line("paths", absl::StrJoin(ticket.paths(), ", ")),
      line("depends on", DependencyText(ticket)), line("parent", ticket.parent_ticket_id()),
      line("assignee", ticket.assignee_agent_id()), line("not before", When(ticket.not_before())),
      line("rests for", ticket.has_backoff() ? ShowSpan(agent::FromProto(ticket.backoff())) : ""));
  absl::StrAppend(
      &text, line("attempt", attempts), line("last outcome", OutcomeText(ticket)),
      line("integrated", IntegrationText(ticket)),
      line("created", absl::StrCat(When(ticket.create_time()), " by ", ticket.creator())),
      line("revision", absl::StrCat(ticket.mod_revision())),
      line("archived", ticket.archived() ? "yes; it does not change any more" : ""));
  if (!body.empty()) absl::StrAppend(&text, "\n", SafeBlock(body, kIndent));
  for (const pb::Comment& comment : comments) {
    absl::StrAppend(&text, "\n",
                    line("comment", absl::StrCat(comment.number(), " by ", comment.author(), ", ",
                                                 When(comment.create_time()))),
                    SafeBlock(comment.text(), kIndent));
  }
  return text;
}

}  // namespace coordhub::coordctl
