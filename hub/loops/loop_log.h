// The log of a loop, in the format that people's scripts have always read.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/rotating_file.h"

namespace coordhub::loops {

// What one step has to say:
//
//   [2025-07-29 12:00:00] System Status Check
//     - Git status: 3 files changed
//
// Whatever comes from a repository stays on its line.
class LogEntry {
 public:
  LogEntry(absl::Time time, absl::TimeZone zone);

  // "[<time>] <text>"
  void Head(std::string_view text);
  // "  - <text>"
  void Item(std::string_view text);

  const std::string& text() const { return text_; }

 private:
  const std::string time_;
  std::string text_;
};

// Not thread-safe; used by its loop alone.
class LoopLog {
 public:
  static constexpr base::RotatingFile::Limits kLimits = {.max_bytes = 4u << 20, .max_files = 3};

  // `path` as RotatingFile wants it; empty: nothing is written.
  explicit LoopLog(const std::string& path, base::RotatingFile::Limits limits = kLimits)
      : writes_(!path.empty()), file_(path, limits) {}

  // In one write, if there is anything. Blocks. Errors: those of RotatingFile.
  absl::Status Write(const LogEntry& entry);

 private:
  const bool writes_;
  base::RotatingFile file_;
};

}  // namespace coordhub::loops
