#include "hub/mirror/line_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::mirror {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

}  // namespace

absl::StatusOr<bool> LineReader::Fill() {
  const size_t size = buffer_.size();
  buffer_.resize(size + kPieceBytes);
  ssize_t got = -1;
  do {
    got = pread(fd_, buffer_.data() + size, kPieceBytes, read_);
  } while (got < 0 && errno == EINTR);
  buffer_.resize(size + static_cast<size_t>(got < 0 ? 0 : got));
  if (got < 0) return base::MakeIoError("read", "a file in shared_state", errno);
  read_ += got;
  return got > 0;
}

absl::StatusOr<bool> LineReader::Next(Line* line) {
  buffer_.erase(0, consumed_);
  consumed_ = 0;
  *line = {.begin = begin_};
  size_t searched = 0;
  size_t left_out = 0;
  size_t newline = std::string::npos;
  while ((newline = buffer_.find('\n', searched)) == std::string::npos) {
    if (buffer_.size() > kMaxLineBytes) {
      line->cut = true;
      left_out += buffer_.size() - kMaxLineBytes;
      buffer_.resize(kMaxLineBytes);
    }
    searched = buffer_.size();
    COORDHUB_ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more) break;
  }
  line->complete = newline != std::string::npos;
  const size_t length = line->complete ? newline : buffer_.size();
  consumed_ = line->complete ? newline + 1 : length;
  if (consumed_ == 0) return false;
  line->text = std::string_view(buffer_).substr(0, std::min(length, kMaxLineBytes));
  line->cut = line->cut || length > kMaxLineBytes;
  line->end = begin_ = begin_ + static_cast<int64_t>(consumed_ + left_out);
  return true;
}

}  // namespace coordhub::mirror
