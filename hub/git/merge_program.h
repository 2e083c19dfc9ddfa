// Merges by the git program, which nobody sees. Private to this folder.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "hub/git/git_command.h"
#include "hub/git/merger.h"
#include "hub/git/scratch_objects.h"

namespace coordhub::git {

// What `git merge-tree` says of two commits.
struct GitMerge {
  // Why it says nothing, one line. Empty: it does.
  std::string problem;
  bool clean = false;
  // Hex; of a tree with conflict markers in its files, where it is not clean.
  std::string tree;
  // The entries that an index would keep of paths in conflict.
  struct Stage {
    std::string mode;
    std::string id;
    int stage = 0;
    std::string path;
  };
  std::vector<Stage> stages;
  struct Message {
    std::vector<std::string> paths;
    // A word of git's that does not change: "CONFLICT (contents)".
    std::string type;
    // For people; ends with a newline.
    std::string text;
  };
  std::vector<Message> messages;
};

// Takes the output of `git merge-tree --stdin --messages` apart, in whatever pieces it comes.
class GitMergeReader {
 public:
  explicit GitMergeReader(std::vector<GitMerge>* merges) : merges_(*merges) {}

  // What is not complete yet is not among the merges.
  void Feed(std::string_view bytes);

 private:
  enum class Next { kClean, kTree, kStage, kPathCount, kPath, kType, kText, kNothing };

  void EndField();
  Next ReadStage();

  std::vector<GitMerge>& merges_;
  GitMerge merge_;
  std::string field_;
  Next next_ = Next::kClean;
  int paths_left_ = 0;
};

// Asks `git merge-tree --stdin`, one process for many pairs, with attributes as a merge in the main
// worktree would have them. It alone merges as git does: libgit2 compares lines by another
// algorithm (so that it merges without conflict, now and then, what git does not), and knows no
// renamed directories. It writes objects, so it gets a directory for them that goes afterwards.
// Nothing is fetched, and no merge driver that is a program runs: what needs one is a conflict.
// Blocks; one thread at a time.
class MergeProgram {
 public:
  // `more_objects`: as MergerOptions has them. `cancel` is not owned.
  MergeProgram(std::string common_dir, const std::vector<std::string>& more_objects,
               const GitCancel* cancel);

  // In the order of `pairs` (of hex ids), and fewer if `should_stop` said so: it is asked before
  // each process, of which one merges some hundred pairs. Every merge has a tree or a problem. The
  // objects of the last process stay until the next Run or Clear.
  std::vector<GitMerge> Run(const std::vector<CommitPair>& pairs,
                            const std::function<bool()>& should_stop);
  // Where those objects are, with all others of the repository; empty before the first Run.
  std::string object_directory() const;
  void Clear() const;

 private:
  struct Failure {
    // Empty: there was none.
    std::string why;
    // No other pair would fare better.
    bool of_all = false;
  };

  Failure RunSome(const std::vector<CommitPair>& pairs, size_t count,
                  std::vector<GitMerge>* merges);
  absl::Status Prepare();
  // So that merge drivers which are programs end with a conflict.
  absl::Status FindDrivers();
  std::vector<std::string> Arguments() const;

  const std::string common_dir_;
  // As git's environment has it.
  const std::string more_objects_;
  const GitCancel* const cancel_;
  std::unique_ptr<ScratchObjects> scratch_;
  std::vector<std::string> environment_;
};

}  // namespace coordhub::git
