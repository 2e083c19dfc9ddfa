#include "hub/git/checkout_obstacles.h"

#include <filesystem>
#include <system_error>

#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;

// Looks at what is where the added paths go.
class ObstacleSearch {
 public:
  ObstacleSearch(std::string worktree, const CheckoutKnowledge& knowledge)
      : worktree_(std::move(worktree)), knowledge_(knowledge) {}

  absl::StatusOr<std::string> Of(const AddedPath& added) {
    for (size_t slash = added.path.find('/'); slash != std::string::npos;
         slash = added.path.find('/', slash + 1)) {
      const std::string above = added.path.substr(0, slash);
      const fs::file_type type = TypeOf(above);
      if (type == fs::file_type::not_found) return std::string();
      // Also a link to a directory: git replaces it.
      if (type != fs::file_type::directory) return IfUntracked(above);
    }
    switch (TypeOf(added.path)) {
      case fs::file_type::not_found:
        return std::string();
      case fs::file_type::directory:
        return Below(added.path);
      default:
        return IfOther(added);
    }
  }

 private:
  fs::file_type TypeOf(const std::string& path) const {
    std::error_code error;
    const fs::file_type type = fs::symlink_status(worktree_ + "/" + path, error).type();
    // What cannot be looked at is in the way.
    return type == fs::file_type::none ? fs::file_type::unknown : type;
  }

  absl::StatusOr<std::string> IfUntracked(const std::string& path) const {
    COORDHUB_ASSIGN_OR_RETURN(const bool is_tracked, knowledge_.is_tracked(path));
    return is_tracked ? std::string() : path;
  }

  // A checkout that a crash cut off left what it wrote: nothing is lost where that is written
  // again.
  absl::StatusOr<std::string> IfOther(const AddedPath& added) const {
    COORDHUB_ASSIGN_OR_RETURN(const std::string untracked, IfUntracked(added.path));
    if (untracked.empty() || TypeOf(added.path) != fs::file_type::regular) return untracked;
    COORDHUB_ASSIGN_OR_RETURN(const std::string blob, knowledge_.blob_of(added.path));
    return blob == added.blob ? std::string() : untracked;
  }

  absl::StatusOr<std::string> Below(const std::string& path) const {
    std::error_code error;
    const fs::path top = worktree_;
    for (fs::recursive_directory_iterator it(top / path, error), end; !error && it != end;
         it.increment(error)) {
      std::error_code ignored;
      if (!it->is_symlink(ignored) && it->is_directory(ignored)) continue;
      COORDHUB_ASSIGN_OR_RETURN(const std::string untracked,
                                IfUntracked(it->path().lexically_relative(top).string()));
      if (!untracked.empty()) return untracked;
    }
    if (error) return base::MakeIoError("look through", path, error.value());
    return std::string();
  }

  const std::string worktree_;
  const CheckoutKnowledge& knowledge_;
};

}  // namespace

std::vector<AddedPath> ParseAdded(const std::string& raw) {
  std::vector<AddedPath> added;
  // ":<mode> <mode> <id> <id> <status>\0<path>\0"
  for (size_t begin = 0; begin < raw.size();) {
    const size_t facts_end = raw.find('\0', begin);
    const size_t path_end =
        facts_end == std::string::npos ? facts_end : raw.find('\0', facts_end + 1);
    if (path_end == std::string::npos) break;
    const std::string facts = raw.substr(begin, facts_end - begin);
    begin = path_end + 1;
    const size_t status = facts.rfind(' ');
    const size_t blob = status == std::string::npos ? status : facts.rfind(' ', status - 1);
    if (blob == std::string::npos || facts.substr(status + 1) != "A") continue;
    added.push_back({raw.substr(facts_end + 1, path_end - facts_end - 1),
                     facts.substr(blob + 1, status - blob - 1)});
  }
  return added;
}

absl::StatusOr<std::string> FindObstacle(const std::string& worktree,
                                         const std::vector<AddedPath>& added,
                                         const CheckoutKnowledge& knowledge) {
  if (base::MutantActive("ignored_files_overwritten")) return std::string();
  ObstacleSearch search(worktree, knowledge);
  for (const AddedPath& path : added) {
    COORDHUB_ASSIGN_OR_RETURN(std::string obstacle, search.Of(path));
    if (!obstacle.empty()) return obstacle;
  }
  return std::string();
}

}  // namespace coordhub::git
