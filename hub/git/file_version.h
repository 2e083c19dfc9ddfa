#pragma once

#include <sys/stat.h>

#include <string>

namespace coordhub::git {

// What tells one version of a file that is replaced as a whole from the next.
struct FileVersion {
  ino_t inode = 0;  // 0: there is no file
  off_t size = 0;
  time_t seconds = 0;
  long nanoseconds = 0;  // NOLINT(google-runtime-int): as the kernel has it

  friend bool operator==(const FileVersion&, const FileVersion&) = default;
};

inline FileVersion VersionOf(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) return {};
  return {file.st_ino, file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
}

}  // namespace coordhub::git
