// Whether two commits merge: asked of the repository without touching it. Values in, values out.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordhub/v1/repository.pb.h"

namespace coordhub::git {

struct ConflictPath {
  // Made valid UTF-8.
  std::string path;
  v1::Conflict::Kind kind = v1::Conflict::KIND_UNSPECIFIED;

  friend bool operator==(const ConflictPath&, const ConflictPath&) = default;
};

struct MergeVerdict {
  // Why nobody can tell, in one line: an object is missing (a partial clone), the histories are
  // unrelated or their common part lies beyond a shallow one's end, git is not installed or took
  // too long. Empty: there is a verdict.
  std::string problem;
  // In byte order; the first of them, as MergerOptions says.
  std::vector<ConflictPath> conflicts;
  // Of all of them.
  int64_t conflict_count = 0;

  bool unknown() const { return !problem.empty(); }
  bool clean() const { return problem.empty() && conflict_count == 0; }

  friend bool operator==(const MergeVerdict&, const MergeVerdict&) = default;
};

struct MergedTree {
  MergeVerdict verdict;
  // Hex; the repository need not have it. Empty unless the verdict is clean.
  std::string tree;
  // What clashes, for people: for each path in conflict a line with path and kind, what git says of
  // it, and the regions of the file with conflict markers. Valid UTF-8, cut at kMaxHunks.
  std::string hunks;

  static constexpr size_t kMaxHunks = 64 << 10;
};

// Hex ids of two commits.
struct CommitPair {
  std::string ours;
  std::string theirs;
};

// What verdicts depend on beside the commits; values to compare with later ones.
struct MergeCircumstances {
  // Configuration, attributes at the top of the main worktree, what a shallow history or
  // replacements hide: verdicts may be others when it changes. (Deeper attributes and a user's own
  // configuration are not looked at, nor what a submodule fetched.)
  std::string of_all;
  // Packs that came: what nobody could tell may be known by now.
  std::string of_unknown;

  friend bool operator==(const MergeCircumstances&, const MergeCircumstances&) = default;
};

struct MergerOptions {
  // How many paths a verdict names.
  size_t max_conflicts = 1000;
  // Object directories beside the repository's: of commits that it does not have.
  std::vector<std::string> more_objects;
};

// Merges in nobody's sight. A pair whose sides cannot come in each other's way is clean without a
// merge; of the others git itself is asked (`git merge-tree`, 2.39 or newer), so that verdicts and
// paths are git's own: with the attributes and configuration that a merge in the main worktree
// would have (in a bare repository, only info/attributes), and without running merge drivers that
// are programs: where one would, both having changed the file, there is a conflict.
//
// Writes nothing into the repository and fetches nothing; git writes what it merges into the
// directory for temporary files, from where it is removed at once. Opens the repository for itself,
// so it disturbs no observer. Blocks; one thread at a time. Memory: up to 100 MiB of what is
// remembered of commits, in a repository where each of them changes very much.
class Merger {
 public:
  // `common_dir` as base::LocateRepository gives it. Errors: as Repository::Open.
  static absl::StatusOr<std::unique_ptr<Merger>> Open(const std::string& common_dir,
                                                      MergerOptions options = {});
  virtual ~Merger() = default;

  // The hex id of the commit that a local branch, or a commit's whole or abbreviated id, names; a
  // branch comes first. Errors: BRANCH_NOT_FOUND (branch): there is none, or more than one.
  virtual absl::StatusOr<std::string> Resolve(const std::string& name) = 0;

  // Whether the commits `ours` and `theirs` (hex, whole) merge.
  virtual MergeVerdict Compare(const std::string& ours, const std::string& theirs) = 0;

  // The same for many pairs, much faster than one by one. `trunk`: a commit near which most of the
  // heads began, as their target's head; a hint, may be empty. Asks `should_stop` now and then;
  // nullopt: was not reached by then.
  virtual std::vector<std::optional<MergeVerdict>> CompareAll(
      const std::vector<CommitPair>& pairs, const std::string& trunk,
      const std::function<bool()>& should_stop) = 0;

  // Compare, with the merged tree and what clashes.
  virtual MergedTree Preview(const std::string& ours, const std::string& theirs) = 0;

  // A few calls of the file system.
  virtual MergeCircumstances Circumstances() = 0;

  // Ends git where it runs; from then on, what needs git is unknown. Any thread.
  virtual void Stop() = 0;
};

}  // namespace coordhub::git
