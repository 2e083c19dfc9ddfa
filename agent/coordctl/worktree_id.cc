#include "agent/coordctl/worktree_id.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kMaxFileBytes = 256;
constexpr size_t kIdBytes = 32;

std::string PathIn(const std::string& git_dir) { return git_dir + "/coordhub-worktree"; }

bool IsId(const std::string& text) {
  return text.size() == kIdBytes && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Puts `id` there unless there is one by now.
absl::Status PutFirst(const std::string& path, const std::string& id) {
  // Complete before it has the name by which it is read.
  const std::string draft = absl::StrCat(path, ".", id);
  COORDHUB_RETURN_IF_ERROR(base::AtomicReplaceFile(draft, id + "\n", 0600));
  const bool linked = link(draft.c_str(), path.c_str()) == 0;
  const int error = errno;
  (void)unlink(draft.c_str());
  if (linked || error == EEXIST) return absl::OkStatus();
  return base::MakeIoError("link", path, error);
}

}  // namespace

absl::StatusOr<std::optional<std::string>> ReadWorktreeId(const std::string& git_dir) {
  const std::string path = PathIn(git_dir);
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                            base::ReadFile(path, kMaxFileBytes));
  if (!text.has_value()) return std::nullopt;
  std::string id(absl::StripTrailingAsciiWhitespace(*text));
  if (IsId(id)) return id;
  return base::MakeError(base::pb::ERROR_REASON_IO_FAILED, path + " does not hold a worktree's id",
                         {{"operation", "parse"}, {"path", path}});
}

absl::StatusOr<std::string> EnsureWorktreeId(const std::string& git_dir, base::IdSource* ids) {
  auto id = ReadWorktreeId(git_dir);
  if (id.ok() && id->has_value()) return **id;
  const std::string fresh = ids->NewUid();
  // A damaged one is nobody's any more: what was kept under it cannot be found.
  COORDHUB_RETURN_IF_ERROR(id.ok() ? PutFirst(PathIn(git_dir), fresh)
                                   : base::AtomicReplaceFile(PathIn(git_dir), fresh + "\n", 0600));
  COORDHUB_ASSIGN_OR_RETURN(id, ReadWorktreeId(git_dir));
  return id->value_or(fresh);
}

absl::Status ForgetWorktreeId(const std::string& git_dir) {
  const std::string path = PathIn(git_dir);
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return base::MakeIoError("unlink", path, errno);
}

std::set<std::string> WorktreeIdsOf(const std::string& common_dir) {
  std::set<std::string> ids;
  const auto add = [&ids](const std::string& git_dir) {
    const auto id = ReadWorktreeId(git_dir);
    if (id.ok() && id->has_value()) ids.insert(**id);
  };
  add(common_dir);
  std::error_code error;
  for (std::filesystem::directory_iterator it(common_dir + "/worktrees", error), end;
       !error && it != end; it.increment(error)) {
    add(it->path().string());
  }
  return ids;
}

}  // namespace coordhub::coordctl
