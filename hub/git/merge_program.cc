#include "hub/git/merge_program.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/git/worktrees.h"

namespace coordhub::git {
namespace {

constexpr size_t kPairsOfAProcess = 128;
constexpr size_t kMaxOutput = 64 << 20;
constexpr absl::Duration kTimeout = absl::Seconds(60);
// How git ends when it does not know an option.
constexpr int kUsageError = 129;

bool IsDirectory(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

}  // namespace

void GitMergeReader::Feed(std::string_view bytes) {
  while (!bytes.empty() && next_ != Next::kNothing) {
    const size_t end = bytes.find('\0');
    field_.append(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    EndField();
    field_.clear();
    bytes.remove_prefix(end + 1);
  }
}

void GitMergeReader::EndField() {
  switch (next_) {
    case Next::kClean:
      merge_ = {};
      merge_.clean = field_ == "1";
      next_ = merge_.clean || field_ == "0" ? Next::kTree : Next::kNothing;
      return;
    case Next::kTree:
      merge_.tree = field_;
      next_ = Next::kStage;
      return;
    case Next::kStage:
      next_ = field_.empty() ? Next::kPathCount : ReadStage();
      return;
    case Next::kPathCount:
      // After a submodule in conflict, git of this age puts advice for people before what ends it.
      if (field_.empty() || field_.back() == '\n') {
        merges_.push_back(std::move(merge_));
        next_ = Next::kClean;
        return;
      }
      merge_.messages.emplace_back();
      next_ = !absl::SimpleAtoi(field_, &paths_left_) || paths_left_ < 0 ? Next::kNothing
              : paths_left_ == 0                                         ? Next::kType
                                                                         : Next::kPath;
      return;
    case Next::kPath:
      merge_.messages.back().paths.push_back(field_);
      if (--paths_left_ == 0) next_ = Next::kType;
      return;
    case Next::kType:
      merge_.messages.back().type = field_;
      next_ = Next::kText;
      return;
    case Next::kText:
      merge_.messages.back().text = field_;
      next_ = Next::kPathCount;
      return;
    case Next::kNothing:
      return;
  }
}

// "100644 <id> 1\tpath".
GitMergeReader::Next GitMergeReader::ReadStage() {
  const size_t mode_end = field_.find(' ');
  const size_t tab = field_.find('\t');
  if (tab == std::string::npos || mode_end == std::string::npos || mode_end + 4 > tab)
    return Next::kNothing;
  GitMerge::Stage& stage = merge_.stages.emplace_back();
  stage.mode = field_.substr(0, mode_end);
  stage.id = field_.substr(mode_end + 1, tab - mode_end - 3);
  stage.stage = field_[tab - 1] - '0';
  stage.path = field_.substr(tab + 1);
  return Next::kStage;
}

MergeProgram::MergeProgram(std::string common_dir, const std::vector<std::string>& more_objects,
                           const GitCancel* cancel)
    : common_dir_(std::move(common_dir)),
      more_objects_(absl::StrJoin(more_objects, ":")),
      cancel_(cancel) {}

std::vector<GitMerge> MergeProgram::Run(const std::vector<CommitPair>& pairs,
                                        const std::function<bool()>& should_stop) {
  std::vector<GitMerge> merges;
  merges.reserve(pairs.size());
  if (const absl::Status prepared = Prepare(); !prepared.ok()) {
    merges.resize(pairs.size(), GitMerge{.problem = std::string(base::ToStd(prepared.message()))});
    return merges;
  }
  size_t most = kPairsOfAProcess;
  while (merges.size() < pairs.size() && !should_stop()) {
    const size_t count = std::min(most, pairs.size() - merges.size());
    const size_t wanted = merges.size() + count;
    const Failure failure = RunSome(pairs, count, &merges);
    most = kPairsOfAProcess;
    if (failure.of_all) {
      merges.resize(pairs.size(), GitMerge{.problem = failure.why});
    } else if (merges.size() < wanted && count == 1) {
      merges.push_back({.problem = failure.why});
    } else if (merges.size() < wanted) {
      // The next one may be what ended git, or one after it whose predecessors it had in hand.
      most = 1;
    }
  }
  return merges;
}

std::string MergeProgram::object_directory() const {
  return scratch_ == nullptr ? "" : scratch_->directory();
}

void MergeProgram::Clear() const {
  if (scratch_ != nullptr) scratch_->Clear();
}

// Merges `count` pairs, beginning with the first that is not among `merges`.
MergeProgram::Failure MergeProgram::RunSome(const std::vector<CommitPair>& pairs, size_t count,
                                            std::vector<GitMerge>* merges) {
  scratch_->Clear();
  GitCommand command;
  command.arguments = Arguments();
  command.timeout = kTimeout;
  command.max_output = kMaxOutput;
  command.cancel = cancel_;
  command.environment = environment_;
  const size_t begin = merges->size();
  for (size_t i = begin; i < begin + count; ++i)
    absl::StrAppend(&command.input, pairs[i].ours, " ", pairs[i].theirs, "\n");
  GitMergeReader reader(merges);
  command.on_output = [&reader](std::string_view bytes) { reader.Feed(bytes); };
  const absl::StatusOr<GitResult> result = RunGit(command);
  if (!result.ok())
    return {.why = std::string(base::ToStd(result.status().message())), .of_all = true};
  if (result->end == GitResult::End::kExited && result->exit_code == kUsageError)
    return {.why = "git is older than 2.39 and cannot merge out of sight", .of_all = true};
  const bool of_all =
      result->end == GitResult::End::kNotInstalled || result->end == GitResult::End::kCancelled;
  const std::string why = result->Explain();
  return {.why = why.empty() ? "git did not answer" : why, .of_all = of_all};
}

absl::Status MergeProgram::Prepare() {
  // It may have been removed under us, as old files of the directory for temporary ones are.
  if (scratch_ == nullptr || !IsDirectory(scratch_->directory() + "/info")) {
    COORDHUB_ASSIGN_OR_RETURN(scratch_, ScratchObjects::Make(common_dir_));
  }
  // git of this age fetches what a partial clone lacks, unless it may use no transport.
  environment_ = {absl::StrCat("GIT_OBJECT_DIRECTORY=", scratch_->directory()),
                  "GIT_ALLOW_PROTOCOL=none",
                  absl::StrCat("GIT_ALTERNATE_OBJECT_DIRECTORIES=", more_objects_)};
  return FindDrivers();
}

absl::Status MergeProgram::FindDrivers() {
  std::string names;
  GitCommand command;
  command.arguments = {absl::StrCat("--git-dir=", common_dir_),
                       "config",
                       "--null",
                       "--name-only",
                       "--get-regexp",
                       "^merge\\..*\\.driver$"};
  command.timeout = kTimeout;
  command.max_output = 1 << 20;
  command.cancel = cancel_;
  command.on_output = [&names](std::string_view bytes) { names.append(bytes); };
  COORDHUB_ASSIGN_OR_RETURN(const GitResult result, RunGit(command));
  const bool none = result.end == GitResult::End::kExited && result.exit_code == 1;
  if (!result.ok() && !none)
    return base::MakeError(v1::ERROR_REASON_NOT_OBSERVED, result.Explain());
  int count = 0;
  for (size_t begin = 0, end = 0; (end = names.find('\0', begin)) != std::string::npos;
       begin = end + 1, ++count) {
    environment_.push_back(
        absl::StrCat("GIT_CONFIG_KEY_", count, "=", names.substr(begin, end - begin)));
    environment_.push_back(absl::StrCat("GIT_CONFIG_VALUE_", count, "=false"));
  }
  environment_.push_back(absl::StrCat("GIT_CONFIG_COUNT=", count));
  return absl::OkStatus();
}

// git reads attributes where it stands; the repository is named outright, as in status_count.cc.
std::vector<std::string> MergeProgram::Arguments() const {
  std::vector<std::string> arguments = {absl::StrCat("--git-dir=", common_dir_)};
  const MainWorktree worktree = FindMainWorktree(common_dir_, "");
  if (!worktree.is_bare) {
    const std::string top = IsDirectory(worktree.top) ? worktree.top : scratch_->empty_directory();
    arguments.insert(arguments.end(), {absl::StrCat("--work-tree=", top), "-C", top});
  }
  arguments.insert(arguments.end(),
                   {"-c", "core.fsync=none", "merge-tree", "--stdin", "--messages"});
  return arguments;
}

}  // namespace coordhub::git
