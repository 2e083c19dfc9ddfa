// Which file stands at a path, and who holds it. Paths can be removed, renamed and made anew under
// whoever has a file open; what a file is stays.

#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <string>

namespace coordhub::base {

// A file or directory, whatever its name is by now. Meaningful while it exists: a number that was
// given back may become another file's.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// What is at `path`, a symbolic link followed, or open as `fd`. Nullopt: nothing, or nothing that
// can be looked at; errno says why. A few microseconds; any thread.
std::optional<FileIdentity> IdentityAt(const std::string& path);
std::optional<FileIdentity> IdentityOf(int fd);

// The process that holds flock(2) on the file, by the kernel's list; 0: nobody, or nobody whom this
// process may see (in another container). Takes no lock itself. Blocks briefly; any thread.
pid_t FlockHolder(const FileIdentity& file);

// Whether the process has the file open, under whatever name. False also when it may not be looked
// into. Blocks briefly; any thread.
bool HasOpen(pid_t pid, const FileIdentity& file);

}  // namespace coordhub::base
