// The directory shared_state/, written so that no link leads out of it.

#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  bool SameFile(const FileStamp& other) const {
    return device == other.device && inode == other.inode;
  }
};

// How a file makes place for its successor so that whoever has it open loses nothing. The first
// that the file system can do is used.
enum class RetireBy {
  // The two names are exchanged in one step.
  kExchange,
  // The old file gets a second name before the new one takes its first.
  kLink,
  // The old file moves away first: readers may find no file for a moment.
  kRename,
};

// Called before each step that changes the disk, with its name: tests end the process there.
using StepHook = std::function<void(std::string_view step)>;

// An open shared_state/ or a directory in it: what happens to its path meanwhile does not lead the
// writes elsewhere. Names never hold a slash. Not thread-safe; every method blocks on the file
// system. Errors are IO_FAILED and DISK_FULL.
class SharedStateDir {
 public:
  // Opens `path` (absolute); makes the last component when it is missing. Errors: also no
  // directory, a symbolic link, no right to write.
  static absl::StatusOr<SharedStateDir> Open(const std::string& path, StepHook hook = nullptr);

  // Opens a directory in this one; makes it when it is missing and `make` says so.
  absl::StatusOr<SharedStateDir> OpenInner(const std::string& name, bool make) const;

  // Replaces the file `name` atomically and durably; on an error it is as it was.
  absl::StatusOr<FileStamp> Replace(const std::string& name, std::string_view bytes);

  // The same, but what was there is afterwards `retired`, a name that nobody uses. On an error the
  // old file is at one of the two names. `by` is tried first and set to what did it.
  absl::StatusOr<FileStamp> ReplaceRetiring(const std::string& name, std::string_view bytes,
                                            const std::string& retired, RetireBy* by);

  // What `name` is now; a stamp with size -1 when it is missing or no regular file.
  FileStamp Stat(const std::string& name) const;
  // False when there is nothing of that name.
  bool StatAny(const std::string& name, struct stat* info) const;

  // Opens a regular file for reading, following no link and waiting for nothing.
  absl::StatusOr<base::UniqueFd> OpenToRead(const std::string& name) const;
  // Appends durably to a file of one's own, made when missing.
  absl::Status Append(const std::string& name, std::string_view bytes);

  // Names that begin with `prefix`, sorted, without "." and "..".
  absl::StatusOr<std::vector<std::string>> List(std::string_view prefix) const;

  // Durable only after Sync. A name that is gone already is no error.
  absl::Status Remove(const std::string& name);
  absl::Status Move(const std::string& name, const SharedStateDir& to, const std::string& new_name);
  absl::Status Sync();

  // Removes temporary files and second names that a killed writer left behind. Only while nobody
  // else writes.
  void RemoveLeftovers();

  const std::string& path() const { return path_; }

 private:
  SharedStateDir(std::string path, base::UniqueFd fd, StepHook hook)
      : path_(std::move(path)), fd_(std::move(fd)), hook_(std::move(hook)) {}

  void Step(std::string_view step) const {
    if (hook_) hook_(step);
  }
  absl::Status IoError(std::string_view operation, const std::string& name, int error) const;
  // Writes a new file of a name of its own, durably; `stamp` is what it is.
  absl::StatusOr<std::string> WriteTemporary(const std::string& name, std::string_view bytes,
                                             FileStamp* stamp);
  absl::Status FillNew(int fd, std::string_view bytes, const std::string& name);
  // Each brings `temporary` to `name` and what was there to `retired`; false when the file system
  // cannot do it this way, and nothing changed.
  absl::StatusOr<bool> Exchange(const std::string& temporary, const std::string& name,
                                const std::string& retired);
  absl::StatusOr<bool> LinkAway(const std::string& temporary, const std::string& name,
                                const std::string& retired);
  absl::StatusOr<bool> RenameAway(const std::string& temporary, const std::string& name,
                                  const std::string& retired);
  absl::Status Retire(const std::string& temporary, const std::string& name,
                      const std::string& retired, RetireBy* by);

  std::string path_;
  base::UniqueFd fd_;
  StepHook hook_;
};

}  // namespace coordhub::mirror
