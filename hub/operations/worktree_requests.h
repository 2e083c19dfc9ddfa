// What calls ask of worktrees, from the call until the work is done.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/operation.pb.h"
#include "hub/operations/worktree_naming.h"

namespace coordhub::operations {

// The particulars of one request, beside the path.
struct WorktreeRequest {
  v1::Operation::Kind kind = v1::Operation::KIND_UNSPECIFIED;
  // Of CreateWorktree.
  std::string branch;
  std::string start_point;
  bool existing_branch = false;
  // Of RemoveWorktree.
  bool allow_unmerged = false;

  bool operator==(const WorktreeRequest&) const = default;
};

// The log has the path of an operation on a worktree (its subject); the rest is needed by Run only,
// and kept here by the path: what a kill cut off is finished or undone by what there is. So a path
// is one request's at a time. Any thread; nothing blocks.
class WorktreeRequests {
 public:
  // `directory`: where worktrees go whose path nobody states. `naming`: how branches are named.
  WorktreeRequests(std::string directory, WorktreeNaming naming)
      : directory_(std::move(directory)), naming_(std::move(naming)) {}

  // Where a worktree goes: `directory`/<branch, with - for />.
  std::string DefaultPath(std::string_view branch) const;
  const std::string& directory() const { return directory_; }
  const WorktreeNaming& naming() const { return naming_; }

  // Keeps the particulars for the path until as many calls of Release. False: it is another
  // request's. (A request that is repeated is the same.)
  bool Hold(const std::string& path, const WorktreeRequest& request) ABSL_LOCKS_EXCLUDED(mu_);
  void Release(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);
  // Nullopt: nobody holds it.
  std::optional<WorktreeRequest> Find(const std::string& path) const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Held {
    WorktreeRequest request;
    int holders = 0;
  };

  const std::string directory_;
  const WorktreeNaming naming_;
  mutable base::Mutex mu_;
  std::map<std::string, Held> held_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::operations
