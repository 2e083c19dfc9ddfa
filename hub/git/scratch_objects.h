// Where git may write objects that nobody keeps. Private to this folder.

#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agent/base/unique_fd.h"

namespace coordhub::git {

// An object directory of our own, in the system's directory for temporary files, before a
// repository's: who is given it as GIT_OBJECT_DIRECTORY reads all objects and writes none into the
// repository. Private to the user. Goes with this object, or, if the process was killed, when
// another is made an hour later. Blocks on the file system; one thread at a time.
class ScratchObjects {
 public:
  // Errors: IO_FAILED, DISK_FULL (path).
  static absl::StatusOr<std::unique_ptr<ScratchObjects>> Make(const std::string& common_dir);
  ~ScratchObjects();
  ScratchObjects(const ScratchObjects&) = delete;
  ScratchObjects& operator=(const ScratchObjects&) = delete;

  std::string directory() const { return top_ + "/objects"; }
  // A directory without files.
  std::string empty_directory() const { return top_ + "/empty"; }
  // Removes the objects.
  void Clear() const;

 private:
  ScratchObjects(std::string top, base::UniqueFd lock);

  const std::string top_;
  // Tells others that somebody lives who uses it.
  const base::UniqueFd lock_;
};

}  // namespace coordhub::git
