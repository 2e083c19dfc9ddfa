#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/file_identity.h"
#include "agent/base/mutex.h"

namespace coordhub::journal {

// The files by which this process holds a workspace: lock, database, write-ahead log, socket. Who
// removes or renames one of them takes nothing from a process that has it open; it only writes on
// where nobody will look. So whoever acknowledges asks first whether each is still the one at its
// path. Any thread.
class HeldFiles {
 public:
  HeldFiles() = default;
  HeldFiles(const HeldFiles&) = delete;
  HeldFiles& operator=(const HeldFiles&) = delete;

  // From now on what is at `path` must stay there; who replaces it rightly says so by adding it
  // again. Somebody must have it open for as long as this
  // lives: the number of a file that is gone is given to another one. Errors: STATE_DIR_LOST
  // (path): nothing is there.
  absl::Status Add(const std::string& path);

  // What is at `path` may go: we are about to remove it ourselves.
  void Release(const std::string& path);

  // A few microseconds. Errors: STATE_DIR_LOST (path): the first that is not the one at its
  // path any more.
  absl::Status Check() const;

 private:
  struct File {
    std::string path;
    base::FileIdentity identity;
  };

  std::vector<File> Without(const std::string& path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable base::Mutex mu_;
  // Replaced as a whole, so that nobody looks at the disk under the lock.
  std::shared_ptr<const std::vector<File>> files_ ABSL_GUARDED_BY(mu_) =
      std::make_shared<const std::vector<File>>();
};

}  // namespace coordhub::journal
