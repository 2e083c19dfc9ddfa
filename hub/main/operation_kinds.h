// The kinds of long work that a hub does in a workspace.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hub/engine/workspace.h"
#include "hub/git/observer.h"
#include "hub/main/options.h"
#include "hub/operations/operation_kind.h"
#include "hub/operations/worktree_requests.h"

namespace coordhub::hub {

// All of it outlives the kinds; not owned.
struct OperationSurroundings {
  const WorkspacePlan& plan;
  engine::Workspace* workspace = nullptr;
  git::Observer* observer = nullptr;
  operations::WorktreeRequests* worktrees = nullptr;
  // The repository's, empty if it is bare.
  std::string main_worktree;
  // Where a new worktree gets a link to the mirror, from its top; empty: nowhere.
  std::string shared_state_path;
};

std::vector<std::unique_ptr<operations::OperationKind>> MakeOperationKinds(
    const OperationSurroundings& around);

// Where worktrees go for which nobody named a place: beside the main one (or the bare repository),
// in a directory of their own.
std::string WorktreesRoot(const WorkspacePlan& plan);

}  // namespace coordhub::hub
