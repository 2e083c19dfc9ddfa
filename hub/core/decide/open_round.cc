#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/decide/rounds.h"
#include "hub/core/decide/ticket_spec.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"
#include "hub/core/round_id.h"

namespace coordhub::core {
namespace {

// Gathers the members of a new round, each branch once.
class Gathering {
 public:
  Gathering(const Context& context, const pb::OpenRoundRequest& request)
      : context_(context), request_(request) {}

  absl::StatusOr<std::vector<pb::RoundMember>> Members() && {
    if (request_.member_agent_ids().empty() && request_.member_branches().empty()) {
      AddEveryone();
    } else {
      COORDHUB_RETURN_IF_ERROR(AddNamed());
    }
    if (members_.empty()) {
      return base::MakeFieldError("member_agent_ids",
                                  "nobody is there: no live agent has an observed branch that is "
                                  "in no other round");
    }
    if (members_.size() > limits::kRoundMembers) {
      return LimitReached("round_members", limits::kRoundMembers,
                          absl::StrCat(limits::kRoundMembers, " members in a round"));
    }
    return std::move(members_);
  }

 private:
  // Those that could be members; nobody is refused.
  void AddEveryone() {
    const auto& agents = context_.state.records().of<tables::Agents>();
    for (auto agent = agents.Begin(); agent.Valid(); agent.Next()) {
      if (!IsLive(*agent) || agent->branch().empty() || agent->branch() == request_.target()) {
        continue;
      }
      const bool own = context_.state.OwnerOfBranch(agent->branch()) == agent->agent_id();
      if (!own || context_.draft.FindBranch(agent->branch()) == nullptr) continue;
      if (context_.state.records().ActiveRoundOf(agent->branch()) != nullptr) continue;
      Add(agent->agent_id(), agent->branch());
    }
  }

  absl::Status AddNamed() {
    for (int i = 0; i < request_.member_agent_ids_size(); ++i) {
      const std::string& agent_id = request_.member_agent_ids(i);
      const pb::Agent* agent = context_.draft.FindAgent(agent_id);
      if (agent == nullptr) return AgentNotFound(agent_id);
      if (!IsLive(*agent)) return AgentEnded(*agent);
      if (agent->branch().empty()) return BranchNotFound("", absl::StrCat(agent_id, " has none"));
      COORDHUB_RETURN_IF_ERROR(Check(absl::StrCat("member_agent_ids[", i, "]"), agent->branch()));
      Add(agent_id, agent->branch());
    }
    for (int i = 0; i < request_.member_branches_size(); ++i) {
      const std::string& branch = request_.member_branches(i);
      COORDHUB_RETURN_IF_ERROR(Check(absl::StrCat("member_branches[", i, "]"), branch));
      Add(context_.state.OwnerOfBranch(branch), branch);
    }
    return absl::OkStatus();
  }

  absl::Status Check(const std::string& field, const std::string& branch) const {
    if (branch == request_.target()) {
      return base::MakeFieldError(field, "is the target, which cannot be a member");
    }
    if (context_.draft.FindBranch(branch) == nullptr) {
      return BranchNotFound(
          branch, "it is not among the observed branches; one that was just made is, in a moment");
    }
    const pb::Round* other = context_.state.records().ActiveRoundOf(branch);
    if (other != nullptr) return BranchInRound(*other, branch);
    return absl::OkStatus();
  }

  void Add(const std::string& agent_id, const std::string& branch) {
    if (!seen_.insert(branch).second) return;
    pb::RoundMember& member = members_.emplace_back();
    member.set_branch(branch);
    if (!agent_id.empty()) return member.set_agent_id(agent_id);
    // Nobody will say so.
    member.set_ready_commit(context_.draft.FindBranch(branch)->commit());
    *member.mutable_ready_time() = ToProto(context_.draft.time());
  }

