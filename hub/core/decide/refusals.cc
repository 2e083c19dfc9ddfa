#include "hub/core/decide/refusals.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "agent/base/error.h"
#include "agent/base/string_view.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {
namespace {

namespace pb = coordhub::v1;
using base::MakeError;
using base::ToAbsl;

// What fits into an error with room to spare; the middle of a longer path says nothing new.
constexpr size_t kPathEnds = 8;
constexpr size_t kBlockersNamed = 16;

std::string_view WithoutPrefix(std::string_view name) {
  constexpr std::string_view kPrefix = "STATE_";
  return name.substr(0, kPrefix.size()) == kPrefix ? name.substr(kPrefix.size()) : name;
}

std::string HolderText(const pb::Ticket& ticket) {
  return ticket.has_claim() ? absl::StrCat(ticket.claim().agent_id(), " holds ", ticket.ticket_id())
                            : absl::StrCat("nobody holds ", ticket.ticket_id());
}

}  // namespace

std::string_view StateName(pb::Ticket::State state) {
  return WithoutPrefix(pb::Ticket::State_Name(state));
}

std::string_view StateName(pb::Agent::State state) {
  return WithoutPrefix(pb::Agent::State_Name(state));
}

std::string_view StateName(pb::Operation::State state) {
  return WithoutPrefix(pb::Operation::State_Name(state));
}

std::string_view StateName(pb::Round::State state) {
  return WithoutPrefix(pb::Round::State_Name(state));
}

absl::Status TicketNotFound(std::string_view ticket_id) {
  return MakeError(pb::ERROR_REASON_TICKET_NOT_FOUND,
                   absl::StrCat("there is no ticket ", ToAbsl(ticket_id)),
                   {{"ticket_id", std::string(ticket_id)}});
}

absl::Status TicketArchived(std::string_view ticket_id) {
  return MakeError(pb::ERROR_REASON_TICKET_ARCHIVED,
                   absl::StrCat(ToAbsl(ticket_id), " is archived and does not change any more"),
                   {{"ticket_id", std::string(ticket_id)}});
}

absl::Status AgentNotFound(std::string_view agent_id) {
  return MakeError(pb::ERROR_REASON_AGENT_NOT_FOUND,
                   absl::StrCat("there is no agent ", ToAbsl(agent_id)),
                   {{"agent_id", std::string(agent_id)}});
}

absl::Status OperationNotFound(std::string_view operation_id) {
  return MakeError(pb::ERROR_REASON_OPERATION_NOT_FOUND,
                   absl::StrCat("there is no operation ", ToAbsl(operation_id)),
                   {{"operation_id", std::string(operation_id)}});
}

absl::Status RoundNotFound(std::string_view round_id) {
  return MakeError(pb::ERROR_REASON_ROUND_NOT_FOUND,
                   round_id.empty() ? std::string("no round is active")
                                    : absl::StrCat("there is no round ", ToAbsl(round_id)),
                   {{"round_id", std::string(round_id)}});
}

absl::Status WhichRound() {
  return MakeError(pb::ERROR_REASON_ROUND_NOT_FOUND,
                   "several rounds are active: say which one is meant", {{"round_id", ""}});
}

absl::Status GateNotFound(std::string_view gate_id) {
  return MakeError(pb::ERROR_REASON_GATE_NOT_FOUND,
                   absl::StrCat("there is no gate ", ToAbsl(gate_id)),
                   {{"gate_id", std::string(gate_id)}});
}

absl::Status BranchNotFound(std::string_view branch, std::string_view why) {
  return MakeError(pb::ERROR_REASON_BRANCH_NOT_FOUND,
                   absl::StrCat("there is no branch ", ToAbsl(branch), ": ", ToAbsl(why)),
                   {{"branch", std::string(branch)}});
}

absl::Status WrongRoundState(const pb::Round& round, std::string_view deed) {
  const std::string_view state = StateName(round.state());
  return MakeError(
      pb::ERROR_REASON_ROUND_STATE,
      absl::StrCat(round.round_id(), " is ", ToAbsl(state), " and cannot be ", ToAbsl(deed)),
      {{"round_id", round.round_id()}, {"state", std::string(state)}});
}

