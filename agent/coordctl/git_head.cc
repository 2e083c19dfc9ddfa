#include "agent/coordctl/git_head.h"

#include <string_view>

#include "agent/base/atomic_file.h"

namespace coordhub::coordctl {

std::string CurrentBranch(const std::string& git_dir) {
  static constexpr std::string_view kPrefix = "ref: refs/heads/";
  static constexpr size_t kMaxHeadBytes = 4096;
  const auto head = base::ReadFile(git_dir + "/HEAD", kMaxHeadBytes);
  if (!head.ok() || !head->has_value()) return "";
  const std::string& text = **head;
  if (text.compare(0, kPrefix.size(), kPrefix) != 0) return "";
  std::string branch = text.substr(kPrefix.size());
  branch.erase(branch.find_last_not_of(" \t\r\n") + 1);
  return branch;
}

}  // namespace coordhub::coordctl
