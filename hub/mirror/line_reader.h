// The lines of a file that others may still write to.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace coordhub::mirror {

// Reads lines from an offset on, in bounded memory. Not thread-safe; blocks on the file system.
class LineReader {
 public:
  // What is beyond this of a line is left out.
  static constexpr size_t kMaxLineBytes = 1 << 20;

  struct Line {
    int64_t begin = 0;
    int64_t end = 0;  // after the newline
    // Without the newline; valid until the next call.
    std::string_view text;
    // A newline ends it; else the file does, for now.
    bool complete = false;
    // The text is only its beginning.
    bool cut = false;
  };

  // `fd` is not owned; its position does not matter.
  LineReader(int fd, int64_t offset) : fd_(fd), read_(offset), begin_(offset) {}

  // The next line; false at the end of the file. Errors: IO_FAILED.
  absl::StatusOr<bool> Next(Line* line);

 private:
  // Reads a piece of the file; false at its end.
  absl::StatusOr<bool> Fill();

  int fd_;
  int64_t read_;   // bytes of the file before this one were read
  int64_t begin_;  // of the line that `buffer_` begins with, after `consumed_`
  std::string buffer_;
  size_t consumed_ = 0;
};

}  // namespace coordhub::mirror
