#include "hub/mirror/shared_state_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::mirror {
namespace {

// Scripts of the same group may read along; agents' texts are nobody else's business.
constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0755;

absl::Status NotADirectory(const std::string& path, int error) {
  const bool link = error == ELOOP || error == ENOTDIR;
  if (!link) return base::MakeIoError("open directory", path, error);
  return base::MakeError(v1::ERROR_REASON_IO_FAILED,
                         path + " must be a directory, not a symbolic link or file",
                         {{"operation", "open directory"}, {"path", path}});
}

base::UniqueFd OpenDirectoryAt(int parent, const char* name) {
  return base::UniqueFd(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

absl::StatusOr<base::UniqueFd> OpenOrMake(int parent, const std::string& name,
                                          const std::string& path, bool make) {
  base::UniqueFd fd = OpenDirectoryAt(parent, name.c_str());
  if (fd.valid()) return fd;
  if (errno != ENOENT || !make) return NotADirectory(path, errno);
  if (mkdirat(parent, name.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return base::MakeIoError("create directory", path, errno);
  }
  fd = OpenDirectoryAt(parent, name.c_str());
  if (!fd.valid()) return NotADirectory(path, errno);
  return fd;
}

bool SameTime(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// What a file system says that lacks an operation.
bool IsUnsupported(int error) {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EPERM ||
         error == EMLINK;
}

std::string TemporaryPrefix(const std::string& name) { return "." + name + ".tmp-"; }

// What is on its way to the disk at once: the journal's sync waits behind it.
constexpr size_t kChunk = 64 << 10;

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), std::min(bytes.size(), kChunk));
    if (written < 0 && errno != EINTR) return base::MakeIoError("write", path, errno);
    if (written < 0) continue;
    bytes.remove_prefix(static_cast<size_t>(written));
    // No promise, which the fsync makes at the end; so a failure is none either.
    if (!bytes.empty()) {
      sync_file_range(
          fd, 0, 0,
          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    }
  }
  return absl::OkStatus();
}

}  // namespace

FileStamp FileStamp::Of(const struct stat& info) {
  return {info.st_dev, info.st_ino, info.st_size, info.st_mtim, info.st_ctim};
}

bool FileStamp::operator==(const FileStamp& other) const {
  return SameFile(other) && size == other.size && SameTime(modified, other.modified) &&
         SameTime(changed, other.changed);
}

absl::StatusOr<SharedStateDir> SharedStateDir::Open(const std::string& path, StepHook hook) {
  const size_t slash = path.rfind('/');
  const std::string parent_path = slash == 0 ? "/" : path.substr(0, slash);
  const base::UniqueFd parent(open(parent_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid()) return base::MakeIoError("open directory", parent_path, errno);
  COORDHUB_ASSIGN_OR_RETURN(base::UniqueFd fd,
                            OpenOrMake(parent.get(), path.substr(slash + 1), path, /*make=*/true));
  return SharedStateDir(path, std::move(fd), std::move(hook));
}

absl::StatusOr<SharedStateDir> SharedStateDir::OpenInner(const std::string& name, bool make) const {
  const std::string path = path_ + "/" + name;
  COORDHUB_ASSIGN_OR_RETURN(base::UniqueFd fd, OpenOrMake(fd_.get(), name, path, make));
  return SharedStateDir(path, std::move(fd), hook_);
}

absl::Status SharedStateDir::IoError(std::string_view operation, const std::string& name,
                                     int error) const {
  return base::MakeIoError(operation, path_ + "/" + name, error);
}

// ---- writing ----

absl::Status SharedStateDir::FillNew(int fd, std::string_view bytes, const std::string& name) {
  COORDHUB_RETURN_IF_ERROR(WriteAll(fd, bytes.substr(0, bytes.size() / 2), path_ + "/" + name));
  Step("write the rest");
  COORDHUB_RETURN_IF_ERROR(WriteAll(fd, bytes.substr(bytes.size() / 2), path_ + "/" + name));
  Step("sync the file");
  if (fchmod(fd, kFileMode) != 0) return IoError("chmod", name, errno);
  if (fsync(fd) != 0) return IoError("fsync", name, errno);
  return absl::OkStatus();
}

absl::StatusOr<std::string> SharedStateDir::WriteTemporary(const std::string& name,
                                                           std::string_view bytes,
                                                           FileStamp* stamp) {
  // One writer: the name is free, or what a killed one left and RemoveLeftovers could not take.
  const std::string temporary = TemporaryPrefix(name) + std::to_string(getpid());
  Step("create");
  const base::UniqueFd fd(openat(fd_.get(), temporary.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    const int error = errno;
    if (error == EEXIST) unlinkat(fd_.get(), temporary.c_str(), 0);  // the next try finds it free
    return IoError("create", name, error);
  }
  const absl::Status status = FillNew(fd.get(), bytes, name);
  struct stat info {};
  if (!status.ok() || fstat(fd.get(), &info) != 0) {
    const absl::Status failure = status.ok() ? IoError("stat", name, errno) : status;
    unlinkat(fd_.get(), temporary.c_str(), 0);
    return failure;
  }
  *stamp = FileStamp::Of(info);
  return temporary;
}

absl::StatusOr<FileStamp> SharedStateDir::Replace(const std::string& name, std::string_view bytes) {
  FileStamp written;
  COORDHUB_ASSIGN_OR_RETURN(const std::string temporary, WriteTemporary(name, bytes, &written));
  Step("rename");
  if (renameat(fd_.get(), temporary.c_str(), fd_.get(), name.c_str()) != 0) {
    const absl::Status status = IoError("rename", name, errno);
    unlinkat(fd_.get(), temporary.c_str(), 0);
    return status;
  }
  COORDHUB_RETURN_IF_ERROR(Sync());
  return Stat(name);
}

absl::StatusOr<FileStamp> SharedStateDir::ReplaceRetiring(const std::string& name,
                                                          std::string_view bytes,
                                                          const std::string& retired,
                                                          RetireBy* by) {
  struct stat info {};
  if (StatAny(name, &info) && S_ISDIR(info.st_mode)) return IoError("replace", name, EISDIR);
  FileStamp written;
  COORDHUB_ASSIGN_OR_RETURN(const std::string temporary, WriteTemporary(name, bytes, &written));
  const absl::Status status = Retire(temporary, name, retired, by);
  if (!status.ok()) {
    unlinkat(fd_.get(), temporary.c_str(), 0);
    return status;
  }
  COORDHUB_RETURN_IF_ERROR(Sync());
  FileStamp now = Stat(name);
  // Someone wrote to it at once, or put another file there: the next round sees to that. (The
  // rename itself changes `changed`.)
  const bool untouched =
      now.SameFile(written) && now.size == written.size && SameTime(now.modified, written.modified);
  if (!untouched) now.size = -1;
  return now;
}

absl::Status SharedStateDir::Retire(const std::string& temporary, const std::string& name,
                                    const std::string& retired, RetireBy* by) {
  using Way = absl::StatusOr<bool> (SharedStateDir::*)(const std::string&, const std::string&,
                                                       const std::string&);
  constexpr std::array<Way, 3> kWays = {&SharedStateDir::Exchange, &SharedStateDir::LinkAway,
                                        &SharedStateDir::RenameAway};
  for (auto way = static_cast<size_t>(*by); way < kWays.size(); ++way) {
    COORDHUB_ASSIGN_OR_RETURN(const bool done, (this->*kWays[way])(temporary, name, retired));
    *by = static_cast<RetireBy>(way);
    if (done) return absl::OkStatus();
  }
  return IoError("rename without replacing", name, EOPNOTSUPP);
}

// The new file takes the retired name first: if we are killed in between, that name holds nothing
// but complete lines of ours, and a start throws them away.
absl::StatusOr<bool> SharedStateDir::Exchange(const std::string& temporary, const std::string& name,
                                              const std::string& retired) {
  const int dir = fd_.get();
  Step("rename to the retired name");
  if (renameat(dir, temporary.c_str(), dir, retired.c_str()) != 0) {
    return IoError("rename", name, errno);
  }
  Step("exchange");
  if (renameat2(dir, retired.c_str(), dir, name.c_str(), RENAME_EXCHANGE) == 0) return true;
  int error = errno;
  if (error == ENOENT) {
    // There is no file yet; if someone makes one just now, it is retired by the next round.
    if (renameat2(dir, retired.c_str(), dir, name.c_str(), RENAME_NOREPLACE) == 0) return true;
    error = errno;
  }
  // Back to the name where a start, and our caller, find it.
  if (renameat(dir, retired.c_str(), dir, temporary.c_str()) != 0) {
    return IoError("rename", name, errno);
  }
  if (IsUnsupported(error)) return false;
  return IoError("exchange", name, error);
}

absl::StatusOr<bool> SharedStateDir::LinkAway(const std::string& temporary, const std::string& name,
                                              const std::string& retired) {
  const int dir = fd_.get();
  Step("link");
  if (linkat(dir, name.c_str(), dir, retired.c_str(), 0) != 0 && errno != ENOENT) {
    if (IsUnsupported(errno)) return false;
    return IoError("link", name, errno);
  }
  Step("rename over");
  // A file that someone makes where there was none, between these two steps, would be lost; so
  // where there was none, ours must be the first.
  struct stat info {};
  const bool replaces = StatAny(retired, &info);
  const unsigned flags = replaces ? 0 : RENAME_NOREPLACE;
  const int renamed = renameat2(dir, temporary.c_str(), dir, name.c_str(), flags);
  if (renamed == 0) return true;
  if (!replaces && IsUnsupported(errno)) {
    // Linking refuses to replace, too.
    if (linkat(dir, temporary.c_str(), dir, name.c_str(), 0) != 0) {
      return IoError("link", name, errno);
    }
    unlinkat(dir, temporary.c_str(), 0);
    return true;
  }
  const absl::Status status = IoError("rename", name, errno);
  if (replaces) unlinkat(dir, retired.c_str(), 0);  // it is still the present one
  return status;
}

absl::StatusOr<bool> SharedStateDir::RenameAway(const std::string& temporary,
                                                const std::string& name,
                                                const std::string& retired) {
  const int dir = fd_.get();
  Step("rename away");
  if (renameat(dir, name.c_str(), dir, retired.c_str()) != 0 && errno != ENOENT) {
    return IoError("rename", name, errno);
  }
  Step("rename into the gap");
  // Whoever filled the gap meanwhile keeps it until the next round.
  if (renameat2(dir, temporary.c_str(), dir, name.c_str(), RENAME_NOREPLACE) == 0) return true;
  const int error = errno;
  if (IsUnsupported(error)) {
    // Without a way not to replace, the old file goes back, unless someone filled the gap.
    struct stat info {};
    if (!StatAny(name, &info)) renameat(dir, retired.c_str(), dir, name.c_str());
    return false;
  }
  return IoError("rename", name, error);
}

absl::Status SharedStateDir::Append(const std::string& name, std::string_view bytes) {
  Step("append");
  const base::UniqueFd fd(
      openat(fd_.get(), name.c_str(),
             O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, kFileMode));
  if (!fd.valid()) return IoError("open", name, errno);
  COORDHUB_RETURN_IF_ERROR(WriteAll(fd.get(), bytes, path_ + "/" + name));
  if (fsync(fd.get()) != 0) return IoError("fsync", name, errno);
  return Sync();
}

absl::Status SharedStateDir::Remove(const std::string& name) {
  Step("remove");
  if (unlinkat(fd_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  return IoError("remove", name, errno);
}

absl::Status SharedStateDir::Move(const std::string& name, const SharedStateDir& to,
                                  const std::string& new_name) {
  Step("move");
  if (renameat(fd_.get(), name.c_str(), to.fd_.get(), new_name.c_str()) == 0) {
    return absl::OkStatus();
  }
  return IoError("move", name, errno);
}

absl::Status SharedStateDir::Sync() {
  Step("sync the directory");
  if (fsync(fd_.get()) != 0) return base::MakeIoError("fsync directory", path_, errno);
  return absl::OkStatus();
}

// ---- reading ----

FileStamp SharedStateDir::Stat(const std::string& name) const {
  struct stat info {};
  if (!StatAny(name, &info) || !S_ISREG(info.st_mode)) return {};
  return FileStamp::Of(info);
}

bool SharedStateDir::StatAny(const std::string& name, struct stat* info) const {
  return fstatat(fd_.get(), name.c_str(), info, AT_SYMLINK_NOFOLLOW) == 0;
}

absl::StatusOr<base::UniqueFd> SharedStateDir::OpenToRead(const std::string& name) const {
  // O_NONBLOCK: a FIFO without a writer must not hang us before we see what it is, nor a lease.
  base::UniqueFd fd(
      openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid()) return IoError("open", name, errno);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return IoError("stat", name, errno);
  if (!S_ISREG(info.st_mode)) return IoError("read (no regular file)", name, EINVAL);
  return fd;
}

absl::StatusOr<std::vector<std::string>> SharedStateDir::List(std::string_view prefix) const {
  // A description of its own: the position of a directory stream is shared by duplicates.
  const int own = openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // closedir closes it
  std::unique_ptr<DIR, int (*)(DIR*)> stream(own < 0 ? nullptr : fdopendir(own), closedir);
  if (stream == nullptr) return base::MakeIoError("list", path_, errno);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream.get())) {  // NOLINT(concurrency-mt-unsafe): our own
    const std::string_view name = entry->d_name;
    if (name.substr(0, prefix.size()) != prefix || name == "." || name == "..") continue;
    names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void SharedStateDir::RemoveLeftovers() {
  const absl::StatusOr<std::vector<std::string>> names = List(".");
  if (!names.ok()) return;
  constexpr std::string_view kRetired = ".tickets.md.";
  const FileStamp present = Stat("tickets.md");
  for (const std::string& name : *names) {
    for (const char* file : {"tickets.md", "status.md", "convergence.md"}) {
      const std::string prefix = TemporaryPrefix(file);
      if (name.compare(0, prefix.size(), prefix) == 0) unlinkat(fd_.get(), name.c_str(), 0);
    }
    // Killed between linking the old file and renaming over it: it is still the present one.
    const bool retired = name.compare(0, kRetired.size(), kRetired) == 0;
    if (retired && present.size >= 0 && Stat(name).SameFile(present)) {
      unlinkat(fd_.get(), name.c_str(), 0);
    }
  }
}

}  // namespace coordhub::mirror
