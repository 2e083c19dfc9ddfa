// How many files of a worktree are changed, as `git status --porcelain | wc -l` counts them.
// Private to this folder.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hub/git/git_command.h"

namespace coordhub::git {

// Where a worktree is. Both absolute.
struct WorktreePlace {
  // Its own git directory: the common one or `<common>/worktrees/<name>`.
  std::string git_dir;
  // Its top directory.
  std::string top;
};

// What bounds git while it is asked about one.
struct GitLimits {
  absl::Duration timeout;
  // As GitCommand has it.
  const GitCancel* cancel = nullptr;
};

// Counts by asking git, which alone knows all of its rules (filters, sparse and split indexes,
// submodules, encodings, configuration of status), and by libgit2 where git is not installed.
// Blocks; any thread. Errors: NOT_OBSERVED (path), with the reason in words; IO_FAILED.
absl::StatusOr<int64_t> CountChangedFiles(const WorktreePlace& place, const GitLimits& limits);

// The same by libgit2. Differs from git where libgit2 does; a test has the list.
absl::StatusOr<int64_t> CountChangedFilesWithoutGit(const WorktreePlace& place);

// The directories below the top that git ignores as a whole (nothing in them is tracked), relative,
// without a trailing slash; not those inside of others. Errors: as above; NOT_OBSERVED, too, where
// git is not installed.
absl::StatusOr<absl::flat_hash_set<std::string>> ListIgnoredDirectories(const WorktreePlace& place,
                                                                        const GitLimits& limits);

// Whether git tracks `path` (relative, taken as it is) or anything below it. Errors: as above.
absl::StatusOr<bool> IsTrackedByGit(const WorktreePlace& place, const std::string& path,
                                    const GitLimits& limits);

// Takes the output of `git status --porcelain=v1 -z` apart, in whatever pieces it comes.
class PorcelainReader {
 public:
  // `states`: the two letters; `path` ends with a slash for a directory.
  using OnEntry = std::function<void(std::string_view states, std::string_view path)>;
  explicit PorcelainReader(OnEntry on_entry) : on_entry_(std::move(on_entry)) {}

  void Feed(std::string_view bytes);

 private:
  void EndField();

  const OnEntry on_entry_;
  std::string field_;
  // The next field says where a rename or copy came from.
  bool origin_follows_ = false;
};

}  // namespace coordhub::git
