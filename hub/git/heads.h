// Which branches there are and where their heads stand. Private to this folder.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "hub/git/library.h"

namespace coordhub::git {

// Short name -> head.
using Heads = std::map<std::string, git_oid, std::less<>>;

// All local branches, loose and packed, at one moment: a reader that comes while references are
// being packed sees none of them missing. Branches that git itself cannot read are left out.
// Blocks; the repository's thread.
// Errors: NOT_OBSERVED (path): they cannot be read, or were packed over and over meanwhile.
absl::StatusOr<Heads> ReadHeads(git_repository* repository);

// What HEAD of a git directory (the common one or a linked worktree's) says.
struct HeadFile {
  // Short name; empty: detached.
  std::string branch;
  // When detached: hex.
  std::string commit;
};
// Blocks; any thread. Errors: NOT_OBSERVED (path).
absl::StatusOr<HeadFile> ReadHeadFile(const std::string& git_dir);

// Whether a name matches one of the globs.
bool MatchesAny(const std::vector<std::string>& patterns, const std::string& name);

// The branch that others are measured against; see ObserverOptions::target. Empty: none.
std::string ChooseTarget(git_repository* repository, const Heads& heads,
                         const std::string& configured);

std::string Hex(const git_oid& id);

}  // namespace coordhub::git
