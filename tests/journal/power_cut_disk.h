// A disk whose power can be cut, below everything: for tests of durability.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace coordhub::journal {

// Records what this process changes in and below a directory, call by call (this test binary stands
// in for libc's write, rename, fsync and their like), and gives the files as the disk may hold them
// when the power goes after any of these calls: all that was synced, and any part of the rest. Of a
// file that part is any of the sectors written since its last sync; of a directory any of the
// entries made, renamed and removed since its own: a file that was synced may have no name yet.
// Nothing is really synced, so tests are fast. One exists at a time, for one thread.
class PowerCutDisk {
 public:
  // What is there now counts as synced.
  explicit PowerCutDisk(std::string directory);
  PowerCutDisk(const PowerCutDisk&) = delete;
  PowerCutDisk& operator=(const PowerCutDisk&) = delete;
  ~PowerCutDisk() { Stop(); }

  // Ends the recording: later calls go to the disk as ever.
  void Stop();

  // Calls that were recorded so far.
  size_t operations() const { return operations_.size(); }

  // Writes into `target`, which must not exist, what the disk may hold when the power goes right
  // after the first `count` operations.
  void Restore(size_t count, std::mt19937* random, const std::string& target) const;

  // ---- for the calls that stand in for libc's; a call that failed is not told ----

  static PowerCutDisk* recording();
  void OnMade(int directory, const char* path, bool is_directory);
  void OnWrite(int fd, off_t offset, const void* bytes, size_t size);
  void OnTruncate(int fd, off_t size);
  void OnSync(int fd);
  void OnRename(int from_directory, const char* from, int to_directory, const char* to);
  void OnUnlink(int directory, const char* path);

 private:
  // A file or directory, whatever it is called.
  using Node = int;
  static constexpr Node kRoot = 0;
  static constexpr Node kNone = -1;

  struct Operation {
    enum Kind { kWrite, kTruncate, kLink, kRename, kUnlink, kSync } kind;
    Node node;          // the file, or the directory whose names change
    size_t offset = 0;  // or the new size
    std::string bytes;  // or the name
    std::string to;     // the new name
    Node linked = kNone;
  };
  struct Content {
    std::string synced;
    std::vector<const Operation*> unsynced;
  };
  struct Names {
    std::map<std::string, Node> synced;
    std::vector<const Operation*> unsynced;
  };

  // What is below `path` at the beginning.
  void Scan(const std::string& path, Node directory);
  Node Add(const std::string& path, bool is_directory);
  Node NodeOf(int fd) const;
  // The directory that `path` stands in, and its name there.
  std::pair<Node, std::string> PlaceOf(int directory, const char* path) const;

  static void Apply(const Operation& change, std::string* content);
  static void Apply(const Operation& change, std::map<std::string, Node>* names);
  // Adds a change to what is unsynced, or syncs that.
  template <class State>
  static void Take(const Operation& operation, State* state);
  static std::string ContentAfter(const Content& content, std::mt19937* random);
  static std::map<std::string, Node> NamesAfter(const Names& names, std::mt19937* random);

  const std::string directory_;
  std::map<std::pair<dev_t, ino_t>, Node> nodes_;  // those that have a name now
  std::vector<bool> is_directory_;
  std::map<Node, Content> files_;  // at the beginning
  std::map<Node, Names> names_;
  std::vector<Operation> operations_;
};

}  // namespace coordhub::journal
