// What a gate wrote.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace coordhub::operations {

// The last part of it, in memory and in a file (mode 0600): "omitted N\n", then the bytes as they
// came. One thread.
class GateLog {
 public:
  static constexpr size_t kKeptBytes = 256 << 10;

  explicit GateLog(std::string path) : path_(std::move(path)) {}

  // What the file holds comes before what is appended. For another run of the same operation, and
  // before anything else.
  void Continue();
  void Append(std::string_view bytes);
  // Appends a line that no program wrote.
  void Heading(std::string_view line);
  // Brings the file up to date, if it is not; readers see the old one or the new. Not durable: what
  // a power failure takes is run again. Errors: IO_FAILED, DISK_FULL.
  absl::Status Flush();

  // The last line behind the last heading that is not empty, as one line of at most `max_bytes`;
  // empty: there is none.
  std::string LastLine(size_t max_bytes) const;

  struct Text {
    // Valid UTF-8; up to three times kKeptBytes where it was none.
    std::string text;
    // What came before it, bytes.
    int64_t omitted_bytes = 0;
  };
  // What the file holds; nothing where there is none. Any thread. Errors: IO_FAILED.
  static absl::StatusOr<Text> Read(const std::string& path);
  // The bytes as they came.
  static absl::StatusOr<Text> ReadBytes(const std::string& path);

 private:
  // Of what is held, the part that is kept.
  std::string_view Kept() const;

  const std::string path_;
  // Up to twice as much as is kept, so that dropping the beginning is rare.
  std::string held_;
  int64_t written_bytes_ = 0;
  // Of those, what was there at the last heading.
  int64_t heading_bytes_ = 0;
  bool flushed_ = false;
};

}  // namespace coordhub::operations
