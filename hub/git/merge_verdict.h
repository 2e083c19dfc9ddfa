// From what git says of a merge to what we say. Private to this folder.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hub/git/merge_program.h"
#include "hub/git/merger.h"

namespace coordhub::git {

// A path in conflict, as git keeps it. Bytes, not text.
struct Clash {
  // As the commits have it.
  std::string path;
  // As the merged tree has it; longer where a file had to give way to a directory.
  std::string merged_path;
  v1::Conflict::Kind kind = v1::Conflict::KIND_UNSPECIFIED;
};

// Each path once, in byte order. Empty if `merge` is clean or has a problem.
std::vector<Clash> ClashesOf(const GitMerge& merge, const CommitPair& pair);

MergeVerdict VerdictOf(const GitMerge& merge, const std::vector<Clash>& clashes,
                       size_t max_conflicts);

// The regions between conflict markers of a merged file, whole lines with their markers, one blank
// line between two. `pair` tells the markers from text that looks like them.
std::string HunksOf(std::string_view file, const CommitPair& pair);

}  // namespace coordhub::git
