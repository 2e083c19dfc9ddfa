// A file that is only appended to and never grows without bounds.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "agent/base/unique_fd.h"

namespace coordhub::base {

// `app.log` is renamed to `app.1.log` before it would exceed its size, that one to `app.2.log`, and
// so on; the last goes. New files have mode 0600; one that is there keeps its own. What is at the
// path is looked at each time, so that a file, or the directory, that somebody moved away is made
// anew. Never written to: a symbolic link, anything but a regular file, another user's file, one
// with a second name. Not thread-safe; one object a path.
class RotatingFile {
 public:
  struct Limits {
    // Bytes; a single text that is larger still goes into a file of its own.
    size_t max_bytes = 16u << 20;
    // Files beside the one that is written, at most.
    int max_files = 5;
  };

  // Touches nothing yet. `path` is absolute.
  RotatingFile(std::string path, Limits limits) : path_(std::move(path)), limits_(limits) {}

  // Makes the file if need be, and its directory (0700) but not what is above. Blocks.
  // Errors: IO_FAILED, DISK_FULL. Metadata: `path`.
  absl::Status Open();

  // Appends all of `text`, which ends in a newline. Blocks. Errors: those of Open. After an error
  // part of it may stand there; the next text begins on a line of its own.
  absl::Status Append(std::string_view text);

  const std::string& path() const { return path_; }

 private:
  // Whether `path_` still is the open file; sets `size_`.
  bool IsCurrent();
  absl::Status OpenOnce();
  absl::Status Rotate();
  std::string Rotated(int number) const;

  const std::string path_;
  const Limits limits_;
  UniqueFd fd_;
  off_t size_ = 0;     // bytes, of the open file
  bool torn_ = false;  // it may not end in a newline
};

}  // namespace coordhub::base
