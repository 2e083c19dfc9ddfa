// The directory shared_state/, written so that no link leads out of it.

#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/unique_fd.h"

namespace coordhub::mirror {

// Which file a name stood for when it was written: enough to notice that someone put another one
// there or changed it.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = -1;  // bytes; -1: none
  timespec modified{};
  timespec changed{};

  static FileStamp Of(const struct stat& info);
  bool operator==(const FileStamp& other) const;
};

// An open shared_state/: what happens to its path meanwhile does not lead the writes elsewhere.
// Names are constants of the hub, never text from agents. Not thread-safe; every method blocks on
// the file system.
class SharedStateDir {
 public:
  // Opens `path` (absolute); makes the last component when it is missing.
  // Errors: IO_FAILED: no directory, a symbolic link, no right to write; DISK_FULL.
  static absl::StatusOr<SharedStateDir> Open(const std::string& path);

  // Replaces the file `name` atomically and durably. Errors: IO_FAILED, DISK_FULL: the file is as
  // it was.
  absl::StatusOr<FileStamp> Replace(const std::string& name, std::string_view bytes);

  // What `name` is now; a stamp with size -1 when it is missing or no regular file.
  FileStamp Stat(const std::string& name) const;

  // The content of `name`; empty when it is missing or no regular file. Errors: IO_FAILED,
  // LIMIT_REACHED (too large).
  absl::StatusOr<std::string> Read(const std::string& name) const;

  // Gives the file `name` a second name, `<name>.kept-<n>` with the first free n, and returns it.
  // Empty when all are taken. Errors: IO_FAILED, DISK_FULL.
  absl::StatusOr<std::string> Keep(const std::string& name);

  // Removes temporary files that a killed writer left behind. Only while nobody else writes.
  void RemoveLeftovers();

  const std::string& path() const { return path_; }

 private:
  SharedStateDir(std::string path, base::UniqueFd fd)
      : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  base::UniqueFd fd_;
};

}  // namespace coordhub::mirror