  const Context& context_;
  const pb::OpenRoundRequest& request_;
  std::set<std::string> seen_;
  std::vector<pb::RoundMember> members_;
};

bool HasLabels(const pb::Ticket& ticket, const std::vector<std::string>& labels) {
  // Both are sorted.
  return std::includes(ticket.labels().begin(), ticket.labels().end(), labels.begin(),
                       labels.end());
}

// Unfinished tickets with all of the labels; as they are now: tickets are sealed like members.
absl::Status AddByLabels(const Context& context, const std::vector<std::string>& labels,
                         std::set<int64_t>* numbers) {
  const Records& records = context.state.records();
  int64_t left = limits::kLabelScan;
  for (auto ticket = records.tickets_by_state.Begin(); ticket.Valid(); ticket.Next()) {
    if (IsFinished(ticket->state())) continue;
    if (left-- == 0) {
      return LimitReached("label_scan", limits::kLabelScan,
                          absl::StrCat("more than ", limits::kLabelScan,
                                       " unfinished tickets to look through for labels; name the "
                                       "tickets"));
    }
    if (HasLabels(*ticket, labels)) numbers->insert(ticket.key().second);
  }
  return absl::OkStatus();
}

absl::StatusOr<pb::TicketSelector> SealTickets(const Context& context,
                                               const pb::TicketSelector& asked) {
  std::set<int64_t> numbers;
  for (const std::string& ticket_id : asked.ticket_ids()) {
    COORDHUB_RETURN_IF_ERROR(RequireTicket(context, ticket_id).status());
    numbers.insert(TicketNumber(ticket_id));
  }
  const std::vector<std::string> labels = NormalLabels(asked.labels());
  if (!labels.empty()) COORDHUB_RETURN_IF_ERROR(AddByLabels(context, labels, &numbers));
  if (numbers.size() > limits::kRoundTickets) {
    return LimitReached("round_tickets", limits::kRoundTickets,
                        absl::StrCat(limits::kRoundTickets, " tickets that a round waits for"));
  }
  pb::TicketSelector sealed;
  *sealed.mutable_labels() = {labels.begin(), labels.end()};
  for (const int64_t number : numbers) sealed.add_ticket_ids(TicketId(number));
  return sealed;
}

}  // namespace

absl::Status DecideCommand(Context& context, const pb::OpenRoundRequest& request) {
  const Records& records = context.state.records();
  if (records.active_rounds.size() >= limits::kActiveRounds) {
    return LimitReached("active_rounds", limits::kActiveRounds,
                        absl::StrCat(limits::kActiveRounds, " rounds are active"));
  }
  const std::string& gate = request.policy().gate();
  if (!gate.empty() && context.draft.Find<tables::Gates>(gate) == nullptr) {
    return GateNotFound(gate);
  }
  COORDHUB_ASSIGN_OR_RETURN(std::vector<pb::RoundMember> members,
                            Gathering(context, request).Members());
  COORDHUB_ASSIGN_OR_RETURN(pb::TicketSelector tickets, SealTickets(context, request.tickets()));
  // The highest number is among the records: the newest that ended are kept.
  const auto last = records.of<tables::Rounds>().Last();
  pb::Round round;
  round.set_round_id(RoundId(last.Valid() ? last.key() + 1 : 1));
  round.set_state(pb::Round::STATE_OPEN);
  round.set_target(request.target());
  round.set_creator(context.draft.actor());
  *round.mutable_policy() = request.policy();
  if (round.policy().method() == pb::RoundPolicy::METHOD_UNSPECIFIED) {
    round.mutable_policy()->set_method(pb::RoundPolicy::METHOD_MERGE);
  }
  if (tickets.ticket_ids_size() > 0 || tickets.labels_size() > 0) {
    *round.mutable_tickets() = std::move(tickets);
  }
  for (pb::RoundMember& member : members) *round.add_members() = std::move(member);
  PutRound(context, pb::EVENT_KIND_ROUND_OPENED, std::move(round));
  return absl::OkStatus();
}

}  // namespace coordhub::core