absl::Status BranchInRound(const pb::Round& round, std::string_view branch) {
  return MakeError(
      pb::ERROR_REASON_ROUND_STATE,
      absl::StrCat(ToAbsl(branch), " is a member of ", round.round_id(), ", which is active"),
      {{"round_id", round.round_id()}, {"state", std::string(StateName(round.state()))}});
}

absl::Status NotRoundMember(const pb::Round& round, std::string_view branch) {
  return MakeError(pb::ERROR_REASON_NOT_ROUND_MEMBER,
                   absl::StrCat(ToAbsl(branch), " is no member of ", round.round_id(),
                                "; members are sealed when a round opens"),
                   {{"round_id", round.round_id()}, {"branch", std::string(branch)}});
}

absl::Status OperationEnded(const pb::Operation& operation) {
  const std::string_view state = StateName(operation.state());
  return MakeError(
      pb::ERROR_REASON_OPERATION_STATE,
      absl::StrCat(operation.operation_id(), " has ended already (", ToAbsl(state), ")"),
      {{"operation_id", operation.operation_id()}, {"state", std::string(state)}});
}

absl::Status WrongTicketState(const pb::Ticket& ticket, std::string_view deed) {
  const std::string_view state = StateName(ticket.state());
  return MakeError(
      pb::ERROR_REASON_TICKET_STATE,
      absl::StrCat(ticket.ticket_id(), " is ", ToAbsl(state), " and cannot be ", ToAbsl(deed)),
      {{"ticket_id", ticket.ticket_id()}, {"state", std::string(state)}});
}

absl::Status TicketHeld(const pb::Ticket& ticket) {
  return MakeError(pb::ERROR_REASON_TICKET_CLAIMED, HolderText(ticket),
                   {{"ticket_id", ticket.ticket_id()},
                    {"holder", ticket.claim().agent_id()},
                    {"current_fence", absl::StrCat(ticket.claim().fence())}});
}

absl::Status TicketHasBlockers(const pb::Ticket& ticket, const std::vector<pb::Blocker>& blockers) {
  std::vector<std::string> ids;
  for (const pb::Blocker& blocker : blockers) {
    if (ids.size() == kBlockersNamed) break;
    ids.push_back(blocker.ticket_id());
  }
  if (ids.size() < blockers.size()) ids.push_back("...");
  const std::string joined = absl::StrJoin(ids, ",");
  return MakeError(pb::ERROR_REASON_TICKET_BLOCKED,
                   absl::StrCat(ticket.ticket_id(), " waits for ", joined),
                   {{"ticket_id", ticket.ticket_id()}, {"blocked_by", joined}});
}

absl::Status TicketNotDue(const pb::Ticket& ticket, absl::Time due_time) {
  const std::string due = absl::FormatTime(absl::RFC3339_sec, due_time, absl::UTCTimeZone());
  return MakeError(pb::ERROR_REASON_TICKET_NOT_DUE,
                   absl::StrCat(ticket.ticket_id(), " is not claimable before ", due),
                   {{"ticket_id", ticket.ticket_id()}, {"not_before", due}});
}

absl::Status TicketAssignedElsewhere(const pb::Ticket& ticket) {
  return MakeError(pb::ERROR_REASON_TICKET_ASSIGNED,
                   absl::StrCat(ticket.ticket_id(), " is assigned to ", ticket.assignee_agent_id()),
                   {{"ticket_id", ticket.ticket_id()}, {"assignee", ticket.assignee_agent_id()}});
}

absl::Status ClaimSuperseded(const pb::Ticket& ticket, int64_t fence) {
  return MakeError(pb::ERROR_REASON_CLAIM_SUPERSEDED,
                   absl::StrCat("fence ", fence, " is not that of a present claim of yours: ",
                                HolderText(ticket), ", the newest fence is ", ticket.last_fence()),
                   {{"ticket_id", ticket.ticket_id()},
                    {"holder", ticket.claim().agent_id()},
                    {"current_fence", absl::StrCat(ticket.last_fence())}});
}

absl::Status RevisionMismatch(const pb::Ticket& ticket, int64_t expected_revision) {
  return MakeError(pb::ERROR_REASON_REVISION_MISMATCH,
                   absl::StrCat(ticket.ticket_id(), " is at revision ", ticket.mod_revision(),
                                ", not ", expected_revision),
                   {{"expected_revision", absl::StrCat(expected_revision)},
                    {"current_revision", absl::StrCat(ticket.mod_revision())}});
}

