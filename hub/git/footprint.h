// What one side of a merge changed, as far as it tells whether the other side can come in its way.
// Private to this folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "hub/git/library.h"

namespace coordhub::git {

// Paths are hashes: two that fall together make a pair look closer than it is, and nothing worse.
// All lists are sorted by hash.
struct Footprint {
  struct Path {
    uint64_t path = 0;
    // What it is now; mode 0: deleted.
    git_oid id{};
    uint32_t mode = 0;
    bool was_there = false;
  };
  std::vector<Path> paths;
  // All directories on the way to a path, and on the way to one that was added.
  std::vector<uint64_t> directories;
  std::vector<uint64_t> directories_of_added;
  // Those that are no directories any more, the ones inside included.
  std::vector<uint64_t> gone_directories;
  bool adds = false;
  bool deletes = false;
  // Two of its own paths fall together.
  bool ambiguous = false;

  // git takes a file that was deleted and one that was added for a rename when they are alike.
  bool MayRename() const { return adds && deletes; }
  // How many values it keeps, for bounds of memory.
  size_t size() const {
    return paths.size() + directories.size() + directories_of_added.size() +
           gone_directories.size();
  }
};

// What `head` changed since `base`. Costs as WalkDifferences. Blocks; the repository's thread.
// Errors: IO_FAILED (an object that is missing or damaged).
absl::StatusOr<Footprint> FootprintOf(git_repository* repository, const git_oid& base,
                                      const git_oid& head);

// Whether what two sides changed since their only merge base merges for certain, as git's `ort`
// strategy merges: nothing was changed by both unless to the same, nothing is a file here and a
// directory there, and no rename, of a file or of a directory, reaches what the other side changed.
// False: nobody knows before git has merged. Pure.
bool MergesForCertain(const Footprint& a, const Footprint& b);

}  // namespace coordhub::git
