#include "agent/base/file_mark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cstring>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/string_view.h"

namespace coordhub::base {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
// linux/magic.h has only the first.
constexpr uint64_t kBtrfs = 0x9123683E;
constexpr uint64_t kZfs = 0x2FC12FC1;

// Of a file system whose snapshots are volumes of their own.
uint64_t VolumeAt(const std::string& path) {
  struct statfs info {};
  if (statfs(path.c_str(), &info) != 0) return 0;
  const auto type = static_cast<uint64_t>(info.f_type) & 0xFFFFFFFF;
  if (type != kBtrfs && type != kZfs) return 0;
  uint64_t volume = 0;
  static_assert(sizeof(info.f_fsid) == sizeof(volume));
  std::memcpy(&volume, &info.f_fsid, sizeof(volume));
  return volume;
}

}  // namespace

std::optional<FileMark> FileMark::At(const std::string& path) {
  struct statx info {};
  if (statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_BTIME, &info) != 0) return std::nullopt;
  FileMark mark;
  mark.inode = info.stx_ino;
  if ((info.stx_mask & STATX_BTIME) != 0) {
    mark.birth_ns = info.stx_btime.tv_sec * kNanosPerSecond + info.stx_btime.tv_nsec;
  }
  mark.volume = VolumeAt(path);
  return mark;
}

std::optional<FileMark> FileMark::Parse(std::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(text), ':');
  FileMark mark;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &mark.inode) ||
      !absl::SimpleAtoi(parts[1], &mark.birth_ns) || !absl::SimpleAtoi(parts[2], &mark.volume)) {
    return std::nullopt;
  }
  return mark;
}

std::string FileMark::ToString() const { return absl::StrCat(inode, ":", birth_ns, ":", volume); }

bool FileMark::Matches(const FileMark& other) const {
  const bool births = birth_ns != 0 && other.birth_ns != 0;
  return inode == other.inode && volume == other.volume && (!births || birth_ns == other.birth_ns);
}

}  // namespace coordhub::base
