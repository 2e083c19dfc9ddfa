// The end of a log file, and what is written to it afterwards.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/unique_fd.h"

namespace coordhub::hub {

// Reads `<name>.log`, whose writer renames it to `<name>.1.log`, that one to `<name>.2.log` and so
// on, when it has grown too large. One thread; every method blocks on the file system.
class LogTail {
 public:
  // What is beyond this of a line is left out.
  static constexpr size_t kMaxLineBytes = 64 * 1024;

  // `path`: absolute. Touches nothing yet.
  explicit LogTail(std::string path) : path_(std::move(path)) {}

  // The last lines, `count` at most, without their newlines, oldest first; reaches back into
  // renamed files. What comes after them is for Follow. None: there is no log (yet). Errors:
  // IO_FAILED.
  absl::StatusOr<std::vector<std::string>> LastLines(size_t count);

  // Calls `line` for each complete line since the last call, or since LastLines, in order and none
  // twice, also through renaming and through the file's being made anew. A line is without its
  // newline. Errors: IO_FAILED.
  absl::Status Follow(const std::function<void(std::string_view)>& line);

  // Waits until the file or its directory changed, at most `timeout`.
  void AwaitChange(absl::Duration timeout);

 private:
  absl::Status ReadOn(const std::function<void(std::string_view)>& line);
  void Split(std::string_view bytes, const std::function<void(std::string_view)>& line);
  // `<name>.log`, or `<name>.<n>.log`.
  std::string NameOf(int n) const;
  // Under which of these names the file is that we read; -1: under none any more.
  int FindOurs() const;
  // The file that the writer began after ours; invalid: there is none (yet). Errors: IO_FAILED.
  absl::StatusOr<base::UniqueFd> OpenNext() const;

  const std::string path_;
  base::UniqueFd fd_;
  off_t offset_ = 0;
  std::string partial_;     // a line whose newline is not there yet
  base::UniqueFd changes_;  // inotify
};

}  // namespace coordhub::hub
