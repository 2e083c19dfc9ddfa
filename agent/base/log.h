// The process's log: one JSON object a line in a file, and the same for people on standard error.
//
//   Log(LogLevel::kInfo, "the hub is ready", {{"endpoint", target}, {"revision", head}});
//   {"ts":"2025-07-29T12:00:00.000123Z","level":"info","msg":"the hub is ready","endpoint":…}
//   2025-07-29 12:00:00.000 info: the hub is ready endpoint=unix:/… revision=42
//
// Secrets do not belong into a log. As a last defence, whatever looks like a session or operator
// token is blotted out. All functions are thread-safe and may be called before InitLog; lines then
// go to standard error. Logging never fails and never throws; a line that cannot be written into
// the file goes to standard error, and is lost if that cannot be written either.

#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace coordhub::base {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// A value in a log line: a number, a truth value or a text, which only has to live for the call.
class LogValue {
 public:
  LogValue(bool value) : value_(value) {}              // NOLINT(google-explicit-constructor)
  LogValue(double value) : value_(value) {}            // NOLINT(google-explicit-constructor)
  LogValue(std::string_view value) : value_(value) {}  // NOLINT(google-explicit-constructor)
  LogValue(const std::string& value) : value_(std::string_view(value)) {}  // NOLINT
  LogValue(const char* value) : value_(std::string_view(value)) {}         // NOLINT
  template <class Int, std::enable_if_t<std::is_integral_v<Int>, int> = 0>
  LogValue(Int value) : value_(ToWide(value)) {}  // NOLINT(google-explicit-constructor)

  using Variant = std::variant<bool, int64_t, uint64_t, double, std::string_view>;
  const Variant& get() const { return value_; }

 private:
  template <class Int>
  static Variant ToWide(Int value) {
    if constexpr (std::is_signed_v<Int>) {
      return static_cast<int64_t>(value);
    } else {
      return static_cast<uint64_t>(value);
    }
  }
  Variant value_;
};

struct LogField {
  std::string_view key;
  LogValue value;
};

// Writes one line if `level` is at least the minimum.
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

// Whether a line of `level` would be written; to skip the making of costly fields.
bool LogEnabled(LogLevel level);

// Where JSON lines go. `Write` is called by one thread at a time, with a complete line without its
// newline; it must not log.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void Write(LogLevel level, std::string_view line) = 0;
  // Waits until what was written is where it belongs. False: it took longer than that. Unlike
  // Write, any thread may call it.
  virtual bool Flush(absl::Duration /*patience*/) { return true; }
};

struct LogOptions {
  LogLevel min_level = LogLevel::kInfo;
  // The file for JSON lines, absolute; empty: none. See RotatingFile for what it may be.
  std::string path;
  // Beside it, or instead: lines for people.
  bool to_stderr = true;
  // At this size the file is renamed to <name>.1.<ext> and so on; the oldest goes.
  size_t max_file_bytes = 16u << 20;
  int max_files = 5;
  // Lines wait in memory, in a bounded queue for each destination, for threads that write them: who
  // logs never waits for a disk or a terminal. FlushLog before the process ends.
  bool in_background = false;
};

// Directs the log as `options` say from now on.
//
// Errors: those of RotatingFile::Open; the log stays as it was.
absl::Status InitLog(const LogOptions& options);

// Waits until all that was logged is written. False: it took longer than that.
bool FlushLog(absl::Duration patience);

// Directs the log to `sink` (null: nowhere) and nowhere else. For tests and for embedding programs.
void SetLogSink(std::shared_ptr<LogSink> sink, LogLevel min_level);

// `text` with every session or operator token replaced by its first eight characters and "…".
std::string RedactTokens(std::string_view text);

}  // namespace coordhub::base
