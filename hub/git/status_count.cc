#include "hub/git/status_count.h"

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/git/git_command.h"
#include "hub/git/library.h"

namespace coordhub::git {
namespace {

using StatusListHandle = Handle<git_status_list, git_status_list_free>;

absl::Status NotCounted(const WorktreePlace& place, std::string_view why) {
  return base::MakeError(v1::ERROR_REASON_NOT_OBSERVED, why, {{"path", place.top}});
}

// The repository is named outright: git must not go looking for one above a worktree that is
// damaged.
std::vector<std::string> InWorktree(const WorktreePlace& place,
                                    std::initializer_list<std::string_view> arguments) {
  std::vector<std::string> all = {absl::StrCat("--git-dir=", place.git_dir),
                                  absl::StrCat("--work-tree=", place.top), "-C", place.top};
  for (const std::string_view argument : arguments) all.emplace_back(argument);
  return all;
}

}  // namespace

void PorcelainReader::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\0');
    field_.append(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    EndField();
    field_.clear();
    bytes.remove_prefix(end + 1);
  }
}

void PorcelainReader::EndField() {
  if (std::exchange(origin_follows_, false) || field_.size() < 4) return;
  const std::string_view states = std::string_view(field_).substr(0, 2);
  origin_follows_ = states.find_first_of("RC") != std::string_view::npos;
  on_entry_(states, std::string_view(field_).substr(3));
}

absl::StatusOr<int64_t> CountChangedFiles(const WorktreePlace& place, const GitLimits& limits) {
  int64_t count = 0;
  PorcelainReader reader([&count](std::string_view, std::string_view) { ++count; });
  GitCommand command;
  command.arguments = InWorktree(place, {"status", "--porcelain=v1", "-z"});
  command.timeout = limits.timeout;
  command.cancel = limits.cancel;
  command.on_output = [&reader](std::string_view bytes) { reader.Feed(bytes); };
  COORDHUB_ASSIGN_OR_RETURN(const GitResult result, RunGit(command));
  if (result.ok()) return count;
  if (result.end == GitResult::End::kNotInstalled) return CountChangedFilesWithoutGit(place);
  return NotCounted(place, result.Explain());
}

absl::StatusOr<int64_t> CountChangedFilesWithoutGit(const WorktreePlace& place) {
  InitializeLibgit2();
  git_repository* raw_repository = nullptr;
  if (git_repository_open(&raw_repository, place.top.c_str()) != 0) {
    return NotCounted(place, base::ToStd(LibraryError("opening", place.top).message()));
  }
  const RepositoryHandle repository(raw_repository);
  git_status_options options = GIT_STATUS_OPTIONS_INIT;
  options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
  options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RENAMES_HEAD_TO_INDEX;
  git_status_list* raw_list = nullptr;
  if (git_status_list_new(&raw_list, repository.get(), &options) != 0) {
    return NotCounted(place, base::ToStd(LibraryError("status", place.top).message()));
  }
  const StatusListHandle list(raw_list);
  return static_cast<int64_t>(git_status_list_entrycount(list.get()));
}

absl::StatusOr<absl::flat_hash_set<std::string>> ListIgnoredDirectories(const WorktreePlace& place,
                                                                        const GitLimits& limits) {
  absl::flat_hash_set<std::string> directories;
  PorcelainReader reader([&](std::string_view states, std::string_view path) {
    if (states == "!!" && path.back() == '/') directories.emplace(path.substr(0, path.size() - 1));
  });
  GitCommand command;
  command.arguments = InWorktree(
      place, {"status", "--porcelain=v1", "-z", "--ignored=matching", "--untracked-files=normal"});
  command.timeout = limits.timeout;
  command.cancel = limits.cancel;
  command.on_output = [&reader](std::string_view bytes) { reader.Feed(bytes); };
  COORDHUB_ASSIGN_OR_RETURN(const GitResult result, RunGit(command));
  if (!result.ok()) return NotCounted(place, result.Explain());
  return directories;
}

absl::StatusOr<bool> IsTrackedByGit(const WorktreePlace& place, const std::string& path,
                                    const GitLimits& limits) {
  bool any = false;
  GitCommand command;
  command.arguments =
      InWorktree(place, {"--literal-pathspecs", "ls-files", "-z", "--cached", "--", path});
  command.timeout = limits.timeout;
  command.cancel = limits.cancel;
  command.on_output = [&any](std::string_view) { any = true; };
  COORDHUB_ASSIGN_OR_RETURN(const GitResult result, RunGit(command));
  if (!result.ok()) return NotCounted(place, result.Explain());
  return any;
}

}  // namespace coordhub::git
