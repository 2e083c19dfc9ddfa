#include "agent/base/file_identity.h"

#include <dirent.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace coordhub::base {
namespace {

FileIdentity IdentityFrom(const struct stat& info) { return {info.st_dev, info.st_ino}; }

struct CloseDir {
  void operator()(DIR* directory) const { closedir(directory); }
};

}  // namespace

std::optional<FileIdentity> IdentityAt(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  return IdentityFrom(info);
}

std::optional<FileIdentity> IdentityOf(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return std::nullopt;
  return IdentityFrom(info);
}

pid_t FlockHolder(const FileIdentity& file) {
  const std::string inode = absl::StrCat(":", file.inode);
  const std::string exact = absl::StrCat(absl::Hex(major(file.device), absl::kZeroPad2), ":",
                                         absl::Hex(minor(file.device), absl::kZeroPad2), inode);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    // "1: FLOCK  ADVISORY  WRITE 4711 fe:01:123456 0 EOF"
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() < 6 || words[1] != "FLOCK" || !absl::EndsWith(words[5], inode)) continue;
    pid_t pid = 0;
    if (!absl::SimpleAtoi(words[4], &pid) || pid <= 0) continue;
    // Some file systems show stat another device than the kernel's list.
    if (words[5] == exact || HasOpen(pid, file)) return pid;
  }
  return 0;
}

bool HasOpen(pid_t pid, const FileIdentity& file) {
  const std::string path = absl::StrCat("/proc/", pid, "/fd");
  const std::unique_ptr<DIR, CloseDir> directory(opendir(path.c_str()));
  if (directory == nullptr) return false;
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    if (IdentityAt(absl::StrCat(path, "/", entry->d_name)) == file) return true;
  }
  return false;
}

}  // namespace coordhub::base
