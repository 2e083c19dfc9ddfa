#include "agent/coordctl/maintenance.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

using Kind = Chore::Kind;

// Fewer than these are not worth a snapshot.
constexpr int64_t kLeastDropped = 1000;
// Where git's own gc begins to act.
constexpr int64_t kManyLooseObjects = 6700;
constexpr int64_t kManyPacks = 50;

// A word for a shell, quoted where it has to be.
std::string ShellWord(const std::string& text) {
  static constexpr char kPlain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./@:+";
  if (!text.empty() && text[0] != '-' && text.find_first_not_of(kPlain) == std::string::npos) {
    return text;
  }
  return "'" + absl::StrJoin(absl::StrSplit(text, '\''), "'\\''") + "'";
}

class Planner {
 public:
  Planner(const Overview& overview, const MaintenanceFacts& facts)
      : overview_(overview), facts_(facts) {
    for (const pb::Agent& agent : overview.agents.items) live_.insert(agent.agent_id());
    for (const pb::Branch& branch : overview.branches.items) branches_[branch.branch()] = &branch;
  }

  std::vector<Chore> Plan() {
    Journal();
    if (!facts_.prunable.empty()) {
      Do(Kind::kPruneWorktrees,
         absl::StrCat("let git forget worktrees whose directories are gone: ",
                      absl::StrJoin(facts_.prunable, "; ")));
    }
    Sessions();
    for (const pb::Worktree& worktree : overview_.worktrees.items) Worktree(worktree);
    for (const pb::Branch& branch : overview_.branches.items) Branch(branch);
    Agents();
    Loops();
    Git();
    return std::move(chores_);
  }

 private:
  void Do(Kind kind, std::string what) { chores_.push_back({kind, std::move(what), ""}); }
  void Advise(std::string what, std::string advice) {
    chores_.push_back({Kind::kAdvice, std::move(what), std::move(advice)});
  }

  void Journal() {
    const pb::Workspace& workspace = overview_.hub.workspace();
    const int64_t kept = workspace.head_revision() - workspace.compact_revision();
    Do(Kind::kVerify, absl::StrCat("verify the journal: ", kept, " events"));
    const int64_t extra = kept - workspace.retained_events();
    if (extra >= std::max(kLeastDropped, workspace.retained_events() / 10)) {
      Do(Kind::kCompact,
         absl::StrCat("drop ", extra, " old events; ", workspace.retained_events(), " are kept"));
    }
  }

  void Sessions() {
    if (facts_.dead.empty()) return;
    Do(Kind::kForgetSessions,
       absl::StrCat(
           "forget the stored tokens of agents whose sessions have ended: ",
           absl::StrJoin(facts_.dead, ", ", [](std::string* out, const StoredSession& session) {
             out->append(session.agent_id);
           })));
  }

  bool InUse(const std::string& owner) const { return live_.count(owner) > 0; }

  // A branch with nothing that its target lacks: merged, or nothing was done on it.
  static bool IsMerged(const pb::Branch& branch) {
    return branch.problem().empty() && !branch.target().empty() &&
           branch.branch() != branch.target() && branch.ahead() == 0 &&
           branch.merge_base() == branch.commit();
  }

  void Worktree(const pb::Worktree& worktree) {
    // One that cannot be read is git's to forget, or somebody's to look at (`debug`).
    if (worktree.name().empty() || !worktree.problem().empty()) return;
    if (InUse(worktree.owner_agent_id())) return;
    const auto branch = branches_.find(worktree.branch());
    const bool gone = !worktree.branch().empty() && worktree.commit().empty();
    const bool merged = branch != branches_.end() && IsMerged(*branch->second) &&
                        !InUse(branch->second->owner_agent_id());
    if (!gone && !merged) return;
    in_worktree_.insert(worktree.branch());
    const std::string what =
        absl::StrCat("worktree ", worktree.path(), ": its branch ", worktree.branch(),
                     gone ? " is gone" : " has nothing that the target lacks");
    if (worktree.changed_files() > 0) {
      Advise(absl::StrCat(what, ", but it has ", worktree.changed_files(), " uncommitted files"),
             "look at them first: git -C " + ShellWord(worktree.path()) + " status");
    } else {
      Advise(what, "git worktree remove " + ShellWord(worktree.path()));
    }
  }

  void Branch(const pb::Branch& branch) {
    const bool checked_out =
        in_worktree_.count(branch.branch()) > 0 ||
        std::any_of(overview_.worktrees.items.begin(), overview_.worktrees.items.end(),
                    [&](const pb::Worktree& w) { return w.branch() == branch.branch(); });
    if (checked_out || InUse(branch.owner_agent_id()) || !IsMerged(branch)) return;
    Advise(
        absl::StrCat("branch ", branch.branch(), " has nothing that ", branch.target(), " lacks"),
        "git branch -d " + ShellWord(branch.branch()));
  }

  void Agents() {
    for (const pb::Agent& agent : overview_.agents.items) {
      if (agent.state() != pb::Agent::STATE_SUSPECT) continue;
      Advise(absl::StrCat(agent.agent_id(), " has been silent for ",
                          ShowSpan(overview_.time - agent::FromProto(agent.last_seen_time()))),
             "if it is dead: coordctl --as operator agent leave " + ShellWord(agent.agent_id()));
    }
  }

  void Loops() {
    for (const pb::Loop& loop : overview_.loops.items) {
      if (loop.state() == pb::Loop::STATE_RUNNING) continue;
      Advise(absl::StrCat(loop.title(), " does not run as it should"), "coordctl debug");
    }
  }

  void Git() {
    if (facts_.loose_objects < kManyLooseObjects && facts_.packs < kManyPacks) return;
    Advise(absl::StrCat("git has ", facts_.loose_objects, " loose objects and ", facts_.packs,
                        " packs"),
           "git maintenance run, when no agent is at work");
  }

  const Overview& overview_;
  const MaintenanceFacts& facts_;
  std::set<std::string> live_;  // agents
  std::map<std::string, const pb::Branch*> branches_;
  std::set<std::string> in_worktree_;  // branches that a worktree's advice has named
  std::vector<Chore> chores_;
};

}  // namespace

std::vector<Chore> PlanMaintenance(const Overview& overview, const MaintenanceFacts& facts) {
  return Planner(overview, facts).Plan();
}

void ParseCountObjects(const std::string& output, MaintenanceFacts* facts) {
  for (const absl::string_view line : absl::StrSplit(output, '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    if (parts.first == "count") (void)absl::SimpleAtoi(parts.second, &facts->loose_objects);
    if (parts.first == "packs") (void)absl::SimpleAtoi(parts.second, &facts->packs);
  }
}

}  // namespace coordhub::coordctl
