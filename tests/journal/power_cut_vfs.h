// A disk whose power can be cut: below SQLite, for tests of durability.

#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace coordhub::journal {

// A SQLite VFS on top of the default one. It remembers of each database and log what was synced,
// and what was written since. After the power was cut, at the write, sync or truncation that CutAt
// names, all three fail; Image then gives the files as the disk may hold them: all that was synced,
// and any part of the rest, sector by sector. Nothing is really synced, so tests are fast. One
// exists at a time. Not thread-safe.
class PowerCutVfs {
 public:
  static constexpr char kName[] = "power-cut";

  PowerCutVfs();
  PowerCutVfs(const PowerCutVfs&) = delete;
  PowerCutVfs& operator=(const PowerCutVfs&) = delete;
  ~PowerCutVfs();

  // Forgets all files; what is on the disk now counts as synced. Counting begins anew, and the
  // power goes at the `operation`th operation (1: the first); 0: never.
  void CutAt(int64_t operation);

  bool is_cut() const { return cut_at_ > 0 && operations_ >= cut_at_; }
  int64_t operations() const { return operations_; }

  // The files after the cut, by path; those that may not exist may be missing.
  std::map<std::string, std::string> Image(std::mt19937* random) const;

  // One change since the last sync.
  struct Change {
    bool truncates = false;
    size_t offset = 0;  // or the new size
    std::string bytes;
  };
  struct File {
    // Nullopt: not known to exist.
    std::optional<std::string> synced;
    std::vector<Change> unsynced;
  };

  // For the methods of the VFS. Counts an operation: false when the power is off; at the very
  // operation that it goes at, `change` may still reach the disk.
  bool Admit(File* file, const Change* change);
  File* FileAt(const std::string& path);

 private:
  sqlite3_vfs vfs_;
  std::map<std::string, File> files_;
  int64_t operations_ = 0;
  int64_t cut_at_ = 0;
};

}  // namespace coordhub::journal
