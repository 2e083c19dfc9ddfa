// CreateWorktree and RemoveWorktree as operations.

#pragma once

#include <functional>
#include <string>

#include "hub/engine/workspace.h"
#include "hub/git/observer.h"
#include "hub/git/worktree_changes.h"
#include "hub/operations/operation_kind.h"
#include "hub/operations/worktree_requests.h"

namespace coordhub::operations {

// What both work with. Pointers are not owned, and outlive the kinds.
struct WorktreeSurroundings {
  engine::Workspace* workspace = nullptr;
  git::Observer* observer = nullptr;
  WorktreeRequests* requests = nullptr;
  std::string common_dir;
  // As ObserverOptions has it.
  std::string found_in;
  // The link in new worktrees: its place, relative, and where it leads. Both empty: none.
  std::string link_path;
  std::string link_target;
  // Agents may have worktrees made below this directory only: what they ask for over TCP comes from
  // wherever. Empty: anywhere.
  std::string agents_root;
};

// Makes a worktree: whole, or nothing is left (git/worktree_changes.h). The subject is its path;
// what else was asked for is in WorktreeRequests. The answer is a CreateWorktreeResponse without
// revision.
class CreateWorktreeKind final : public OperationKind {
 public:
  explicit CreateWorktreeKind(WorktreeSurroundings surroundings)
      : surroundings_(std::move(surroundings)) {}

  v1::Operation::Kind kind() const override { return v1::Operation::KIND_CREATE_WORKTREE; }
  // Errors: those of git::MakeWorktree.
  absl::StatusOr<OperationResult> Run(OperationContext& context) override;
  Recovery Recover(OperationContext& context) override;

 private:
  const WorktreeSurroundings surroundings_;
};

// Removes a worktree in which nothing would be lost and no live agent works; the same way.
class RemoveWorktreeKind final : public OperationKind {
 public:
  explicit RemoveWorktreeKind(WorktreeSurroundings surroundings)
      : surroundings_(std::move(surroundings)) {}

  v1::Operation::Kind kind() const override { return v1::Operation::KIND_REMOVE_WORKTREE; }
  // Errors: WORKTREE_HELD (worktree, holder), those of git::RemoveWorktree.
  absl::StatusOr<OperationResult> Run(OperationContext& context) override;
  Recovery Recover(OperationContext& context) override;

 private:
  absl::Status CheckFree(const std::string& path) const;

  const WorktreeSurroundings surroundings_;
};

}  // namespace coordhub::operations
