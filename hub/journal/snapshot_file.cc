#include "hub/journal/snapshot_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/sha256.h"
#include "agent/base/status_macros.h"
#include "agent/base/unique_fd.h"
#include "hub/journal/errors.h"

namespace coordhub::journal {
namespace {

constexpr std::string_view kMagic = "CHUBSNAP";
constexpr uint32_t kLayout = 1;
constexpr uint32_t kEndOfRecords = 0xFFFFFFFF;
constexpr size_t kDigestBytes = 32;
constexpr size_t kTrailerBytes = 4 + 8 + kDigestBytes;
constexpr size_t kBufferBytes = 256 << 10;
// Bytes between syncs on the way: one sync of everything at the end would hold up those of the
// events.
constexpr size_t kSyncEveryBytes = 4 << 20;

template <class Int>
void AppendLittleEndian(Int value, std::string* bytes) {
  for (size_t i = 0; i < sizeof(Int); ++i) *bytes += static_cast<char>(value >> (8 * i));
}

template <class Int>
Int FromLittleEndian(std::string_view bytes) {
  Int value = 0;
  for (size_t i = 0; i < sizeof(Int); ++i) {
    value |= static_cast<Int>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  }
  return value;
}

// Collects bytes, hashes them, and writes them in large pieces.
class HashingWriter {
 public:
  HashingWriter(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  // What is appended here is written when it has grown large.
  std::string* buffer() { return &buffer_; }
  absl::Status FlushIfLarge() { return buffer_.size() < kBufferBytes ? absl::OkStatus() : Flush(); }

  // Adds the digest of everything before it, and syncs.
  absl::Status Finish() {
    COORDHUB_RETURN_IF_ERROR(Flush());
    const base::Sha256Digest digest = hasher_.Finish();
    buffer_.assign(reinterpret_cast<const char*>(digest.data()), digest.size());
    COORDHUB_RETURN_IF_ERROR(Flush());
    if (base::MutantActive("snapshot_not_synced")) return absl::OkStatus();
    if (fsync(fd_) != 0) return base::MakeIoError("fsync", path_, errno);
    return absl::OkStatus();
  }

 private:
  absl::Status Flush() {
    hasher_.Update(buffer_);
    std::string_view rest = buffer_;
    while (!rest.empty()) {
      const ssize_t written = write(fd_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return base::MakeIoError("write", path_, errno);
      rest.remove_prefix(static_cast<size_t>(written));
    }
    unsynced_ += buffer_.size();
    buffer_.clear();
    if (unsynced_ < kSyncEveryBytes) return absl::OkStatus();
    unsynced_ = 0;
    return fdatasync(fd_) == 0 ? absl::OkStatus() : base::MakeIoError("fsync", path_, errno);
  }

  const int fd_;
  const std::string path_;
  base::Sha256Hasher hasher_;
  std::string buffer_;
  size_t unsynced_ = 0;
};

// Reads a file from its start in large pieces.
class BufferedReader {
 public:
  BufferedReader(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  // The next `size` bytes, valid until the next call. Errors: JOURNAL_DAMAGED (the file ends
  // before), IO_FAILED.
  absl::StatusOr<std::string_view> Take(size_t size) {
    while (buffer_.size() - taken_ < size) {
      buffer_.erase(0, taken_);
      taken_ = 0;
      const size_t had = buffer_.size();
      buffer_.resize(had + std::max(kBufferBytes, std::min(size, kBufferBytes * 16)));
      const ssize_t got =
          pread(fd_, buffer_.data() + had, buffer_.size() - had, static_cast<off_t>(offset_));
      buffer_.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return base::MakeIoError("read", path_, errno);
      if (got == 0) return Damaged(path_, "the file is cut short");
      offset_ += static_cast<size_t>(got);
    }
    const std::string_view bytes = std::string_view(buffer_).substr(taken_, size);
    taken_ += size;
    return bytes;
  }

 private:
  const int fd_;
  const std::string path_;
  std::string buffer_;
  size_t taken_ = 0;
  size_t offset_ = 0;
};

// The layout after its digest was found right; so what is still wrong here was written wrong.
class WholeSnapshotFile final : public SnapshotFile {
 public:
  WholeSnapshotFile(base::UniqueFd fd, const std::string& path)
      : fd_(std::move(fd)), path_(path), reader_(fd_.get(), path) {}

  absl::Status ReadHeader(uint64_t record_count) {
    COORDHUB_ASSIGN_OR_RETURN(const std::string_view magic, reader_.Take(kMagic.size()));
    if (magic != kMagic) return Damaged(path_, "is not a snapshot");
    COORDHUB_ASSIGN_OR_RETURN(const std::string_view layout, reader_.Take(4));
    if (FromLittleEndian<uint32_t>(layout) != kLayout) return Damaged(path_, "unknown layout");
    COORDHUB_ASSIGN_OR_RETURN(const std::string_view checksum, reader_.Take(checksum_.size()));
    std::copy(checksum.begin(), checksum.end(), checksum_.begin());
    COORDHUB_ASSIGN_OR_RETURN(const std::string_view size, reader_.Take(4));
    COORDHUB_ASSIGN_OR_RETURN(const std::string_view header,
                              reader_.Take(FromLittleEndian<uint32_t>(size)));
    if (!header_.ParseFromArray(header.data(), static_cast<int>(header.size()))) {
      return Damaged(path_, "the header cannot be parsed");
    }
    header_.set_record_count(static_cast<int64_t>(record_count));
    return absl::OkStatus();
  }

  const v1::SnapshotHeader& header() const override { return header_; }
  const Checksum& checksum() const override { return checksum_; }

  absl::Status ReadRecords(const SnapshotSink& sink) override {
    for (int64_t i = 0; i < header_.record_count(); ++i) {
      COORDHUB_ASSIGN_OR_RETURN(const std::string_view size, reader_.Take(4));
      COORDHUB_ASSIGN_OR_RETURN(const std::string_view bytes,
                                reader_.Take(FromLittleEndian<uint32_t>(size)));
      auto record = std::make_shared<v1::SnapshotRecord>();
      if (!record->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return Damaged(path_, "a record cannot be parsed");
      }
      COORDHUB_RETURN_IF_ERROR(sink(std::move(record)));
    }
    return absl::OkStatus();
  }

 private:
  const base::UniqueFd fd_;
  const std::string path_;
  BufferedReader reader_;
  v1::SnapshotHeader header_;
  Checksum checksum_{};
};

// Checks the digest, and returns the number of records.
absl::StatusOr<uint64_t> CheckWhole(int fd, const std::string& path) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return base::MakeIoError("stat", path, errno);
  if (info.st_size < static_cast<off_t>(kMagic.size() + kTrailerBytes)) {
    return Damaged(path, "the file is cut short");
  }
  BufferedReader reader(fd, path);
  base::Sha256Hasher hasher;
  for (size_t rest = static_cast<size_t>(info.st_size) - kTrailerBytes; rest > 0;) {
    const size_t piece = std::min(rest, kBufferBytes);
    COORDHUB_ASSIGN_OR_RETURN(const std::string_view bytes, reader.Take(piece));
    hasher.Update(bytes);
    rest -= piece;
  }
  COORDHUB_ASSIGN_OR_RETURN(const std::string_view trailer, reader.Take(kTrailerBytes));
  hasher.Update(trailer.substr(0, 12));
  const base::Sha256Digest digest = hasher.Finish();
  if (trailer.substr(12) !=
          std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()) ||
      FromLittleEndian<uint32_t>(trailer) != kEndOfRecords) {
    return Damaged(path, "the snapshot does not match its digest");
  }
  return FromLittleEndian<uint64_t>(trailer.substr(4, 8));
}

}  // namespace

absl::Status WriteSnapshotFile(const std::string& path, const v1::SnapshotHeader& header,
                               const Checksum& checksum, const SnapshotSource& source) {
  const base::UniqueFd fd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return base::MakeIoError("create", path, errno);
  HashingWriter writer(fd.get(), path);
  std::string* bytes = writer.buffer();
  *bytes += kMagic;
  AppendLittleEndian(kLayout, bytes);
  *bytes += BytesOf(checksum);
  v1::SnapshotHeader kept = header;
  kept.clear_record_count();
  AppendLittleEndian(static_cast<uint32_t>(kept.ByteSizeLong()), bytes);
  kept.AppendToString(bytes);
  uint64_t records = 0;
  COORDHUB_RETURN_IF_ERROR(source([&](const v1::SnapshotRecord& record) {
    AppendLittleEndian(static_cast<uint32_t>(record.ByteSizeLong()), bytes);
    record.AppendToString(bytes);
    ++records;
    return writer.FlushIfLarge();
  }));
  AppendLittleEndian(kEndOfRecords, bytes);
  AppendLittleEndian(records, bytes);
  return writer.Finish();
}

absl::StatusOr<std::unique_ptr<SnapshotFile>> SnapshotFile::Open(const std::string& path) {
  base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return base::MakeIoError("open", path, errno);
  COORDHUB_ASSIGN_OR_RETURN(const uint64_t records, CheckWhole(fd.get(), path));
  auto file = std::make_unique<WholeSnapshotFile>(std::move(fd), path);
  COORDHUB_RETURN_IF_ERROR(file->ReadHeader(records));
  return file;
}

}  // namespace coordhub::journal
