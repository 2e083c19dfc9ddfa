#include "hub/main/state_origin.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/file_mark.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/main/given_up_log.h"

namespace coordhub::hub {
namespace {

constexpr size_t kMaxBytes = 16'384;

std::string PathUnder(const base::StatePaths& state) { return state.dir() + "/origin"; }

// What a directory was when it was last served; unset where nothing is known.
struct Origin {
  std::optional<base::FileMark> journal;
  std::optional<base::FileMark> directory;
  std::optional<base::FileMark> repository;
  // Where that was; for people.
  std::string common_dir;
};

// Lines of a word and a value.
std::string TextOf(const Origin& origin) {
  std::string text;
  const auto line = [&text](const char* what, const std::optional<base::FileMark>& mark) {
    if (mark.has_value()) absl::StrAppend(&text, what, " ", mark->ToString(), "\n");
  };
  line("journal", origin.journal);
  line("directory", origin.directory);
  line("repository", origin.repository);
  return absl::StrCat(text, "at ", origin.common_dir, "\n");
}

// Nullopt: none was kept.
absl::StatusOr<std::optional<Origin>> ReadOrigin(const base::StatePaths& state) {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                            base::ReadFile(PathUnder(state), kMaxBytes));
  if (!text.has_value()) return std::nullopt;
  Origin origin;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (words.size() != 2) continue;
    if (words[0] == "journal") origin.journal = base::FileMark::Parse(words[1]);
    if (words[0] == "directory") origin.directory = base::FileMark::Parse(words[1]);
    if (words[0] == "repository") origin.repository = base::FileMark::Parse(words[1]);
    if (words[0] == "at") origin.common_dir = words[1];
  }
  return origin;
}

Origin OriginNow(const base::StatePaths& state, const std::string& common_dir) {
  return {base::FileMark::At(state.journal()), base::FileMark::At(state.dir()),
          base::FileMark::At(common_dir), common_dir};
}

// What is not known differs.
bool Matches(const std::optional<base::FileMark>& kept, const std::optional<base::FileMark>& now) {
  return kept.has_value() && now.has_value() && kept->Matches(*now);
}

absl::Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return base::MakeIoError("remove", path, errno);
}

}  // namespace

absl::StatusOr<bool> IsCopy(const base::StatePaths& state) {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<Origin> origin, ReadOrigin(state));
  if (!origin.has_value()) return false;
  const Origin now = OriginNow(state, "");
  if (!Matches(origin->journal, now.journal)) return true;
  struct stat info {};
  if (Matches(origin->directory, now.directory) || stat(state.journal().c_str(), &info) != 0 ||
      info.st_nlink == 1) {
    return false;
  }
  return base::MakeError(
      v1::ERROR_REASON_STATE_DIR_UNUSABLE,
      absl::StrCat(state.journal(),
                   " is the journal of another directory, by a hard link; give this one a copy of "
                   "its own (cp --reflink=auto FILE FILE.copy, then mv FILE.copy FILE)"),
      {{"path", state.journal()}});
}

absl::Status CheckBelongsTo(const base::StatePaths& state, const std::string& common_dir) {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<Origin> origin, ReadOrigin(state));
  if (!origin.has_value() || !origin->repository.has_value()) return absl::OkStatus();
  if (Matches(origin->repository, base::FileMark::At(common_dir))) return absl::OkStatus();
  return base::MakeError(
      v1::ERROR_REASON_STATE_DIR_UNUSABLE,
      absl::StrCat(state.dir(), " is the state of ", origin->common_dir, ", of which ", common_dir,
                   " is a copy; say --state-dir DIR once: a new one to begin there, or this one if "
                   "the other repository is no more"),
      {{"path", state.dir()}});
}

absl::Status BreakWithOriginal(const WorkspacePlan& plan) {
  base::Log(base::LogLevel::kWarning,
            "the state directory is a copy: its log gets a new id, its sessions end, and its "
            "tokens are void",
            {{"workspace", plan.workspace_id}, {"path", plan.state.dir()}});
  COORDHUB_RETURN_IF_ERROR(ForgetOwnLines(plan));
  for (const std::string& path : {plan.state.workspace_key(), plan.state.operator_token(),
                                  plan.state.hub_pid(), plan.endpoint_file}) {
    COORDHUB_RETURN_IF_ERROR(RemoveFile(path));
  }
  return absl::OkStatus();
}

absl::Status RememberOrigin(const base::StatePaths& state, const std::string& common_dir) {
  const Origin now = OriginNow(state, common_dir);
  const auto known = ReadOrigin(state);
  if (known.ok() && known->has_value() && TextOf(**known) == TextOf(now)) return absl::OkStatus();
  return base::AtomicReplaceFile(PathUnder(state), TextOf(now), 0600);
}

}  // namespace coordhub::hub
