#include "hub/loops/round_needs.h"

#include <algorithm>

#include "hub/core/proto_time.h"

namespace coordhub::loops {
namespace {

bool TakesPart(const v1::RoundMember& member) {
  return member.state() != v1::RoundMember::STATE_DROPPED;
}

}  // namespace

std::set<std::string> WantedBranches(const core::View& view) {
  std::set<std::string> branches;
  for (auto agent = view.records.of<core::tables::Agents>().Begin(); agent.Valid(); agent.Next()) {
    if (core::IsLive(*agent) && !agent->branch().empty()) branches.insert(agent->branch());
  }
  for (auto round = view.records.active_rounds.Begin(); round.Valid(); round.Next()) {
    branches.insert(round->target());
    for (const v1::RoundMember& member : round->members()) {
      if (TakesPart(member)) branches.insert(member.branch());
    }
  }
  return branches;
}

std::set<std::string> UncommittedMembers(const core::View& view, const git::Observation& seen) {
  std::set<std::string> asked;
  for (auto round = view.records.active_rounds.Begin(); round.Valid(); round.Next()) {
    if (!round->policy().require_clean_worktrees()) continue;
    for (const v1::RoundMember& member : round->members()) {
      if (TakesPart(member)) asked.insert(member.branch());
    }
  }
  std::set<std::string> uncommitted;
  if (asked.empty()) return uncommitted;
  for (const v1::Worktree& worktree : seen.worktrees) {
    if (worktree.changed_files() > 0 && asked.contains(worktree.branch())) {
      uncommitted.insert(worktree.branch());
    }
  }
  return uncommitted;
}

absl::Time NextLostMember(const core::View& view) {
  absl::Time next = absl::InfiniteFuture();
  for (auto round = view.records.active_rounds.Begin(); round.Valid(); round.Next()) {
    // What is being integrated is not changed; see DropLostMembers.
    if (!round->policy().has_drop_lost_members_after() ||
        round->state() == v1::Round::STATE_INTEGRATING) {
      continue;
    }
    const absl::Duration patience = core::FromProto(round->policy().drop_lost_members_after());
    for (const v1::RoundMember& member : round->members()) {
      if (!member.has_lost_time() || !TakesPart(member)) continue;
      next = std::min(next, core::FromProto(member.lost_time()) + patience);
    }
  }
  return next;
}

}  // namespace coordhub::loops
