// Merges in nobody's sight, for callers who ask.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/repository_service.pb.h"
#include "hub/core/records.h"
#include "hub/git/merger.h"
#include "hub/git/observation.h"
#include "hub/git/uncommitted_work.h"

namespace coordhub::rpc {

// Of one workspace. Opens the repository when first asked. Everything but Stop blocks, for as long
// as git takes: on the host's thread for merges, which is the only one.
class MergeDesk {
 public:
  // Worktrees whose uncommitted work is compared in one call.
  static constexpr size_t kMaxPictures = 32;

  explicit MergeDesk(std::string common_dir) : common_dir_(std::move(common_dir)) {}

  // Errors: BRANCH_NOT_FOUND (branch), NOT_OBSERVED (path), IO_FAILED, DISK_FULL.
  absl::StatusOr<v1::PreviewMergeResponse> Preview(const v1::PreviewMergeRequest& request,
                                                   const core::View& view,
                                                   const git::Observation& seen);

  // The conflicts that branches would have with what is uncommitted in worktrees, as far as the
  // records do not say the same of what is committed; in order of their branches. `branch`: only
  // its own; empty: all. Errors: NOT_OBSERVED (path), LIMIT_REACHED, IO_FAILED,
  // DISK_FULL.
  absl::StatusOr<std::vector<v1::Conflict>> CompareUncommitted(
      const std::string& branch, const core::View& view, const git::Observation& seen,
      absl::Time now, const std::function<bool()>& should_stop);

  // Ends git where it runs; what comes later is unknown. Any thread; does not block.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class Running;
  // One side of a merge.
  struct Side {
    std::string commit;
    // Null: there is none, or it is not asked for.
    std::unique_ptr<git::UncommittedWork> uncommitted;

    const std::string& head() const {
      return uncommitted != nullptr ? uncommitted->commit() : commit;
    }
  };

  // Errors: NOT_OBSERVED.
  absl::StatusOr<std::unique_ptr<git::Merger>> Open(std::vector<std::string> more_objects) const;
  absl::StatusOr<git::Merger*> FindMerger();
  absl::StatusOr<Side> FindSide(const std::string& name, bool with_uncommitted,
                                const git::Observation& seen);
  absl::StatusOr<std::unique_ptr<git::UncommittedWork>> TakePicture(
      const v1::Worktree& worktree) const;

  const std::string common_dir_;
  // The thread for merges'.
  std::unique_ptr<git::Merger> merger_;

  base::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::set<git::Merger*> running_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::rpc
