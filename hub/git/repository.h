// A git repository as values: where it is, what is checked out, what its index and excludes say.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace coordhub::git {

// One repository, opened at its common directory, so that "the worktree" is always the main one.
// Not thread-safe: one thread at a time. Every method blocks on the file system. Errors unless said
// otherwise: IO_FAILED.
class Repository {
 public:
  // `common_dir` as base::LocateRepository gives it. `found_in`: the top of the main worktree, if
  // the repository was found by it; empty otherwise. A git directory that lies elsewhere (`git init
  // --separate-git-dir`) does not say where its worktree is.
  // Errors: WORKSPACE_NOT_FOUND (path): not a repository, or one of a kind that cannot be read; the
  // message says which.
  static absl::StatusOr<std::unique_ptr<Repository>> Open(const std::string& common_dir,
                                                          const std::string& found_in = "");
  virtual ~Repository() = default;

  // The main worktree's top directory, absolute, without a trailing slash; empty in a bare
  // repository, and where nobody can tell.
  virtual const std::string& main_worktree() const = 0;

  // The branch that HEAD names, as `git branch --show-current` prints it: also one without commits;
  // empty when HEAD is detached.
  virtual absl::StatusOr<std::string> CurrentBranch() const = 0;

  // Whether the index holds `path` (relative to the worktree, no trailing slash) or anything below
  // it.
  virtual absl::StatusOr<bool> IsTracked(const std::string& path) const = 0;

  // Appends the line `pattern` to `<common dir>/info/exclude` unless it stands there. What others
  // wrote stays as it is.
  virtual absl::Status EnsureExcluded(std::string_view pattern) const = 0;
};

}  // namespace coordhub::git
