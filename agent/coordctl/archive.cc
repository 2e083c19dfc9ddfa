#include "agent/coordctl/archive.h"

#include <zlib.h>

#include <cstdio>
#include <cstring>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kBlock = 512;

// POSIX.1-1988 ustar.
struct TarHeader {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link_name[100];
  char magic[6];
  char version[2];
  char rest[247];
};
static_assert(sizeof(TarHeader) == kBlock);

// The number in octal with leading zeros, in `width` bytes with the NUL.
void PutOctal(char* field, size_t width, uint64_t number) {
  std::snprintf(field, width, "%0*llo", static_cast<int>(width) - 1,
                static_cast<unsigned long long>(number));
}

absl::Status AppendEntry(const ArchiveEntry& entry, absl::Time time, std::string* tar) {
  TarHeader header;
  std::memset(&header, 0, sizeof(header));
  if (entry.name.empty() || entry.name.size() >= sizeof(header.name)) {
    return base::MakeFieldError("name", "1 to 99 bytes");
  }
  entry.name.copy(header.name, sizeof(header.name) - 1);
  PutOctal(header.mode, sizeof(header.mode), 0600);
  PutOctal(header.uid, sizeof(header.uid), 0);
  PutOctal(header.gid, sizeof(header.gid), 0);
  PutOctal(header.size, sizeof(header.size), entry.content.size());
  PutOctal(header.mtime, sizeof(header.mtime), static_cast<uint64_t>(absl::ToUnixSeconds(time)));
  header.type = '0';
  std::memcpy(header.magic, "ustar", sizeof(header.magic));
  std::memcpy(header.version, "00", sizeof(header.version));
  // The sum of all bytes, its own field counted as spaces.
  std::memset(header.checksum, ' ', sizeof(header.checksum));
  uint64_t sum = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  for (size_t i = 0; i < sizeof(header); ++i) sum += bytes[i];
  PutOctal(header.checksum, sizeof(header.checksum) - 1, sum);
  tar->append(reinterpret_cast<const char*>(&header), sizeof(header));
  tar->append(entry.content);
  tar->append((kBlock - entry.content.size() % kBlock) % kBlock, '\0');
  return absl::OkStatus();
}

absl::StatusOr<std::string> Gzip(const std::string& bytes) {
  static constexpr int kWindowBits = 15;
  static constexpr int kGzipHeader = 16;
  static constexpr int kMemoryLevel = 8;
  z_stream stream;
  std::memset(&stream, 0, sizeof(stream));
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kWindowBits + kGzipHeader, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return absl::InternalError("not enough memory to compress");
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  (void)deflateEnd(&stream);
  if (result != Z_STREAM_END) return absl::InternalError("the archive cannot be compressed");
  return out;
}

}  // namespace

absl::StatusOr<std::string> MakeTarGz(const std::vector<ArchiveEntry>& entries, absl::Time time) {
  std::string tar;
  for (const ArchiveEntry& entry : entries) {
    COORDHUB_RETURN_IF_ERROR(AppendEntry(entry, time, &tar));
  }
  tar.append(2 * kBlock, '\0');  // the end
  return Gzip(tar);
}

}  // namespace coordhub::coordctl
