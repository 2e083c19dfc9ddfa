#include "hub/rpc/repository_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "agent/base/error.h"
#include "agent/base/sha256.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "hub/core/proto_time.h"
#include "hub/git/observation.h"
#include "hub/rpc/merge_calls.h"
#include "hub/rpc/newest_observation.h"
#include "hub/rpc/paging.h"
#include "hub/rpc/worktree_calls.h"
#include "hub/rpc/worktree_owners.h"

namespace coordhub::rpc {
namespace {

// What an answer tells of all problems together.
constexpr size_t kProblemBytes = 4096;

absl::Status GetRepositoryStatus(const Reading& reading, const v1::GetRepositoryStatusRequest&,
                                 v1::GetRepositoryStatusResponse* response) {
  COORDHUB_ASSIGN_OR_RETURN(const git::ObservationPtr seen, NewestObservation(reading));
  if (const v1::Worktree* main = seen->FindMainWorktree(); main != nullptr) {
    *response->mutable_worktree() = *main;
    WorktreeOwners(*reading.view).SetOwner(response->mutable_worktree());
  }
  response->set_bare(seen->is_bare);
  response->set_conversation_branch_count(seen->conversation_branch_count);
  response->set_convergence_active(!reading.view->records.active_rounds.empty());
  response->set_shared_state_exists(seen->shared_state_exists);
  response->set_revision(reading.view->revision);
  *response->mutable_observe_time() = core::ToProto(seen->time);
  response->set_target(seen->target);
  response->set_target_commit(seen->target_commit);
  response->set_problem(base::TruncateUtf8(absl::StrJoin(seen->problems, "; "), kProblemBytes));
  response->set_branch_count(static_cast<int32_t>(seen->branches.size()));
  response->set_worktree_count(static_cast<int32_t>(seen->worktrees.size()));
  return absl::OkStatus();
}

// The page's branches with their paths. `seen` is null when paths are not asked for.
void AddPaths(const git::Observation* seen, const std::string& name, PageBudget* budget,
              v1::ListBranchesResponse* response) {
  const git::ObservedBranch* observed = seen == nullptr ? nullptr : seen->FindBranch(name);
  if (observed == nullptr) return;
  v1::BranchPaths* paths = response->add_branch_paths();
  paths->set_branch(name);
  paths->mutable_paths()->Add(observed->paths.begin(), observed->paths.end());
  budget->TakeBytes(paths->ByteSizeLong());
}

absl::Status ListBranches(const Reading& reading, const v1::ListBranchesRequest& request,
                          v1::ListBranchesResponse* response) {
  const std::string query = QueryOf(request);
  HostedWorkspace* workspace = reading.scope.workspace;
  COORDHUB_ASSIGN_OR_RETURN(const PageStart start,
                            BeginPage(workspace, reading.view, request.page_token(), query));
  git::ObservationPtr seen;
  if (request.with_paths()) {
    COORDHUB_ASSIGN_OR_RETURN(seen, NewestObservation(reading));
  }
  PageBudget budget(request.page_size());
  std::string last = start.after_key;
  for (auto branch = start.view->records.of<core::tables::Branches>().LowerBound(last);
       branch.Valid(); branch.Next()) {
    if (branch.key() == last) continue;
    if (!budget.Look()) {
      response->set_next_page_token(NextPage(workspace, start, last, query));
      break;
    }
    last = branch.key();
    *response->add_branches() = *branch;
    budget.Take(*branch);
    AddPaths(seen.get(), last, &budget, response);
  }
  response->set_revision(start.view->revision);
  return absl::OkStatus();
}

// Stands for a worktree in a page token: a path may be longer than a token, and have any
// characters.
std::string KeyOf(const v1::Worktree& worktree) {
  return base::HexEncode(base::Sha256(worktree.path()));
}

// The first of them after the one with this key; empty: the first of all. Errors:
// PAGE_TOKEN_EXPIRED, it is gone.
using Worktrees = std::vector<v1::Worktree>;
absl::StatusOr<Worktrees::const_iterator> WorktreeAfter(const Worktrees& worktrees,
                                                        const std::string& key) {
  if (key.empty()) return worktrees.begin();
  const auto last = std::find_if(worktrees.begin(), worktrees.end(),
                                 [&key](const v1::Worktree& w) { return KeyOf(w) == key; });
  if (last != worktrees.end()) return std::next(last);
  return base::MakeError(base::pb::ERROR_REASON_PAGE_TOKEN_EXPIRED,
                         "the worktree that the page before ended with is gone; begin again");
}

// Worktrees are not in the log: each page shows the newest observation, after the worktree that the
// page before ended with.
absl::Status ListWorktrees(const Reading& reading, const v1::ListWorktreesRequest& request,
                           v1::ListWorktreesResponse* response) {
  const std::string query = QueryOf(request);
  COORDHUB_ASSIGN_OR_RETURN(const std::string after, PageAfterKey(request.page_token(), query));
  COORDHUB_ASSIGN_OR_RETURN(const git::ObservationPtr seen, NewestObservation(reading));
  COORDHUB_ASSIGN_OR_RETURN(auto worktree, WorktreeAfter(seen->worktrees, after));
  const WorktreeOwners owners(*reading.view);
  PageBudget budget(request.page_size());
  for (; worktree != seen->worktrees.end(); ++worktree) {
    if (!budget.Look()) {
      response->set_next_page_token(EncodePageToken(
          {"", 0, KeyOf(response->worktrees(response->worktrees_size() - 1))}, query));
      break;
    }
    v1::Worktree* listed = response->add_worktrees();
    *listed = *worktree;
    owners.SetOwner(listed);
    budget.Take(*listed);
  }
  response->set_revision(reading.view->revision);
  return absl::OkStatus();
}

}  // namespace

RepositoryService::RepositoryService(std::shared_ptr<ServiceHost> host, const Gate* gate)
    : TypedService(
          v1::ListBranchesRequest::descriptor()->file()->FindServiceByName("RepositoryService"),
          std::move(host), gate) {
  BindRead<v1::GetRepositoryStatusRequest, v1::GetRepositoryStatusResponse>(
      "GetRepositoryStatus", ReadCost::kWalk, GetRepositoryStatus);
  BindRead<v1::ListBranchesRequest, v1::ListBranchesResponse>("ListBranches", ReadCost::kWalk,
                                                              ListBranches);
  BindRead<v1::ListWorktreesRequest, v1::ListWorktreesResponse>("ListWorktrees", ReadCost::kWalk,
                                                                ListWorktrees);
  BindViewed<v1::ListConflictsRequest>("ListConflicts", ReadCost::kWalk, AnswerListConflicts);
  BindViewed<v1::PreviewMergeRequest>("PreviewMerge", ReadCost::kLookup, PreviewMerge);
  BindTyped<v1::CreateWorktreeRequest>("CreateWorktree", CreateWorktree);
  BindTyped<v1::RemoveWorktreeRequest>("RemoveWorktree", RemoveWorktree);
}

}  // namespace coordhub::rpc
