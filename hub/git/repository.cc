#include "hub/git/repository.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/unique_fd.h"
#include "hub/git/library.h"
#include "hub/git/worktrees.h"

namespace coordhub::git {
namespace {

constexpr std::string_view kBranchPrefix = "refs/heads/";
constexpr size_t kMaxExcludeFileBytes = 1 << 20;

// Whether `text` has the line `line`, trailing blanks aside.
bool HasLine(std::string_view text, std::string_view line) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view candidate = text.substr(0, end);
    while (!candidate.empty() && (candidate.back() == ' ' || candidate.back() == '\r'))
      candidate.remove_suffix(1);
    if (candidate == line) return true;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return false;
}

// One write: two hubs or a person's editor never interleave with it.
absl::Status AppendToFile(const std::string& path, std::string_view bytes) {
  const base::UniqueFd fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return base::MakeIoError("open", path, errno);
  const ssize_t written = write(fd.get(), bytes.data(), bytes.size());
  if (written < 0) return base::MakeIoError("write", path, errno);
  if (static_cast<size_t>(written) != bytes.size()) return base::MakeIoError("write", path, ENOSPC);
  return absl::OkStatus();
}

std::string ConfigValue(const std::string& common_dir, const char* name) {
  git_config* raw = nullptr;
  if (git_config_open_ondisk(&raw, (common_dir + "/config").c_str()) != 0) return "";
  const Handle<git_config, git_config_free> config(raw);
  git_buf value = GIT_BUF_INIT;
  if (git_config_get_string_buf(&value, config.get(), name) != 0) return "";
  std::string text(value.ptr, value.size);
  git_buf_dispose(&value);
  return text;
}

// What kind of repository it is that libgit2 does not read; empty: it is another matter.
std::string UnreadableKind(const std::string& common_dir) {
  const std::string format = ConfigValue(common_dir, "extensions.refstorage");
  if (!format.empty() && format != "files")
    return "it keeps its references as " + format +
           ", which this version cannot read (`git refs migrate --ref-format=files` changes that)";
  if (ConfigValue(common_dir, "extensions.objectformat") == "sha256")
    return "its objects are named by SHA-256, which this version cannot read";
  return "";
}

class LibgitRepository final : public Repository {
 public:
  LibgitRepository(std::string common_dir, const std::string& found_in, RepositoryHandle handle)
      : common_dir_(std::move(common_dir)),
        handle_(std::move(handle)),
        main_worktree_(FindMainWorktree(common_dir_, found_in).top) {}

  const std::string& main_worktree() const override { return main_worktree_; }

  absl::StatusOr<std::string> CurrentBranch() const override {
    git_reference* raw = nullptr;
    if (git_reference_lookup(&raw, handle_.get(), "HEAD") != 0)
      return LibraryError("reading HEAD", common_dir_);
    const ReferenceHandle head(raw);
    const char* target = git_reference_symbolic_target(head.get());  // null when detached
    if (target == nullptr) return std::string();
    std::string_view name = target;
    if (name.substr(0, kBranchPrefix.size()) == kBranchPrefix)
      name.remove_prefix(kBranchPrefix.size());
    return std::string(name);
  }

  absl::StatusOr<bool> IsTracked(const std::string& path) const override {
    if (main_worktree_.empty()) return false;
    // Not the repository's own, which would keep every path of the worktree in memory.
    git_index* raw = nullptr;
    const std::string file = std::string(git_repository_path(handle_.get())) + "index";
    if (git_index_open(&raw, file.c_str()) != 0)
      return LibraryError("reading the index", common_dir_);
    const IndexHandle index(raw);
    if (git_index_find(nullptr, index.get(), path.c_str()) == 0) return true;
    return git_index_find_prefix(nullptr, index.get(), (path + "/").c_str()) == 0;
  }

  absl::Status EnsureExcluded(std::string_view pattern) const override {
    const std::string directory = common_dir_ + "/info";
    const std::string path = directory + "/exclude";
    COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                              base::ReadFile(path, kMaxExcludeFileBytes));
    if (text.has_value() && HasLine(*text, pattern)) return absl::OkStatus();
    if (!text.has_value() && mkdir(directory.c_str(), 0777) != 0 && errno != EEXIST) {
      return base::MakeIoError("create directory", directory, errno);
    }
    std::string line = std::string(pattern) + "\n";
    if (text.has_value() && !text->empty() && text->back() != '\n') line.insert(0, "\n");
    return AppendToFile(path, line);
  }

 private:
  const std::string common_dir_;
  const RepositoryHandle handle_;
  const std::string main_worktree_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Repository>> Repository::Open(const std::string& common_dir,
                                                             const std::string& found_in) {
  InitializeLibgit2();
  git_repository* raw = nullptr;
  if (git_repository_open(&raw, common_dir.c_str()) != 0) {
    std::string message(base::ToStd(LibraryError("opening", common_dir).message()));
    if (const std::string kind = UnreadableKind(common_dir); !kind.empty())
      message = "the repository at " + common_dir + " cannot be used: " + kind;
    return base::MakeError(v1::ERROR_REASON_WORKSPACE_NOT_FOUND, message, {{"path", common_dir}});
  }
  return std::make_unique<LibgitRepository>(common_dir, found_in, RepositoryHandle(raw));
}

}  // namespace coordhub::git
