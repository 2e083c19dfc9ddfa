// Bringing branches onto a target: merges, commits and the move of the target, as the git program
// makes them.

#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace coordhub::git {

// What came of merging two commits.
struct MergeAttempt {
  // The merged tree, hex; empty: they do not merge.
  std::string tree;
  // Paths that conflict, in order, made valid UTF-8.
  std::vector<std::string> conflict_paths;

  bool clean() const { return !tree.empty(); }
};

// `Name <address>`, apart.
struct Person {
  std::string name;
  std::string address;
};

// A commit to be made.
struct NewCommit {
  std::string tree;
  std::vector<std::string> parents;
  // With its trailers.
  std::string message;
  Person author;
  // `@<seconds> <zone>`; empty: now.
  std::string author_date;
  Person committer;
};

// One repository. Objects that it makes go to `quarantine` (a directory that is the caller's to
// make and to remove) where one is given, so that nothing of a trial is left behind; else into the
// repository, where they are nothing until a branch has them. No hook runs, nothing is fetched.
// Blocks; one thread at a time, but for Cancel. Errors unless said otherwise: IO_FAILED (operation)
// with what git says.
class Integrator {
 public:
  // `worktree`: the main worktree, by whose .gitattributes git merges; empty: there is none.
  static absl::StatusOr<std::unique_ptr<Integrator>> Open(const std::string& common_dir,
                                                          const std::string& worktree,
                                                          const std::string& quarantine = "");
  virtual ~Integrator() = default;

  // The branch's head, hex. Errors: BRANCH_NOT_FOUND.
  virtual absl::StatusOr<std::string> HeadOf(const std::string& branch) = 0;
  // What a branch or commit is called by its whole id. Errors: BRANCH_NOT_FOUND.
  virtual absl::StatusOr<std::string> Resolve(const std::string& name) = 0;
  virtual absl::StatusOr<bool> IsAncestor(const std::string& ancestor,
                                          const std::string& descendant) = 0;
  // Merges `theirs` into `ours` in memory, as `git merge` would. Histories that have nothing in
  // common do not merge.
  virtual absl::StatusOr<MergeAttempt> Merge(const std::string& ours,
                                             const std::string& theirs) = 0;
  // Signed where git is configured so (commit.gpgSign). Errors: also that it cannot sign.
  virtual absl::StatusOr<std::string> Commit(const NewCommit& commit) = 0;
  // Who committed last there, and when, as author_date has it.
  virtual absl::StatusOr<std::pair<Person, std::string>> AuthorOf(const std::string& commit) = 0;
  // Who git thinks we are (user.name, user.email); empty: it does not know.
  virtual Person ConfiguredPerson() = 0;
  virtual absl::StatusOr<std::string> TreeOf(const std::string& commit) = 0;
  virtual absl::StatusOr<std::string> SubjectOf(const std::string& commit) = 0;

  // Moves the branch from `old_commit` to `new_commit`, if it still is there: never else. Errors:
  // REVISION_MISMATCH: it is elsewhere.
  virtual absl::Status MoveBranch(const std::string& branch, const std::string& new_commit,
                                  const std::string& old_commit, const std::string& reason) = 0;
  // Updates index and files of a worktree in which the branch is checked out, from one commit to
  // the other, as a fast-forward does: refuses, with everything as it was, where something
  // uncommitted or untracked would be overwritten, be it ignored. May be repeated. The branch
  // itself stays where it is. Errors: WORKTREE_DIRTY (worktree).
  virtual absl::Status UpdateCheckout(const std::string& worktree, const std::string& from_commit,
                                      const std::string& to_commit) = 0;
  // Whether `git status` lists tracked files there.
  virtual absl::StatusOr<bool> HasTrackedChanges(const std::string& worktree) = 0;
  // The worktrees that have the branch checked out.
  virtual absl::StatusOr<std::vector<std::string>> CheckoutsOf(const std::string& branch) = 0;

  // Of `commits`, those that are reachable from `head`; the walk ends at `max` commits.
  virtual absl::StatusOr<std::vector<std::string>> ReachableFrom(
      const std::string& head, const std::vector<std::string>& commits, int max) = 0;

  // Ends git where it runs, now and from now on. Any thread.
  virtual void Cancel() = 0;
};

}  // namespace coordhub::git
