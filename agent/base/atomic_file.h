// Files that are replaced and read whole, and directories that are private.
//
// Thread-safe, also towards other processes: a reader sees the old content or the new, never a
// mixture or an empty file, except where it is said. Symbolic links are not followed in the last
// component of a path.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace coordhub::base {

enum class Sync {
  kYes,  // durable, content and name, on return
  kNo,   // atomic for running processes; a power failure may bring back the old content
};

// Makes `path` a regular file of `bytes` with permission bits `mode` (whatever the umask). A
// symbolic link at `path` is replaced, not its target. Writes to a temporary name in the same
// directory first, which is removed again on errors; after a crash it may stay behind, as
// `.<name>.tmp-<pid>-<n>`.
//
// Errors:
//   RESOURCE_EXHAUSTED/DISK_FULL  no space or quota left.
//   INTERNAL/IO_FAILED            anything else; the file is as it was unless the operation is
//                                 "fsync directory".
absl::Status AtomicReplaceFile(const std::string& path, std::string_view bytes, mode_t mode,
                               Sync sync = Sync::kYes);

// The same for `name` in the open directory `directory`, whose own path may change meanwhile.
// `path` is what messages call the file.
absl::Status AtomicReplaceFileAt(int directory, const std::string& name, std::string_view bytes,
                                 mode_t mode, const std::string& path, Sync sync = Sync::kYes);

// As AtomicReplaceFile; where there is no room for a second file it writes over the old one, into
// the room that this has: a reader may then meet a mixture of both for a moment.
absl::Status ReplaceOrOverwriteFile(const std::string& path, std::string_view bytes, mode_t mode);

// The content of the regular file `path`; nullopt if nothing is there.
//
// Errors:
//   RESOURCE_EXHAUSTED/LIMIT_REACHED  more than `max_bytes` bytes. Metadata: `limit_name`, `limit`.
//   INTERNAL/IO_FAILED                anything else; also a symbolic link, directory or device.
absl::StatusOr<std::optional<std::string>> ReadFile(const std::string& path, size_t max_bytes);

// Makes sure that `path` is a directory that this user owns and nobody else may enter (mode 0700).
// Creates it if need be, not its parents.
//
// Errors:
//   FAILED_PRECONDITION/STATE_DIR_UNUSABLE  no directory (a symbolic link, say), another owner,
//   open
//                                           to others, or not creatable. Metadata: `path`.
absl::Status EnsurePrivateDirectory(const std::string& path);

}  // namespace coordhub::base
