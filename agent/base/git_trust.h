// Whether git would work with a repository that may be somebody else's.

#pragma once

#include <string>
#include <vector>

namespace coordhub::base {

// True if all of `parts` (paths; empty ones are left out) belong to this user, or if the user's or
// the machine's configuration of git has `place`, the repository's top directory, among its
// safe.directory. Under sudo what belongs to the invoking user is root's, too, as git has it.
// Blocks on the file system. Thread-safe.
bool GitTrusts(const std::string& place, const std::vector<std::string>& parts);

}  // namespace coordhub::base
