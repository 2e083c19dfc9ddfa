// States that a repository may be in, as shell scripts over one beginning.

#pragma once

#include <string>
#include <vector>

namespace coordhub::git {

struct Situation {
  const char* name;
  // Run by bash in the repository that kBeginning made; `../other` is another repository.
  const char* script;
  // Where libgit2 1.5 gives another number than git: why.
  const char* libgit2_differs = nullptr;
};

extern const char kBeginning[];
const std::vector<Situation>& Situations();

}  // namespace coordhub::git
