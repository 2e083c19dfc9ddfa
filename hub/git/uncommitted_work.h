// A picture of what a worktree has that is not committed.

#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace coordhub::git {

class ScratchObjects;

// A commit that no branch has: the files of a worktree as they are now, changed, new and deleted
// ones included, ignored ones left out. Its objects are in a directory of their own, beside the
// repository's, which goes with this; nothing of the user's, the index above all, is written.
class UncommittedWork {
 public:
  // Looks at the worktree whose top directory is `top`, one of the repository's. Null: nothing
  // differs from its HEAD. Lets the git program do it, `timeout` for each of its runs; so the
  // filters that the repository has set up are run. Blocks; any thread.
  // Errors: NOT_OBSERVED (path): no such worktree, or git does not tell; IO_FAILED, DISK_FULL.
  static absl::StatusOr<std::unique_ptr<UncommittedWork>> Take(const std::string& common_dir,
                                                               const std::string& top,
                                                               absl::Duration timeout);
  ~UncommittedWork();
  UncommittedWork(const UncommittedWork&) = delete;
  UncommittedWork& operator=(const UncommittedWork&) = delete;

  // Hex; a child of the worktree's HEAD.
  const std::string& commit() const { return commit_; }
  // The directory that has the new objects: for MergerOptions::more_objects.
  std::string objects() const;

 private:
  UncommittedWork(std::unique_ptr<ScratchObjects> scratch, std::string commit);

  const std::unique_ptr<ScratchObjects> scratch_;
  const std::string commit_;
};

}  // namespace coordhub::git
