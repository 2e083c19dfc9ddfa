#include "hub/journal/wal_check.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/unique_fd.h"
#include "hub/journal/errors.h"

namespace coordhub::journal {
namespace {

// SQLite's file format, section 4: numbers are big endian; the checksum's words have the byte order
// that the lowest bit of the magic number names.
constexpr size_t kHeaderBytes = 32;
constexpr size_t kFrameHeaderBytes = 24;
constexpr size_t kPieceBytes = 1 << 20;
constexpr uint32_t kMagic = 0x377f0682;
constexpr uint32_t kVersion = 3007000;

uint32_t BigEndian32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

struct Sum {
  uint32_t first = 0;
  uint32_t second = 0;
  bool operator==(const Sum&) const = default;
};

Sum SumAt(std::string_view bytes) { return {BigEndian32(bytes), BigEndian32(bytes.substr(4))}; }

class WalHeader {
 public:
  // False when `bytes` is not a log's header.
  bool Parse(std::string_view bytes) {
    const uint32_t magic = BigEndian32(bytes);
    big_endian_ = (magic & 1) != 0;
    page_bytes_ = BigEndian32(bytes.substr(8));
    salts_ = bytes.substr(16, 8);
    sum_ = SumAt(bytes.substr(24));
    const bool power_of_two = (page_bytes_ & (page_bytes_ - 1)) == 0;
    return (magic & ~1U) == kMagic && BigEndian32(bytes.substr(4)) == kVersion &&
           page_bytes_ >= 512 && page_bytes_ <= 65536 && power_of_two &&
           Add(Sum{}, bytes.substr(0, 24)) == sum_;
  }

  size_t frame_bytes() const { return kFrameHeaderBytes + page_bytes_; }
  const Sum& sum() const { return sum_; }
  bool HasSalts(std::string_view frame) const { return frame.substr(8, 8) == salts_; }
  // Whether the frame follows one with the checksum `before`.
  bool Follows(const Sum& before, std::string_view frame) const {
    return HasSalts(frame) && SumAfter(before, frame) == SumAt(frame.substr(16));
  }
  // The checksum that the frame should have after one with the checksum `before`.
  Sum SumAfter(const Sum& before, std::string_view frame) const {
    return Add(Add(before, frame.substr(0, 8)), frame.substr(kFrameHeaderBytes));
  }

 private:
  uint32_t Word(std::string_view bytes) const {
    const uint32_t word = BigEndian32(bytes);
    return big_endian_ ? word : __builtin_bswap32(word);
  }
  Sum Add(Sum sum, std::string_view bytes) const {
    for (size_t i = 0; i < bytes.size(); i += 8) {
      sum.first += Word(bytes.substr(i)) + sum.second;
      sum.second += Word(bytes.substr(i + 4)) + sum.first;
    }
    return sum;
  }

  bool big_endian_ = false;
  uint32_t page_bytes_ = 0;
  std::string salts_;
  Sum sum_;
};

bool IsCommit(std::string_view frame) { return BigEndian32(frame.substr(4)) != 0; }

// Reads up to buffer->size() bytes; the buffer shrinks to what there was.
absl::Status ReadUpTo(int fd, const std::string& path, std::string* buffer) {
  size_t had = 0;
  while (had < buffer->size()) {
    const ssize_t got = read(fd, buffer->data() + had, buffer->size() - had);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::MakeIoError("read", path, errno);
    if (got == 0) break;
    had += static_cast<size_t>(got);
  }
  buffer->resize(had);
  return absl::OkStatus();
}

// Whether nothing was ever written behind where `fd` stands: zeros are room for frames to come.
absl::StatusOr<bool> OnlyZerosFollow(int fd, const std::string& path) {
  std::string bytes;
  do {
    bytes.resize(kPieceBytes);
    COORDHUB_RETURN_IF_ERROR(ReadUpTo(fd, path, &bytes));
    if (bytes.find_first_not_of('\0') != std::string::npos) return false;
  } while (bytes.size() == kPieceBytes);
  return true;
}

// Follows the frames of one log.
class FrameScan {
 public:
  explicit FrameScan(const WalHeader& header) : header_(header), before_(header.sum()) {}

  void Take(std::string_view frame) {
    ++frames_;
    // Of the bad frame, what is damaged may be but its checksum.
    const bool after_bad = first_bad_ > 0 && frames_ == first_bad_ + 1;
    const bool follows =
        header_.Follows(before_, frame) || (after_bad && header_.Follows(bad_should_be_, frame));
    if (first_bad_ == 0 && !follows) {
      first_bad_ = frames_;
    } else if (first_bad_ > 0 && follows) {
      // That this frame links to the bad one proves that the bad one's header is what was written.
      if (after_bad && bad_is_commit_) ++commits_behind_;
      if (IsCommit(frame)) ++commits_behind_;
    }
    if (frames_ == first_bad_) {
      bad_is_commit_ = header_.HasSalts(frame) && IsCommit(frame);
      bad_should_be_ = header_.SumAfter(before_, frame);
    }
    before_ = SumAt(frame.substr(16));
  }

  // A commit is synced before the next one's frames are written. So two marks from the bad frame on
  // mean that the bad one was whole once; a torn transaction has one mark.
  bool damaged() const { return commits_behind_ >= 2; }
  int64_t first_bad() const { return first_bad_; }

 private:
  const WalHeader& header_;
  Sum before_;
  int64_t frames_ = 0;
  int64_t first_bad_ = 0;
  bool bad_is_commit_ = false;
  Sum bad_should_be_;
  int commits_behind_ = 0;
};

}  // namespace

absl::Status CheckWriteAheadLog(const std::string& path) {
  const base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) {
    return errno == ENOENT ? absl::OkStatus() : base::MakeIoError("open", path, errno);
  }
  std::string bytes(kHeaderBytes, '\0');
  COORDHUB_RETURN_IF_ERROR(ReadUpTo(fd.get(), path, &bytes));
  if (bytes.size() < kHeaderBytes) return absl::OkStatus();  // nothing was ever synced to it
  WalHeader header;
  if (!header.Parse(bytes)) {
    COORDHUB_ASSIGN_OR_RETURN(const bool blank, OnlyZerosFollow(fd.get(), path));
    // A header is synced before the first frame is written.
    return blank ? absl::OkStatus() : Damaged(path, "the header of the log is unreadable");
  }
  FrameScan scan(header);
  while (true) {
    bytes.resize(header.frame_bytes());
    COORDHUB_RETURN_IF_ERROR(ReadUpTo(fd.get(), path, &bytes));
    if (bytes.size() < header.frame_bytes()) break;
    scan.Take(bytes);
  }
  if (!scan.damaged()) return absl::OkStatus();
  return Damaged(path, absl::StrCat("frame ", scan.first_bad(), " of the log is damaged, and ",
                                    "acknowledged events stand behind it"));
}

}  // namespace coordhub::journal