absl::Status DependencyCycle(const std::vector<std::string>& names) {
  std::vector<std::string> kept = names;
  if (kept.size() > 2 * kPathEnds) {
    kept.erase(kept.begin() + kPathEnds, kept.end() - kPathEnds);
    kept.insert(kept.begin() + kPathEnds, "...");
  }
  const std::string path = absl::StrJoin(kept, " -> ");
  return MakeError(pb::ERROR_REASON_DEPENDENCY_CYCLE,
                   absl::StrCat("these tickets would wait for each other: ", path),
                   {{"cycle", path}});
}

absl::Status SessionEnded(std::string_view agent_id, const pb::Ticket* ticket) {
  constexpr pb::ErrorReason kReason = pb::ERROR_REASON_SESSION_ENDED;
  std::string message = agent_id.empty()
                            ? std::string("this session has ended")
                            : absl::StrCat("this session of ", ToAbsl(agent_id), " has ended");
  const std::string agent(agent_id);
  if (ticket == nullptr) {
    if (agent.empty()) return MakeError(kReason, message);
    return MakeError(kReason, message, {{"agent_id", agent}});
  }
  absl::StrAppend(&message, "; ", HolderText(*ticket));
  const std::string holder = ticket->claim().agent_id();
  const std::string fence = absl::StrCat(ticket->last_fence());
  if (agent.empty()) {
    return MakeError(kReason, message, {{"holder", holder}, {"current_fence", fence}});
  }
  return MakeError(kReason, message,
                   {{"agent_id", agent}, {"holder", holder}, {"current_fence", fence}});
}

absl::Status AgentActive(std::string_view agent_id) {
  return MakeError(pb::ERROR_REASON_AGENT_ACTIVE,
                   absl::StrCat("a live session holds the name ", ToAbsl(agent_id)),
                   {{"agent_id", std::string(agent_id)}});
}

absl::Status WorktreeHeld(std::string_view worktree, std::string_view holder,
                          std::string_view remedy) {
  return MakeError(pb::ERROR_REASON_WORKTREE_HELD,
                   absl::StrCat("the live agent ", ToAbsl(holder), " works in ", ToAbsl(worktree),
                                ": ", ToAbsl(remedy)),
                   {{"worktree", std::string(worktree)}, {"holder", std::string(holder)}});
}

absl::Status AgentEnded(const pb::Agent& agent) {
  const std::string_view state = StateName(agent.state());
  return MakeError(pb::ERROR_REASON_AGENT_ENDED,
                   absl::StrCat(agent.agent_id(), " has ended already (", ToAbsl(state), ")"),
                   {{"agent_id", agent.agent_id()}, {"state", std::string(state)}});
}

absl::Status SessionRequired(std::string_view deed) {
  return MakeError(pb::ERROR_REASON_SESSION_REQUIRED,
                   absl::StrCat("only an agent's session can ", ToAbsl(deed)));
}

absl::Status OperatorRequired(std::string_view deed) {
  return MakeError(pb::ERROR_REASON_OPERATOR_REQUIRED,
                   absl::StrCat("only the operator can ", ToAbsl(deed)));
}

absl::Status NotTicketOwner(const pb::Ticket& ticket) {
  return MakeError(pb::ERROR_REASON_NOT_TICKET_OWNER,
                   absl::StrCat("you neither made nor hold ", ticket.ticket_id()),
                   {{"ticket_id", ticket.ticket_id()}});
}

absl::Status QuotaExceeded(int64_t quota, int64_t bytes) {
  return MakeError(
      pb::ERROR_REASON_QUOTA,
      absl::StrCat("the workspace may have ", quota, " bytes of text, and this would make them ",
                   bytes, "; restart the hub with a greater --text-quota, or shorten bodies"),
      {{"quota", absl::StrCat(quota)}, {"bytes", absl::StrCat(bytes)}});
}

absl::Status LimitReached(std::string_view limit_name, int64_t limit, std::string_view what) {
  return MakeError(pb::ERROR_REASON_LIMIT_REACHED, absl::StrCat("limit reached: ", ToAbsl(what)),
                   {{"limit_name", std::string(limit_name)}, {"limit", absl::StrCat(limit)}});
}

}  // namespace coordhub::core
