#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Files and directories below SQLite. All functions block on the disk and are thread-safe.
namespace coordhub::journal {

// The name of the network file system with the statfs magic `type`; empty for local ones, and for
// FUSE, behind which is anything.
std::string_view NetworkFileSystemName(int64_t type);

// The absolute path, without symbolic links, of a state directory that may be used: made when it is
// missing (mode 0700; the entry in its parent is durable). Errors: STATE_DIR_UNUSABLE (not private,
// another user's, no directory, on a network file system), IO_FAILED.
absl::StatusOr<std::string> PrepareStateDirectory(const std::string& path);

// Whether something is at `path`, a symbolic link included. Errors: IO_FAILED.
absl::StatusOr<bool> Exists(const std::string& path);

// 0 when nothing is there.
int64_t FileSize(const std::string& path);

// Makes an empty file of mode 0600 that must not exist. Errors: DISK_FULL, IO_FAILED.
absl::Status CreateFile(const std::string& path);

// Makes the content of a file, or the names in a directory, durable. Errors: IO_FAILED.
absl::Status SyncFile(const std::string& path);
absl::Status SyncDirectory(const std::string& path);
// The directory that `path` stands in.
absl::Status SyncParent(const std::string& path);

absl::Status RenameFile(const std::string& from, const std::string& to);

// Removes a file; fine when there is none. Errors: IO_FAILED.
absl::Status RemoveFile(const std::string& path);

// Copies a file to a new one of mode 0600 and syncs it. Errors: DISK_FULL, IO_FAILED.
absl::Status CopyFile(const std::string& from, const std::string& to);

// Hex SHA-256 of a file. Errors: IO_FAILED.
absl::StatusOr<std::string> HashFile(const std::string& path);

}  // namespace coordhub::journal
