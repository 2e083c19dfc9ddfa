// The calls of libc that change files, told to the PowerCutDisk that records. Being defined in the
// program itself they come before libc's, for SQLite's library, too.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "tests/journal/power_cut_disk.h"

namespace {

using coordhub::journal::PowerCutDisk;

template <class Function>
Function* Real(Function* /*ours*/, const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

off_t PositionOf(int fd) {
  struct stat info {};
  const int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_APPEND) != 0 && fstat(fd, &info) == 0) return info.st_size;
  return lseek(fd, 0, SEEK_CUR);
}

bool IsThere(int directory, const char* path) {
  struct stat info {};
  return fstatat(directory, path, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

// errno is the call's, not that of what was looked up for the record.
class KeepErrno {
 public:
  ~KeepErrno() { errno = errno_; }

 private:
  const int errno_ = errno;
};

template <class Open>
int Opened(int directory, const char* path, int flags, Open open) {
  PowerCutDisk* const disk = PowerCutDisk::recording();
  const bool makes = disk != nullptr && (flags & O_CREAT) != 0 && !IsThere(directory, path);
  const int fd = open();
  const KeepErrno keep;
  if (disk == nullptr || fd < 0) return fd;
  if (makes) disk->OnMade(directory, path, /*is_directory=*/false);
  if (!makes && (flags & O_TRUNC) != 0) disk->OnTruncate(fd, 0);
  return fd;
}

int Synced(int fd) {
  const KeepErrno keep;
  PowerCutDisk::recording()->OnSync(fd);
  return 0;
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) {
  static auto* const real = Real(&write, "write");
  PowerCutDisk* const disk = PowerCutDisk::recording();
  if (disk == nullptr) return real(fd, bytes, size);
  const off_t at = PositionOf(fd);
  const ssize_t written = real(fd, bytes, size);
  const KeepErrno keep;
  if (written > 0) disk->OnWrite(fd, at, bytes, static_cast<size_t>(written));
  return written;
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  static auto* const real = Real(&pwrite64, "pwrite64");
  const ssize_t written = real(fd, bytes, size, at);
  const KeepErrno keep;
  PowerCutDisk* const disk = PowerCutDisk::recording();
  if (disk != nullptr && written > 0) disk->OnWrite(fd, at, bytes, static_cast<size_t>(written));
  return written;
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return pwrite64(fd, bytes, size, at);
}

int ftruncate64(int fd, off64_t size) noexcept {
  static auto* const real = Real(&ftruncate64, "ftruncate64");
  const int done = real(fd, size);
  const KeepErrno keep;
  PowerCutDisk* const disk = PowerCutDisk::recording();
  if (disk != nullptr && done == 0) disk->OnTruncate(fd, size);
  return done;
}

int ftruncate(int fd, off_t size) noexcept { return ftruncate64(fd, size); }

// Of this only that the file has grown is told.
int posix_fallocate64(int fd, off64_t at, off64_t size) {
  static auto* const real = Real(&posix_fallocate64, "posix_fallocate64");
  const int error = real(fd, at, size);
  struct stat info {};
  PowerCutDisk* const disk = PowerCutDisk::recording();
  if (disk != nullptr && error == 0 && fstat(fd, &info) == 0) disk->OnTruncate(fd, info.st_size);
  return error;
}

int posix_fallocate(int fd, off_t at, off_t size) { return posix_fallocate64(fd, at, size); }

int fsync(int fd) {
  static auto* const real = Real(&fsync, "fsync");
  return PowerCutDisk::recording() == nullptr ? real(fd) : Synced(fd);
}

int fdatasync(int fd) {
  static auto* const real = Real(&fdatasync, "fdatasync");
  return PowerCutDisk::recording() == nullptr ? real(fd) : Synced(fd);
}

int openat(int directory, const char* path, int flags, ...) {
  static auto* const real = Real(&openat, "openat");
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return Opened(directory, path, flags, [&] { return real(directory, path, flags, mode); });
}

int openat64(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return openat(directory, path, flags | O_LARGEFILE, mode);
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return openat(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int mkdir(const char* path, mode_t mode) noexcept {
  static auto* const real = Real(&mkdir, "mkdir");
  const int done = real(path, mode);
  const KeepErrno keep;
  PowerCutDisk* const disk = PowerCutDisk::recording();
  if (disk != nullptr && done == 0) disk->OnMade(AT_FDCWD, path, /*is_directory=*/true);
  return done;
}

int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
  static auto* const real = Real(&renameat, "renameat");
  const int done = real(from_directory, from, to_directory, to);
  const KeepErrno keep;
  PowerCutDisk* const disk = PowerCutDisk::recording();
  if (disk != nullptr && done == 0) disk->OnRename(from_directory, from, to_directory, to);
  return done;
}

int rename(const char* from, const char* to) noexcept {
  return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int directory, const char* path, int flags) noexcept {
  static auto* const real = Real(&unlinkat, "unlinkat");
  const int done = real(directory, path, flags);
  const KeepErrno keep;
  PowerCutDisk* const disk = PowerCutDisk::recording();
  if (disk != nullptr && done == 0) disk->OnUnlink(directory, path);
  return done;
}

int unlink(const char* path) noexcept { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char* path) noexcept { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

}  // extern "C"
