#include "hub/main/log_tail.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::hub {
namespace {

constexpr size_t kPieceBytes = size_t{64} * 1024;
// More than any writer keeps.
constexpr int kMaxRenamed = 100;

// Invalid when nothing is there. Errors: IO_FAILED.
absl::StatusOr<base::UniqueFd> Open(const std::string& path) {
  base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid() && errno != ENOENT) return base::MakeIoError("open", path, errno);
  struct stat info {};
  if (fd.valid() && (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))) {
    return base::MakeIoError("open", path, EINVAL);
  }
  return fd;
}

absl::StatusOr<size_t> ReadAt(int fd, off_t offset, char* buffer, size_t size,
                              const std::string& path) {
  while (true) {
    const ssize_t got = pread(fd, buffer, size, offset);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) return base::MakeIoError("read", path, errno);
  }
}

// The last `count` complete lines of the file's first `end` bytes, newest first; and where the line
// without a newline begins that may follow them.
absl::StatusOr<std::vector<std::string>> LinesBackward(int fd, off_t end, size_t count,
                                                       const std::string& path, off_t* complete) {
  std::vector<std::string> lines;
  std::string carried;  // the beginning of what was read of a line
  bool any_newline = false;
  std::string piece;
  *complete = 0;
  while (end > 0 && lines.size() < count) {
    const size_t size = std::min<size_t>(kPieceBytes, static_cast<size_t>(end));
    piece.resize(size);
    end -= static_cast<off_t>(size);
    COORDHUB_ASSIGN_OR_RETURN(const size_t got, ReadAt(fd, end, piece.data(), size, path));
    piece.resize(got);
    while (lines.size() < count) {
      const size_t newline = piece.rfind('\n');
      if (newline == std::string::npos) break;
      std::string line = piece.substr(newline + 1) + carried;
      if (any_newline) lines.push_back(line.substr(0, LogTail::kMaxLineBytes));
      if (!any_newline) *complete = end + static_cast<off_t>(newline) + 1;
      any_newline = true;
      carried.clear();
      piece.resize(newline);
    }
    // The end of a line beyond the limit is of no use.
    carried.insert(0, piece);
    carried.resize(std::min(carried.size(), LogTail::kMaxLineBytes));
  }
  if (end == 0 && any_newline && lines.size() < count) lines.push_back(carried);
  return lines;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> LogTail::LastLines(size_t count) {
  COORDHUB_ASSIGN_OR_RETURN(fd_, Open(path_));
  offset_ = 0;
  partial_.clear();
  if (!fd_.valid()) return std::vector<std::string>();
  struct stat info {};
  if (fstat(fd_.get(), &info) != 0) return base::MakeIoError("stat", path_, errno);
  COORDHUB_ASSIGN_OR_RETURN(
      std::vector<std::string> lines,
      LinesBackward(fd_.get(), info.st_size, std::max<size_t>(count, 1), path_, &offset_));
  for (int n = 1; n <= kMaxRenamed && lines.size() < count; ++n) {
    const std::string older = NameOf(n);
    COORDHUB_ASSIGN_OR_RETURN(const base::UniqueFd fd, Open(older));
    if (!fd.valid()) break;
    if (fstat(fd.get(), &info) != 0) return base::MakeIoError("stat", older, errno);
    off_t unused = 0;
    COORDHUB_ASSIGN_OR_RETURN(
        const std::vector<std::string> more,
        LinesBackward(fd.get(), info.st_size, count - lines.size(), older, &unused));
    lines.insert(lines.end(), more.begin(), more.end());
  }
  lines.resize(std::min(lines.size(), count));
  std::reverse(lines.begin(), lines.end());
  return lines;
}

absl::Status LogTail::Follow(const std::function<void(std::string_view)>& line) {
  if (!fd_.valid()) {
    COORDHUB_ASSIGN_OR_RETURN(fd_, Open(path_));
    if (!fd_.valid()) return absl::OkStatus();
    offset_ = 0;
  }
  while (true) {
    // Asked first: what is written into a file before it is renamed is read before the next one.
    COORDHUB_ASSIGN_OR_RETURN(base::UniqueFd next, OpenNext());
    COORDHUB_RETURN_IF_ERROR(ReadOn(line));
    if (!next.valid()) return absl::OkStatus();
    if (!partial_.empty()) line(partial_);
    partial_.clear();
    fd_ = std::move(next);
    offset_ = 0;
  }
}

std::string LogTail::NameOf(int n) const {
  if (n == 0) return path_;
  return absl::StrCat(absl::StripSuffix(path_, ".log"), ".", n, ".log");
}

int LogTail::FindOurs() const {
  struct stat ours {};
  struct stat there {};
  if (fstat(fd_.get(), &ours) != 0) return -1;
  for (int n = 0; n <= kMaxRenamed; ++n) {
    // There is a gap while the writer renames.
    if (lstat(NameOf(n).c_str(), &there) != 0) continue;
    if (ours.st_dev == there.st_dev && ours.st_ino == there.st_ino) return n;
  }
  return -1;
}

absl::StatusOr<base::UniqueFd> LogTail::OpenNext() const {
  for (int n = FindOurs(); n >= 0;) {
    if (n == 0) return base::UniqueFd();
    COORDHUB_ASSIGN_OR_RETURN(base::UniqueFd next, Open(NameOf(n - 1)));
    // Renamed in between, it would be the one after the next.
    const int again = FindOurs();
    if (again == n) return next;
    n = again;
  }
  // Ours was thrown away, by the writer for newer ones or by somebody; then the next one is the
  // oldest of those that were written to after it.
  struct stat ours {};
  struct stat there {};
  if (fstat(fd_.get(), &ours) != 0) return base::UniqueFd();
  for (int n = kMaxRenamed; n > 0; --n) {
    if (lstat(NameOf(n).c_str(), &there) != 0) continue;
    if (absl::TimeFromTimespec(there.st_mtim) > absl::TimeFromTimespec(ours.st_mtim)) {
      return Open(NameOf(n));
    }
  }
  return Open(path_);
}

absl::Status LogTail::ReadOn(const std::function<void(std::string_view)>& line) {
  struct stat info {};
  if (fstat(fd_.get(), &info) == 0 && info.st_size < offset_) {
    offset_ = 0;  // somebody emptied it
    partial_.clear();
  }
  std::string piece;
  while (true) {
    piece.resize(kPieceBytes);
    COORDHUB_ASSIGN_OR_RETURN(const size_t got,
                              ReadAt(fd_.get(), offset_, piece.data(), piece.size(), path_));
    if (got == 0) return absl::OkStatus();
    offset_ += static_cast<off_t>(got);
    Split(std::string_view(piece).substr(0, got), line);
  }
}

void LogTail::Split(std::string_view bytes, const std::function<void(std::string_view)>& line) {
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const std::string_view part = bytes.substr(0, newline);
    partial_.append(part.substr(0, kMaxLineBytes - std::min(partial_.size(), kMaxLineBytes)));
    if (newline == std::string_view::npos) return;
    line(partial_);
    partial_.clear();
    bytes.remove_prefix(newline + 1);
  }
}

void LogTail::AwaitChange(absl::Duration timeout) {
  if (!changes_.valid()) {
    changes_.Reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    const std::string directory = path_.substr(0, path_.rfind('/'));
    // Without it (too many watches, no directory yet) the timeout remains.
    if (changes_.valid() &&
        inotify_add_watch(changes_.get(), directory.c_str(),
                          IN_MODIFY | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR) < 0) {
      changes_.Reset();
    }
    // What changed before the watch was there must not wait for the next change.
    if (changes_.valid()) return;
  }
  pollfd entry{.fd = changes_.valid() ? changes_.get() : -1, .events = POLLIN};
  poll(&entry, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  char events[4096];
  while (changes_.valid() && read(changes_.get(), events, sizeof(events)) > 0) {
  }
}

}  // namespace coordhub::hub
