#include "hub/operations/worktree_kinds.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "coordhub/v1/repository_service.pb.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/indexes.h"
#include "hub/core/limits.h"
#include "hub/core/records.h"

namespace coordhub::operations {
namespace {

git::WorktreeWork WorkOf(const WorktreeSurroundings& surroundings, OperationContext& context) {
  git::WorktreeWork work;
  work.common_dir = surroundings.common_dir;
  work.found_in = surroundings.found_in;
  work.id = absl::StrCat(surroundings.workspace->identity().log_id, "-",
                         context.operation().operation_id());
  work.path = context.operation().subject();
  work.link_path = surroundings.link_path;
  work.link_target = surroundings.link_target;
  work.cancelled = [&context] { return context.cancelled(); };
  work.progress = [&context](int percent, std::string_view step) {
    context.Progress(percent, step);
  };
  return work;
}

absl::StatusOr<WorktreeRequest> RequestOf(const WorktreeSurroundings& surroundings,
                                          const OperationContext& context) {
  const std::string& path = context.operation().subject();
  std::optional<WorktreeRequest> request = surroundings.requests->Find(path);
  if (request.has_value() && request->kind == context.operation().kind()) return *request;
  return base::MakeError(v1::ERROR_REASON_INTERNAL,
                         absl::StrCat("nobody knows what was asked for at ", path));
}

// Looks at the repository, so that whoever lists worktrees sees what was done. What cannot be seen
// now is seen by the next look.
git::ObservationPtr Look(const WorktreeSurroundings& surroundings) {
  auto seen = surroundings.observer->ObserveHeads();
  if (seen.ok()) return *std::move(seen);
  base::Log(
      base::LogLevel::kWarning, "cannot look at what was done to a worktree",
      {{"workspace", surroundings.workspace->workspace_id()}, {"error", seen.status().ToString()}});
  return surroundings.observer->latest();
}

const v1::Worktree* FindWorktree(const git::ObservationPtr& seen, const std::string& path) {
  if (seen == nullptr) return nullptr;
  const std::string shown = base::ToValidUtf8(path);
  const auto found = std::find_if(seen->worktrees.begin(), seen->worktrees.end(),
                                  [&](const v1::Worktree& w) { return w.path() == shown; });
  return found == seen->worktrees.end() ? nullptr : &*found;
}

Recovery ToRecovery(const git::WorktreeRecovery& recovery) {
  using State = git::WorktreeRecovery::State;
  const std::string text = base::OneLine(recovery.text, core::limits::kNoteBytes);
  switch (recovery.state) {
    case State::kDone:
      return {.state = v1::Operation::STATE_DONE, .note = text, .error = ""};
    case State::kUndone:
      return {.state = v1::Operation::STATE_FAILED, .note = "", .error = text};
    case State::kStuck:
      break;
  }
  return {.state = v1::Operation::STATE_RUNNING, .note = "", .error = text};
}

// The branch that others are measured against.
std::string TargetOf(const WorktreeSurroundings& surroundings) {
  const git::ObservationPtr seen = surroundings.observer->latest();
  return seen == nullptr ? "" : seen->target;
}

}  // namespace

absl::StatusOr<OperationResult> CreateWorktreeKind::Run(OperationContext& context) {
  COORDHUB_ASSIGN_OR_RETURN(const WorktreeRequest request, RequestOf(surroundings_, context));
  git::NewWorktree wanted;
  wanted.branch = request.branch;
  wanted.existing_branch = request.existing_branch;
  wanted.start_point = request.start_point.empty() ? TargetOf(surroundings_) : request.start_point;
  const bool by_operator = context.operation().actor() == core::Caller::Operator().actor();
  if (!by_operator) wanted.only_below = surroundings_.agents_root;
  COORDHUB_ASSIGN_OR_RETURN(const git::MadeWorktree made,
                            git::MakeWorktree(WorkOf(surroundings_, context), wanted));
  auto answer = std::make_shared<v1::CreateWorktreeResponse>();
  answer->set_operation_id(context.operation().operation_id());
  v1::Worktree* worktree = answer->mutable_worktree();
  worktree->set_path(base::ToValidUtf8(made.path));
  worktree->set_branch(made.branch);
  worktree->set_commit(made.commit);
  const git::ObservationPtr seen = Look(surroundings_);
  if (const auto* observed = FindWorktree(seen, made.path)) *worktree = *observed;
  return OperationResult{
      .note = base::OneLine(absl::StrCat("branch ", made.branch), core::limits::kNoteBytes),
      .answer = std::move(answer)};
}

Recovery CreateWorktreeKind::Recover(OperationContext& context) {
  return ToRecovery(git::RecoverMaking(WorkOf(surroundings_, context)));
}

absl::StatusOr<OperationResult> RemoveWorktreeKind::Run(OperationContext& context) {
  COORDHUB_ASSIGN_OR_RETURN(const WorktreeRequest request, RequestOf(surroundings_, context));
  const git::ObservationPtr before = Look(surroundings_);
  git::WorktreeRemoval removal;
  removal.allow_unmerged = request.allow_unmerged;
  removal.check_free = [this](const std::string& path) { return CheckFree(path); };
  if (before != nullptr) {
    removal.target = before->target;
    removal.target_commit = before->target_commit;
  }
  COORDHUB_ASSIGN_OR_RETURN(const git::RemovedWorktree removed,
                            git::RemoveWorktree(WorkOf(surroundings_, context), removal));
  auto answer = std::make_shared<v1::RemoveWorktreeResponse>();
  answer->set_operation_id(context.operation().operation_id());
  v1::Worktree* worktree = answer->mutable_worktree();
  if (const auto* observed = FindWorktree(before, removed.path)) *worktree = *observed;
  worktree->set_name(base::ToValidUtf8(removed.name));
  worktree->set_path(base::ToValidUtf8(removed.path));
  worktree->set_branch(base::ToValidUtf8(removed.branch));
  worktree->set_commit(removed.commit);
  Look(surroundings_);
  std::string note = removed.branch.empty() ? "it had no branch"
                                            : absl::StrCat("branch ", removed.branch, " stays");
  if (removed.ignored > 0) {
    absl::StrAppend(&note, "; ", removed.ignored, " ignored files or directories went with it");
  }
  return OperationResult{.note = base::OneLine(note, core::limits::kNoteBytes),
                         .answer = std::move(answer)};
}

absl::Status RemoveWorktreeKind::CheckFree(const std::string& path) const {
  const engine::ViewPtr view = surroundings_.workspace->view();
  const auto& agents = view->records.of<core::tables::Agents>();
  for (auto agent = agents.Begin(); agent.Valid(); agent.Next()) {
    if (!core::IsLive(*agent) || core::WithoutTrailingSlashes(agent->worktree()) != path) continue;
    return core::WorktreeHeld(path, agent->agent_id(), "it stays until that agent has ended");
  }
  return absl::OkStatus();
}

Recovery RemoveWorktreeKind::Recover(OperationContext& context) {
  return ToRecovery(git::RecoverRemoval(WorkOf(surroundings_, context)));
}

}  // namespace coordhub::operations
