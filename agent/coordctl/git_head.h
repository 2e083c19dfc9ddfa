// What is checked out.

#pragma once

#include <string>

namespace coordhub::coordctl {

// The branch that HEAD of the worktree with this git directory names; empty if it is detached or
// unreadable.
std::string CurrentBranch(const std::string& git_dir);

}  // namespace coordhub::coordctl
