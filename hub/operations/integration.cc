#include "hub/operations/integration.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"
#include "hub/core/round_id.h"
#include "hub/operations/recorded_end.h"

namespace coordhub::operations {
namespace {

// Somebody who pushes again and again keeps an integration from its end no longer than this.
constexpr int kPlans = 8;
// Commits of the target's history that are looked through for those of tickets.
constexpr int kHistory = 100'000;
constexpr size_t kReasonBytes = 400;

std::string Short(const std::string& commit) { return commit.substr(0, 12); }

}  // namespace

RoundIntegration::RoundIntegration(const IntegrateKind::Options& options, OperationContext& context,
                                   git::Integrator* git, engine::ViewPtr view,
                                   const v1::Round& round)
    : options_(options),
      context_(context),
      git_(*git),
      view_(std::move(view)),
      round_(round),
      trial_(*view_, round_, git),
      members_(MembersOf(*view_, round_)) {}

absl::Status RoundIntegration::Cancelled() const {
  if (!context_.cancelled()) return absl::OkStatus();
  return absl::CancelledError("cancelled");
}

absl::StatusOr<OperationResult> RoundIntegration::Run() {
  COORDHUB_RETURN_IF_ERROR(CheckCheckouts());
  for (int attempt = 0; attempt < kPlans; ++attempt) {
    COORDHUB_ASSIGN_OR_RETURN(const std::string head, git_.HeadOf(round_.target()));
    COORDHUB_ASSIGN_OR_RETURN(const IntegrationPlan plan, PlanWithGate(head));
    const std::string& tip = plan.steps.empty() ? head : plan.steps.back().tip;
    COORDHUB_RETURN_IF_ERROR(Cancelled());
    COORDHUB_ASSIGN_OR_RETURN(const bool moved, Move(head, tip));
    if (moved) return Conclude(plan, tip);
    context_.Progress(0, "the target was moved by somebody else: planning again");
  }
  return base::MakeError(v1::ERROR_REASON_REVISION_MISMATCH,
                         absl::StrCat(round_.target(), " is moved by others again and again"));
}

// A target that somebody has checked out is moved only where the round says so, and only where
// nothing uncommitted is in the way.
absl::Status RoundIntegration::CheckCheckouts() {
  COORDHUB_ASSIGN_OR_RETURN(checkouts_, git_.CheckoutsOf(round_.target()));
  for (const std::string& worktree : checkouts_) {
    if (!round_.policy().update_checkout()) {
      return base::MakeError(
          v1::ERROR_REASON_TARGET_CHECKED_OUT,
          absl::StrCat(round_.target(), " is checked out in ", worktree,
                       ": check out something else there, or open the round with "
                       "update_checkout"),
          {{"branch", round_.target()}, {"worktree", worktree}});
    }
    COORDHUB_ASSIGN_OR_RETURN(const bool dirty, git_.HasTrackedChanges(worktree));
    if (dirty) {
      return base::MakeError(v1::ERROR_REASON_WORKTREE_DIRTY,
                             absl::StrCat(worktree, " has ", round_.target(),
                                          " checked out and something uncommitted"),
                             {{"worktree", worktree}});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<IntegrationPlan> RoundIntegration::PlanWithout(const std::string& head) {
  std::vector<PlanMember> members = members_;
  std::erase_if(members, [this](const PlanMember& member) {
    return std::any_of(broken_.begin(), broken_.end(),
                       [&](const LeftOut& out) { return out.member.branch == member.branch; });
  });
  context_.Progress(10, absl::StrCat("merging ", members.size(), " branches"));
  return PlanOrder(round_.target(), head, members, trial_, [] { return false; });
}

absl::StatusOr<IntegrationPlan> RoundIntegration::PlanWithGate(const std::string& head) {
  broken_.clear();
  while (true) {
    COORDHUB_ASSIGN_OR_RETURN(IntegrationPlan plan, PlanWithout(head));
    const std::string& gate_id = round_.policy().gate();
    if (!gate_id.empty() && !plan.steps.empty()) {
      const auto* gate = options_.workspace->view()->records.Find<core::tables::Gates>(gate_id);
      if (gate == nullptr) return core::GateNotFound(gate_id);
      COORDHUB_ASSIGN_OR_RETURN(const auto failing, FirstFailing(*gate, head, plan));
      if (failing.has_value()) {
        broken_.push_back({plan.steps[*failing].member,
                           "",
                           {},
                           absl::StrCat("gate ", gate_id, " fails with it: ", gate_note_)});
        continue;
      }
    }
    plan.left_out.insert(plan.left_out.end(), broken_.begin(), broken_.end());
    return plan;
  }
}

absl::StatusOr<bool> RoundIntegration::Passes(const v1::Gate& gate, const std::string& commit) {
  COORDHUB_RETURN_IF_ERROR(Cancelled());
  if (options_.run_gate == nullptr) {
    return base::MakeError(v1::ERROR_REASON_NOT_IMPLEMENTED, "this hub cannot run gates");
  }
  context_.Progress(50, absl::StrCat("gate ", gate.gate_id(), " on ", Short(commit)));
  COORDHUB_ASSIGN_OR_RETURN(const GateVerdict verdict,
                            options_.run_gate(context_, gate, commit, ++gate_steps_));
  if (!verdict.passed) gate_note_ = verdict.note;
  return verdict.passed;
}

absl::StatusOr<std::optional<size_t>> RoundIntegration::FirstFailing(const v1::Gate& gate,
                                                                     const std::string& head,
                                                                     const IntegrationPlan& plan) {
  const auto tip_of = [&](size_t place) { return plan.steps[place].tip; };
  if (round_.policy().gate_each_member()) {
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      COORDHUB_ASSIGN_OR_RETURN(const bool passes, Passes(gate, tip_of(i)));
      if (!passes) return i;
    }
    return std::nullopt;
  }
  COORDHUB_ASSIGN_OR_RETURN(const bool all_pass, Passes(gate, plan.steps.back().tip));
  if (all_pass) return std::nullopt;
  const std::string note = gate_note_;
  COORDHUB_ASSIGN_OR_RETURN(const bool target_passes, Passes(gate, head));
  if (!target_passes) {
    return base::MakeError(
        v1::ERROR_REASON_ROUND_STATE,
        absl::StrCat("gate ", gate.gate_id(), " fails on the target ", round_.target(),
                     " itself, at ", Short(head), ": ", gate_note_),
        {{"round_id", round_.round_id()}});
  }
  // Passes below `good`, fails at `bad`.
  size_t good = 0;
  size_t bad = plan.steps.size() - 1;
  while (good < bad) {
    const size_t middle = good + (bad - good) / 2;
    COORDHUB_ASSIGN_OR_RETURN(const bool passes, Passes(gate, tip_of(middle)));
    if (passes) {
      good = middle + 1;
    } else {
      bad = middle;
    }
  }
  gate_note_ = note;
  return bad;
}

absl::StatusOr<bool> RoundIntegration::Move(const std::string& head, const std::string& tip) {
  if (tip == head) return true;
  context_.Progress(90, absl::StrCat("moving ", round_.target(), " to ", Short(tip)));
  COORDHUB_RETURN_IF_ERROR(
      SubmitAndWait(
          options_.workspace,
          core::IntendIntegration{round_.round_id(), context_.operation().operation_id(), tip})
          .status());
  Pass("after_intent");
  for (const std::string& worktree : checkouts_) {
    COORDHUB_RETURN_IF_ERROR(git_.UpdateCheckout(worktree, head, tip));
  }
  Pass("before_ref");
  const absl::Status moved =
      base::MutantActive("target_moved_blindly")
          ? git_.MoveBranch(round_.target(), tip, git_.HeadOf(round_.target()).value_or(head), "")
          : git_.MoveBranch(round_.target(), tip, head,
                            absl::StrCat("coordhub: ", round_.round_id()));
  Pass("after_ref");
  if (moved.ok()) return true;
  // The files follow the branch to wherever it is.
  const std::string now = git_.HeadOf(round_.target()).value_or(head);
  for (const std::string& worktree : checkouts_) {
    COORDHUB_RETURN_IF_ERROR(git_.UpdateCheckout(worktree, tip, now));
  }
  if (base::ReasonOf(moved) == v1::ERROR_REASON_REVISION_MISMATCH) return false;
  return moved;
}

absl::StatusOr<std::vector<core::IntegratedTicket>> RoundIntegration::ProvenTickets(
    const std::set<std::string>& agents, const std::string& tip) {
  std::vector<std::string> commits;
  std::multimap<std::string, int64_t> by_commit;
  std::vector<core::IntegratedTicket> proven;
  const auto& all = view_->records.tickets_by_state;
  for (auto ticket = all.LowerBound(std::pair<int, int64_t>(v1::Ticket::STATE_DONE, 0));
       ticket.Valid() && ticket.key().first == v1::Ticket::STATE_DONE; ticket.Next()) {
    if (ticket->has_integration()) continue;
    const std::string& commit = ticket->outcome().commit();
    if (!commit.empty()) {
      const absl::StatusOr<std::string> whole = git_.Resolve(commit);
      if (!whole.ok()) continue;
      commits.push_back(*whole);
      by_commit.emplace(*whole, ticket.key().second);
    } else if (agents.contains(ticket->outcome().actor())) {
      // All that its branch had when it declared itself ready is on the target, and it was done by
      // then.
      proven.push_back({ticket.key().second, tip});
    }
  }
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<std::string> reached,
                            git_.ReachableFrom(tip, commits, kHistory));
  for (const std::string& commit : reached) {
    const auto [begin, end] = by_commit.equal_range(commit);
    for (auto ticket = begin; ticket != end; ++ticket) proven.push_back({ticket->second, commit});
  }
  return proven;
}

absl::StatusOr<OperationResult> RoundIntegration::Conclude(const IntegrationPlan& plan,
                                                           const std::string& tip) {
  core::ConcludeRound conclusion;
  conclusion.round_id = round_.round_id();
  conclusion.operation_id = context_.operation().operation_id();
  conclusion.commit = tip;
  std::set<std::string> agents;
  for (const PlannedStep& step : plan.steps) {
    COORDHUB_ASSIGN_OR_RETURN(const bool proven, IsOnTarget(&git_, step.member.commit, tip));
    if (!proven) {
      conclusion.members.push_back({step.member.branch, v1::RoundMember::STATE_LEFT_OUT, "",
                                    "its work is not on the target, whatever became of it"});
      continue;
    }
    conclusion.members.push_back(
        {step.member.branch, v1::RoundMember::STATE_INTEGRATED, step.tip, ""});
    if (!step.member.agent_id.empty()) agents.insert(step.member.agent_id);
  }
  for (const LeftOut& out : plan.left_out) {
    conclusion.members.push_back({out.member.branch, v1::RoundMember::STATE_LEFT_OUT, "",
                                  base::OneLine(out.reason, kReasonBytes)});
  }
  const bool whole = std::none_of(
      conclusion.members.begin(), conclusion.members.end(),
      [](const auto& member) { return member.state == v1::RoundMember::STATE_LEFT_OUT; });
  conclusion.state = whole ? v1::Round::STATE_CONVERGED : v1::Round::STATE_FAILED;
  if (!whole) {
    const auto left = std::count_if(
        conclusion.members.begin(), conclusion.members.end(),
        [](const auto& member) { return member.state == v1::RoundMember::STATE_LEFT_OUT; });
    conclusion.reason =
        absl::StrCat(left, " of ", conclusion.members.size(), " members were left out");
  }
  COORDHUB_ASSIGN_OR_RETURN(conclusion.tickets, ProvenTickets(agents, tip));
  // What is beyond one command is marked before.
  while (conclusion.tickets.size() > static_cast<size_t>(core::limits::kBatchTickets)) {
    core::MarkIntegrated some{round_.target(), {}};
    some.tickets.assign(conclusion.tickets.end() - core::limits::kBatchTickets,
                        conclusion.tickets.end());
    conclusion.tickets.resize(conclusion.tickets.size() - core::limits::kBatchTickets);
    COORDHUB_RETURN_IF_ERROR(SubmitAndWait(options_.workspace, std::move(some)).status());
  }
  Pass("before_conclusion");
  OperationResult result;
  result.note = absl::StrCat(round_.target(), " is at ", Short(tip),
                             whole ? std::string() : absl::StrCat("; ", conclusion.reason));
  COORDHUB_RETURN_IF_ERROR(SubmitAndWait(options_.workspace, std::move(conclusion)).status());
  Pass("after_conclusion");
  return result;
}

absl::StatusOr<bool> RoundIntegration::FinishMoved() {
  const std::string& intended = round_.intended_commit();
  if (intended.empty()) return false;
  COORDHUB_ASSIGN_OR_RETURN(const std::string head, git_.HeadOf(round_.target()));
  COORDHUB_ASSIGN_OR_RETURN(const bool moved, git_.IsAncestor(intended, head));
  if (moved) {
    IntegrationPlan plan;
    for (const PlanMember& member : members_) {
      COORDHUB_ASSIGN_OR_RETURN(const bool there, IsOnTarget(&git_, member.commit, intended));
      if (there) {
        plan.steps.push_back({member, intended});
      } else {
        plan.left_out.push_back({member, "", {}, "it was left out before the hub was restarted"});
      }
    }
    COORDHUB_RETURN_IF_ERROR(Conclude(plan, intended).status());
    return true;
  }
  // The files were perhaps brought there before the branch was: back to where that is.
  COORDHUB_ASSIGN_OR_RETURN(checkouts_, git_.CheckoutsOf(round_.target()));
  if (!round_.policy().update_checkout()) return false;
  for (const std::string& worktree : checkouts_) {
    COORDHUB_RETURN_IF_ERROR(git_.UpdateCheckout(worktree, intended, head));
  }
  return false;
}

absl::Status RoundIntegration::GiveBack(const std::string& why) {
  core::ConcludeRound conclusion;
  conclusion.round_id = round_.round_id();
  conclusion.operation_id = context_.operation().operation_id();
  conclusion.state = v1::Round::STATE_OPEN;
  conclusion.reason = base::OneLine(why, kReasonBytes);
  return SubmitAndWait(options_.workspace, std::move(conclusion)).status();
}

}  // namespace coordhub::operations
