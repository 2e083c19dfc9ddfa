// Which word somebody may have meant.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coordhub::coordctl {

// The word among `known` that is nearest to `word`: one that it begins, else the one that fewest
// typing errors (a letter missing, too many, wrong, or two exchanged) make of it; the first of
// several. Empty: none is near.
std::string Nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace coordhub::coordctl
