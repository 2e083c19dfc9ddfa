#include "agent/coordctl/suggest.h"

#include <algorithm>

namespace coordhub::coordctl {
namespace {

// Damerau's distance, in which no letter is moved twice.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string Nearest(std::string_view word, const std::vector<std::string>& known) {
  static constexpr size_t kLongest = 64;  // nobody mistypes that
  if (word.empty() || word.size() > kLongest) return "";
  for (const std::string& candidate : known) {
    if (candidate.compare(0, word.size(), word) == 0) return candidate;
  }
  // One error in three letters, but never a wholly different word.
  size_t allowed = std::max<size_t>(1, word.size() / 3) + 1;
  std::string nearest;
  for (const std::string& candidate : known) {
    const size_t distance = Distance(word, candidate);
    if (distance >= allowed || distance >= candidate.size()) continue;
    allowed = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace coordhub::coordctl
