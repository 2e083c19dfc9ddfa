#include "hub/loops/landed_work.h"

#include <algorithm>

#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/core/limits.h"

namespace coordhub::loops {

void LandedWork::Stop() {
  base::MutexLock lock(&mu_);
  stopped_ = true;
  if (merger_ != nullptr) merger_->Stop();
}

absl::StatusOr<git::Merger*> LandedWork::FindMerger() {
  base::MutexLock lock(&mu_);
  if (merger_ == nullptr) {
    COORDHUB_ASSIGN_OR_RETURN(merger_, git::Merger::Open(options_.common_dir));
    if (stopped_) merger_->Stop();
  }
  return merger_.get();
}

LandedWork::Open LandedWork::OpenWork(const core::View& view) {
  Open open;
  const auto& tickets = view.records.tickets_by_state;
  const std::pair<int, int64_t> first(v1::Ticket::STATE_DONE, 0);
  auto ticket = tickets.LowerBound({v1::Ticket::STATE_DONE + 1, 0});
  if (ticket.Valid()) {
    ticket.Prev();
  } else {
    ticket = tickets.Last();
  }
  for (int looked = 0; looked < kTickets && ticket.Valid() && ticket.key() >= first;
       ticket.Prev(), ++looked) {
    const std::string& commit = ticket->outcome().commit();
    if (!ticket->has_integration() && !commit.empty()) {
      open.emplace_back(ticket.key().second, commit);
    }
  }
  return open;
}

absl::StatusOr<bool> LandedWork::Step(const git::Observation& seen) {
  if (seen.target.empty() || seen.target_commit.empty()) return false;
  if (base::MutantActive("other_ways_go_unnoticed")) return false;
  if (seen.target_commit != target_commit_) absent_.clear();
  target_commit_ = seen.target_commit;
  const Open open = OpenWork(*options_.view());
  std::set<std::string> commits;
  for (const auto& [number, commit] : open) {
    if (!absent_.contains(commit)) commits.insert(commit);
  }
  if (commits.empty()) return false;
  COORDHUB_ASSIGN_OR_RETURN(git::Merger* const merger, FindMerger());
  const std::string tree = merger->Preview(target_commit_, target_commit_).tree;
  // Git cannot tell, or not now: it is asked again in the next step, and not at once.
  if (tree.empty()) return false;
  const std::set<std::string> landed = Landed(merger, tree, commits);
  core::MarkIntegrated marked{seen.target, {}};
  for (const auto& [number, commit] : open) {
    if (landed.contains(commit)) marked.tickets.push_back({number, target_commit_});
    if (marked.tickets.size() == static_cast<size_t>(core::limits::kBatchTickets)) break;
  }
  if (!marked.tickets.empty()) {
    COORDHUB_RETURN_IF_ERROR(options_.record(std::move(marked)));
  }
  return std::any_of(commits.begin(), commits.end(), [&](const std::string& commit) {
    return !landed.contains(commit) && !absent_.contains(commit);
  });
}

std::set<std::string> LandedWork::Landed(git::Merger* merger, const std::string& tree,
                                         const std::set<std::string>& commits) {
  std::set<std::string> landed;
  int trials = 0;
  for (const std::string& commit : commits) {
    if (trials++ == kTrials) break;
    const absl::StatusOr<std::string> whole = merger->Resolve(commit);
    // Nothing that this repository has, so far, is absent, too.
    const bool is_there = whole.ok() && merger->Preview(target_commit_, *whole).tree == tree;
    (is_there ? landed : absent_).insert(commit);
  }
  return landed;
}

}  // namespace coordhub::loops
