#include "agent/base/git_location.h"

#include <git2.h>

#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::base {
namespace {

struct FreeRepository {
  void operator()(git_repository* repository) const { git_repository_free(repository); }
};
using Repository = std::unique_ptr<git_repository, FreeRepository>;

absl::Status NotFound(const std::string& path, std::string_view why) {
  std::string message = "no git repository at " + path;
  if (!why.empty()) message.append(": ").append(why);
  return MakeError(pb::ERROR_REASON_WORKSPACE_NOT_FOUND, message, {{"path", path}});
}

absl::StatusOr<std::string> RealPath(const char* path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (error) return NotFound(path, error.message());
  // canonical() leaves no trailing slash but for the root itself.
  return real.string();
}

absl::StatusOr<Repository> OpenEnclosing(const std::string& path) {
  InitializeLibgit2();
  git_repository* raw = nullptr;
  const int result = git_repository_open_ext(&raw, path.c_str(), 0, nullptr);
  Repository repository(raw);
  if (result == 0) return repository;
  if (result == GIT_ENOTFOUND) return NotFound(path, "");
  const git_error* error = git_error_last();  // of this thread
  return NotFound(path, error == nullptr || error->message == nullptr ? "" : error->message);
}

}  // namespace

// libgit2 counts its initialisations, so others in the process may do the same. Never undone: the
// library's thread-local state must outlive every thread that used it.
void InitializeLibgit2() {
  static const bool initialized = [] {
    git_libgit2_init();
    const char* harmless[] = {"worktreeconfig", "partialclone", "preciousobjects",
                              "relativeworktrees"};
    git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, harmless, sizeof(harmless) / sizeof(harmless[0]));
    return true;
  }();
  (void)initialized;
}

absl::StatusOr<GitLocation> LocateRepository(const std::string& path) {
  if (path.empty()) return NotFound("(an empty path)", "");
  COORDHUB_ASSIGN_OR_RETURN(const Repository repository, OpenEnclosing(path));
  GitLocation location;
  location.is_bare = git_repository_is_bare(repository.get()) == 1;
  COORDHUB_ASSIGN_OR_RETURN(location.common_dir,
                            RealPath(git_repository_commondir(repository.get())));
  COORDHUB_ASSIGN_OR_RETURN(location.git_dir, RealPath(git_repository_path(repository.get())));
  if (const char* root = git_repository_workdir(repository.get()); root != nullptr) {
    COORDHUB_ASSIGN_OR_RETURN(location.worktree_root, RealPath(root));
  }
  if (git_repository_is_worktree(repository.get()) == 1) {
    location.worktree_name = std::filesystem::path(location.git_dir).filename().string();
  }
  return location;
}

}  // namespace coordhub::base
