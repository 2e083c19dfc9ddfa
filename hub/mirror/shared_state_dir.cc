#include "hub/mirror/shared_state_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::mirror {
namespace {

// Scripts of the same group may read along; agents' texts are nobody else's business.
constexpr mode_t kFileMode = 0640;
constexpr int kMaxKept = 64;
constexpr size_t kMaxForeignFileBytes = 64 << 20;

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

absl::StatusOr<base::UniqueFd> OpenOrMake(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string parent_path = slash == 0 ? "/" : path.substr(0, slash);
  const std::string name = path.substr(slash + 1);
  const base::UniqueFd parent(open(parent_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid()) return base::MakeIoError("open directory", parent_path, errno);

  base::UniqueFd fd = OpenDirectoryAt(parent.get(), name.c_str());
  if (fd.valid()) return fd;
  if (errno != ENOENT) return NotADirectory(path, errno);
  if (mkdirat(parent.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
    return base::MakeIoError("create directory", path, errno);
  }
  fd = OpenDirectoryAt(parent.get(), name.c_str());
  if (!fd.valid()) return NotADirectory(path, errno);
  return fd;
}

bool SameTime(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Names that AtomicReplaceFile uses for our files until it renames them.
bool IsLeftover(std::string_view name) {
  for (const std::string_view prefix : {".tickets.md.tmp-", ".status.md.tmp-"}) {
    if (name.substr(0, prefix.size()) == prefix) return true;
  }
  return false;
}

}  // namespace

FileStamp FileStamp::Of(const struct stat& info) {
  return {info.st_dev, info.st_ino, info.st_size, info.st_mtim, info.st_ctim};
}

bool FileStamp::operator==(const FileStamp& other) const {
  return device == other.device && inode == other.inode && size == other.size &&
         SameTime(modified, other.modified) && SameTime(changed, other.changed);
}

absl::StatusOr<SharedStateDir> SharedStateDir::Open(const std::string& path) {
  COORDHUB_ASSIGN_OR_RETURN(base::UniqueFd fd, OpenOrMake(path));
  return SharedStateDir(path, std::move(fd));
}

void SharedStateDir::RemoveLeftovers() {
  const int own = dup(fd_.get());  // closedir closes it
  std::unique_ptr<DIR, int (*)(DIR*)> stream(own < 0 ? nullptr : fdopendir(own), closedir);
  if (stream == nullptr) return;
  rewinddir(stream.get());
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream.get())) {  // NOLINT(concurrency-mt-unsafe): our own
    if (IsLeftover(entry->d_name)) names.emplace_back(entry->d_name);
  }
  for (const std::string& name : names) unlinkat(fd_.get(), name.c_str(), 0);
}

absl::StatusOr<FileStamp> SharedStateDir::Replace(const std::string& name, std::string_view bytes) {
  COORDHUB_RETURN_IF_ERROR(
      base::AtomicReplaceFileAt(fd_.get(), name, bytes, kFileMode, path_ + "/" + name));
  FileStamp stamp = Stat(name);
  // Someone wrote to it at once: then it is not what we wrote, and the next round sees that.
  if (stamp.size != static_cast<off_t>(bytes.size())) stamp.size = -1;
  return stamp;
}

FileStamp SharedStateDir::Stat(const std::string& name) const {
  struct stat info {};
  if (fstatat(fd_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return {};
  if (!S_ISREG(info.st_mode)) return {};
  return FileStamp::Of(info);
}

absl::StatusOr<std::string> SharedStateDir::Read(const std::string& name) const {
  if (Stat(name).size < 0) return std::string();
  const std::string through_fd = "/proc/self/fd/" + std::to_string(fd_.get()) + "/" + name;
  COORDHUB_ASSIGN_OR_RETURN(std::optional<std::string> bytes,
                            base::ReadFile(through_fd, kMaxForeignFileBytes));
  return bytes.has_value() ? *std::move(bytes) : std::string();
}

absl::StatusOr<std::string> SharedStateDir::Keep(const std::string& name) {
  for (int n = 1; n <= kMaxKept; ++n) {
    std::string kept = name + ".kept-" + std::to_string(n);
    if (linkat(fd_.get(), name.c_str(), fd_.get(), kept.c_str(), 0) == 0) return kept;
    if (errno != EEXIST) return base::MakeIoError("keep", path_ + "/" + name, errno);
  }
  return std::string();
}

}  // namespace coordhub::mirror
