#include "agent/base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <system_error>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/unique_fd.h"

namespace coordhub::base {
namespace {

// Opens, retrying when a signal interrupts.
template <class Open>
UniqueFd OpenRetrying(Open open_once) {
  int fd = -1;
  do {
    fd = open_once();
  } while (fd < 0 && errno == EINTR);
  return UniqueFd(fd);
}

struct SplitPath {
  std::string directory;
  std::string name;
};

SplitPath Split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

// Unique among the threads of this process; O_EXCL settles it among processes.
std::string TemporaryName(const std::string& name) {
  static std::atomic<uint64_t> counter{0};
  return "." + name + ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(++counter);
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return MakeIoError("write", path, errno);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// Creates `name` in `directory` with the whole content; what is left of a failure is the caller's.
absl::Status WriteNewFile(int directory, const std::string& name, std::string_view bytes,
                          mode_t mode, Sync sync, const std::string& path) {
  const UniqueFd fd = OpenRetrying([&] {
    return openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  mode & 0700);
  });
  if (!fd.valid()) return MakeIoError("create", path, errno);
  COORDHUB_RETURN_IF_ERROR(WriteAll(fd.get(), bytes, path));
  if (fchmod(fd.get(), mode) != 0) return MakeIoError("chmod", path, errno);
  if (sync == Sync::kYes && fsync(fd.get()) != 0) return MakeIoError("fsync", path, errno);
  return absl::OkStatus();
}

}  // namespace

absl::Status AtomicReplaceFile(const std::string& path, std::string_view bytes, mode_t mode,
                               Sync sync) {
  const SplitPath split = Split(path);
  const UniqueFd directory = OpenRetrying(
      [&] { return open(split.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (!directory.valid()) return MakeIoError("open directory", split.directory, errno);
  return AtomicReplaceFileAt(directory.get(), split.name, bytes, mode, path, sync);
}

absl::Status AtomicReplaceFileAt(int directory, const std::string& name, std::string_view bytes,
                                 mode_t mode, const std::string& path, Sync sync) {
  const std::string temporary = TemporaryName(name);
  absl::Status status = WriteNewFile(directory, temporary, bytes, mode, sync, path);
  if (status.ok() && renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
    status = MakeIoError("rename", path, errno);
  }
  if (!status.ok()) {
    unlinkat(directory, temporary.c_str(), 0);  // best effort; it may not exist
    return status;
  }
  if (sync == Sync::kYes && fsync(directory) != 0) {
    return MakeIoError("fsync directory", Split(path).directory, errno);
  }
  return absl::OkStatus();
}

absl::Status ReplaceOrOverwriteFile(const std::string& path, std::string_view bytes, mode_t mode) {
  absl::Status replaced = AtomicReplaceFile(path, bytes, mode);
  if (ReasonOf(replaced) != pb::ERROR_REASON_DISK_FULL) return replaced;
  const UniqueFd fd =
      OpenRetrying([&] { return open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC); });
  struct stat info {};
  if (!fd.valid() || fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return replaced;
  // In one write, and cut only afterwards: what has its blocks keeps them.
  const ssize_t written = pwrite(fd.get(), bytes.data(), bytes.size(), 0);
  if (written != static_cast<ssize_t>(bytes.size())) return replaced;
  if (ftruncate(fd.get(), static_cast<off_t>(bytes.size())) != 0) {
    return MakeIoError("truncate", path, errno);
  }
  if (fsync(fd.get()) != 0) return MakeIoError("fsync", path, errno);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> ReadFile(const std::string& path, size_t max_bytes) {
  // O_NONBLOCK: a FIFO without a writer must not hang us before we see what it is.
  const UniqueFd fd = OpenRetrying(
      [&] { return open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); });
  if (!fd.valid()) {
    if (errno == ENOENT) return std::nullopt;
    return MakeIoError("open", path, errno);
  }
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return MakeIoError("stat", path, errno);
  if (!S_ISREG(info.st_mode)) {
    return MakeError(pb::ERROR_REASON_IO_FAILED, path + " is not a regular file",
                     {{"operation", "open"}, {"path", path}});
  }
  std::string bytes;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t got = read(fd.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return MakeIoError("read", path, errno);
    if (got == 0) return bytes;
    // Counted while reading: the size that stat gave may have grown since.
    if (static_cast<size_t>(got) > max_bytes - bytes.size()) {
      return MakeError(pb::ERROR_REASON_LIMIT_REACHED,
                       path + " has more than " + std::to_string(max_bytes) + " bytes",
                       {{"limit_name", "file size"}, {"limit", std::to_string(max_bytes)}});
    }
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

absl::Status EnsurePrivateDirectory(const std::string& path) {
  const auto unusable = [&path](const std::string& why) {
    return MakeError(pb::ERROR_REASON_STATE_DIR_UNUSABLE, path + " " + why, {{"path", path}});
  };
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return unusable("cannot be created: " + std::generic_category().message(errno));
  }
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return unusable("cannot be examined: " + std::generic_category().message(errno));
  }
  if (!S_ISDIR(info.st_mode)) return unusable("is not a directory");
  if (info.st_uid != geteuid()) {
    return unusable("belongs to user " + std::to_string(info.st_uid) + ", not " +
                    std::to_string(geteuid()));
  }
  if ((info.st_mode & 0777) != 0700) {
    char mode[8];
    std::snprintf(mode, sizeof(mode), "%03o", static_cast<unsigned>(info.st_mode & 0777));
    return unusable(std::string("has mode ") + mode + ", must have 700");
  }
  return absl::OkStatus();
}

}  // namespace coordhub::base
