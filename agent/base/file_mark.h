// What a file or directory is, as opposed to a copy of it: kept in a file, and compared later,
// after restarts of the process and of the machine.
//
// A copy, and what is brought back from a backup of files, has another number or another time of
// birth; what is moved within its file system, or mounted elsewhere, keeps both. An image of the
// whole disk cannot be told from the disk.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coordhub::base {

struct FileMark {
  uint64_t inode = 0;
  // Nanoseconds since 1970; 0: the file system does not tell.
  int64_t birth_ns = 0;
  // Tells snapshots of a file system that keep number and birth (btrfs, zfs) from each other; 0
  // elsewhere, where nothing that lasts could be had.
  uint64_t volume = 0;

  // What is at `path`, a symbolic link followed; nullopt: nothing that can be looked at. Blocks on
  // the file system; any thread.
  static std::optional<FileMark> At(const std::string& path);
  // What ToString gave; nullopt: it did not.
  static std::optional<FileMark> Parse(std::string_view text);
  // One word.
  std::string ToString() const;

  // Whether both are of the same file. A time of birth counts where both have one.
  bool Matches(const FileMark& other) const;
};

}  // namespace coordhub::base
