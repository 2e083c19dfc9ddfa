#include "agent/base/rotating_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::base {
namespace {

absl::Status Unfit(const std::string& path, const char* why) {
  return MakeError(v1::ERROR_REASON_IO_FAILED, absl::StrCat("cannot write ", path, ": ", why),
                   {{"operation", "open log"}, {"path", path}});
}

absl::Status CheckFit(const struct stat& info, const std::string& path) {
  if (!S_ISREG(info.st_mode)) return Unfit(path, "it is no regular file");
  if (info.st_uid != geteuid()) return Unfit(path, "it is another user's");
  if (info.st_nlink > 1) return Unfit(path, "it has a second name (a hard link)");
  return absl::OkStatus();
}

// Writes all of it. False: errno says why; `*written` is what stands there all the same.
bool WriteAll(int fd, std::string_view text, size_t* written) {
  for (*written = 0; *written < text.size();) {
    const ssize_t n = write(fd, text.data() + *written, text.size() - *written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    *written += static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

std::string RotatingFile::Rotated(int number) const {
  const size_t name = path_.rfind('/') + 1;
  const size_t dot = path_.rfind('.');
  const size_t stem = dot == path_.npos || dot <= name ? path_.size() : dot;
  return absl::StrCat(path_.substr(0, stem), ".", number, path_.substr(stem));
}

bool RotatingFile::IsCurrent() {
  struct stat open_file {};
  struct stat named {};
  if (!fd_.valid() || fstat(fd_.get(), &open_file) != 0) return false;
  size_ = open_file.st_size;
  return lstat(path_.c_str(), &named) == 0 && named.st_dev == open_file.st_dev &&
         named.st_ino == open_file.st_ino && open_file.st_nlink == 1;
}

absl::Status RotatingFile::OpenOnce() {
  // Not to wait for the reader of a FIFO that somebody put there.
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  UniqueFd fd(open(path_.c_str(), kFlags, 0600));
  if (!fd.valid()) {
    if (errno == ELOOP) return Unfit(path_, "it is a symbolic link");
    return MakeIoError("open log", path_, errno);
  }
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return MakeIoError("stat log", path_, errno);
  COORDHUB_RETURN_IF_ERROR(CheckFit(info, path_));
  fd_ = std::move(fd);
  size_ = info.st_size;
  torn_ = false;
  return absl::OkStatus();
}

absl::Status RotatingFile::Open() {
  if (IsCurrent()) return absl::OkStatus();
  fd_.Reset();
  const absl::Status status = OpenOnce();
  if (status.ok() || access(path_.c_str(), F_OK) == 0) return status;
  // Its directory may be missing.
  if (mkdir(path_.substr(0, path_.rfind('/')).c_str(), 0700) != 0) return status;
  return OpenOnce();
}

absl::Status RotatingFile::Rotate() {
  fd_.Reset();
  if (limits_.max_files < 1) {
    if (unlink(path_.c_str()) != 0 && errno != ENOENT) return MakeIoError("remove", path_, errno);
    return OpenOnce();
  }
  for (int n = limits_.max_files; n > 0; --n) {
    const std::string from = n == 1 ? path_ : Rotated(n - 1);
    if (rename(from.c_str(), Rotated(n).c_str()) != 0 && errno != ENOENT) {
      return MakeIoError("rename", from, errno);
    }
  }
  return OpenOnce();
}

absl::Status RotatingFile::Append(std::string_view text) {
  COORDHUB_RETURN_IF_ERROR(Open());
  if (size_ > 0 && static_cast<size_t>(size_) + text.size() > limits_.max_bytes) {
    COORDHUB_RETURN_IF_ERROR(Rotate());
  }
  // In one write, so that readers see whole entries.
  const std::string whole = absl::StrCat(torn_ ? "\n" : "", std::string(text));
  size_t written = 0;
  if (!WriteAll(fd_.get(), whole, &written)) {
    const int error = errno;
    torn_ = torn_ || written > 0;
    return MakeIoError("write log", path_, error);
  }
  torn_ = false;
  return absl::OkStatus();
}

}  // namespace coordhub::base
