#include "hub/journal/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/sha256.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/unique_fd.h"
#include "hub/journal/errors.h"

namespace coordhub::journal {
namespace {

constexpr size_t kCopyBytes = 256 << 10;

// Gives out the content of the file piece by piece.
template <class Take>
absl::Status ReadPieces(int fd, const std::string& path, Take take) {
  std::vector<char> buffer(kCopyBytes);
  while (true) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::MakeIoError("read", path, errno);
    if (got == 0) return absl::OkStatus();
    COORDHUB_RETURN_IF_ERROR(take(std::string_view(buffer.data(), static_cast<size_t>(got))));
  }
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::MakeIoError("write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status Sync(const std::string& path, int flags, std::string_view operation) {
  const base::UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return base::MakeIoError("open", path, errno);
  // Never tried again: the kernel may have dropped what it could not write.
  if (fsync(fd.get()) != 0) return base::MakeIoError(operation, path, errno);
  return absl::OkStatus();
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

std::string_view NetworkFileSystemName(int64_t type) {
  switch (static_cast<uint32_t>(type)) {
    case 0x6969:
      return "NFS";
    case 0x517B:
    case 0xFE534D42:
      return "SMB";
    case 0xFF534D42:
      return "CIFS";
    case 0x01021997:
      return "9p";
    case 0x00C36400:
      return "Ceph";
    case 0x0BD00BD0:
      return "Lustre";
    case 0x5346414F:
    case 0x6B414653:
      return "AFS";
    case 0x73757245:
      return "Coda";
    case 0x01161970:
      return "GFS2";
    case 0x7461636F:
      return "OCFS2";
    case 0x19830326:
      return "BeeGFS";
    default:
      return {};
  }
}

absl::StatusOr<std::string> PrepareStateDirectory(const std::string& path) {
  if (path.empty() || path.front() != '/') return Unusable(path, "is not an absolute path");
  COORDHUB_ASSIGN_OR_RETURN(const bool existed, Exists(path));
  COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(path));
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr) {
    return base::MakeIoError("resolve", path, errno);
  }
  if (!existed) COORDHUB_RETURN_IF_ERROR(SyncParent(resolved));
  struct statfs info {};
  if (statfs(resolved, &info) != 0) return base::MakeIoError("statfs", path, errno);
  const std::string_view network = NetworkFileSystemName(static_cast<int64_t>(info.f_type));
  if (!network.empty()) {
    return Unusable(path, absl::StrCat("is on a network file system (", base::ToAbsl(network),
                                       "), where locks and syncs cannot be relied on; choose a "
                                       "local directory with --state-dir"));
  }
  return std::string(resolved);
}

absl::StatusOr<bool> Exists(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT) return false;
  return base::MakeIoError("stat", path, errno);
}

int64_t FileSize(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

absl::Status CreateFile(const std::string& path) {
  const base::UniqueFd fd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return base::MakeIoError("create", path, errno);
  return absl::OkStatus();
}

absl::Status SyncFile(const std::string& path) { return Sync(path, O_RDONLY, "fsync"); }

absl::Status SyncDirectory(const std::string& path) {
  if (base::MutantActive("names_not_synced")) return absl::OkStatus();
  return Sync(path, O_RDONLY | O_DIRECTORY, "fsync directory");
}

absl::Status SyncParent(const std::string& path) { return SyncDirectory(ParentOf(path)); }

absl::Status RenameFile(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return base::MakeIoError("rename", to, errno);
  return absl::OkStatus();
}

absl::Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return base::MakeIoError("remove", path, errno);
  }
  return absl::OkStatus();
}

absl::Status CopyFile(const std::string& from, const std::string& to) {
  const base::UniqueFd in(open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!in.valid()) return base::MakeIoError("open", from, errno);
  const base::UniqueFd out(
      open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out.valid()) return base::MakeIoError("create", to, errno);
  COORDHUB_RETURN_IF_ERROR(ReadPieces(
      in.get(), from, [&](std::string_view piece) { return WriteAll(out.get(), piece, to); }));
  if (fsync(out.get()) != 0) return base::MakeIoError("fsync", to, errno);
  return absl::OkStatus();
}

absl::StatusOr<std::string> HashFile(const std::string& path) {
  const base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return base::MakeIoError("open", path, errno);
  base::Sha256Hasher hasher;
  COORDHUB_RETURN_IF_ERROR(ReadPieces(fd.get(), path, [&hasher](std::string_view piece) {
    hasher.Update(piece);
    return absl::OkStatus();
  }));
  return base::HexEncode(hasher.Finish());
}

}  // namespace coordhub::journal
