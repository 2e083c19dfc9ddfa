#include "hub/git/integrator.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"
#include "hub/git/checkout_obstacles.h"
#include "hub/git/git_command.h"

namespace coordhub::git {
namespace {

using base::ToAbsl;

constexpr size_t kMaxPaths = 1000;

std::string Trimmed(std::string_view text) {
  return std::string(absl::StripAsciiWhitespace(ToAbsl(text)));
}

class GitIntegrator final : public Integrator {
 public:
  GitIntegrator(std::string common_dir, std::string worktree, const std::string& quarantine)
      : common_dir_(std::move(common_dir)), worktree_(std::move(worktree)) {
    if (quarantine.empty()) return;
    environment_ = {absl::StrCat("GIT_OBJECT_DIRECTORY=", quarantine),
                    absl::StrCat("GIT_ALTERNATE_OBJECT_DIRECTORIES=", common_dir_, "/objects")};
  }

  absl::StatusOr<std::string> HeadOf(const std::string& branch) override {
    return Verify(absl::StrCat("refs/heads/", branch), branch);
  }

  absl::StatusOr<std::string> Resolve(const std::string& name) override {
    absl::StatusOr<std::string> head = HeadOf(name);
    return head.ok() ? head : Verify(absl::StrCat(name, "^{commit}"), name);
  }

  absl::StatusOr<bool> IsAncestor(const std::string& ancestor,
                                  const std::string& descendant) override {
    COORDHUB_ASSIGN_OR_RETURN(const Ran ran,
                              Run({"merge-base", "--is-ancestor", ancestor, descendant}));
    if (ran.result.end == GitResult::End::kExited && ran.result.exit_code <= 1) {
      return ran.result.exit_code == 0;
    }
    return Failed("compare histories", ran);
  }

  absl::StatusOr<MergeAttempt> Merge(const std::string& ours, const std::string& theirs) override {
    COORDHUB_ASSIGN_OR_RETURN(const Ran ran, Run({"merge-tree", "--write-tree", "-z", "--name-only",
                                                  "--no-messages", ours, theirs}));
    const bool answered = ran.result.end == GitResult::End::kExited && ran.result.exit_code <= 1;
    if (!answered) {
      // What has nothing in common git does not try.
      if (ran.result.error_text.find("unrelated histories") != std::string::npos) {
        return MergeAttempt();
      }
      return Failed("merge", ran);
    }
    const std::vector<std::string> parts = absl::StrSplit(ran.output, '\0', absl::SkipEmpty());
    if (parts.empty()) return Failed("merge", ran);
    MergeAttempt attempt;
    if (ran.result.exit_code == 0) {
      attempt.tree = parts[0];
      return attempt;
    }
    for (size_t i = 1; i < parts.size() && attempt.conflict_paths.size() < kMaxPaths; ++i) {
      attempt.conflict_paths.push_back(base::ToValidUtf8(parts[i]));
    }
    return attempt;
  }

  absl::StatusOr<std::string> Commit(const NewCommit& commit) override {
    std::vector<std::string> arguments = {"commit-tree", commit.tree, "-m", commit.message};
    for (const std::string& parent : commit.parents) {
      arguments.push_back("-p");
      arguments.push_back(parent);
    }
    COORDHUB_ASSIGN_OR_RETURN(const bool sign, Signs());
    if (sign) arguments.insert(arguments.begin() + 1, "-S");
    std::vector<std::string> people = {
        absl::StrCat("GIT_AUTHOR_NAME=", commit.author.name),
        absl::StrCat("GIT_AUTHOR_EMAIL=", commit.author.address),
        absl::StrCat("GIT_COMMITTER_NAME=", commit.committer.name),
        absl::StrCat("GIT_COMMITTER_EMAIL=", commit.committer.address)};
    if (!commit.author_date.empty()) {
      people.push_back(absl::StrCat("GIT_AUTHOR_DATE=", commit.author_date));
    }
    COORDHUB_ASSIGN_OR_RETURN(const Ran ran, Run(std::move(arguments), std::move(people)));
    if (!ran.result.ok()) return Failed(sign ? "sign a commit" : "commit", ran);
    return Trimmed(ran.output);
  }

  absl::StatusOr<std::pair<Person, std::string>> AuthorOf(const std::string& commit) override {
    COORDHUB_ASSIGN_OR_RETURN(const Ran ran, Run({"log", "-1", "--no-show-signature", "--date=raw",
                                                  "--format=%an%x00%ae%x00%ad", commit}));
    if (!ran.result.ok()) return Failed("read a commit", ran);
    const std::vector<std::string> parts = absl::StrSplit(Trimmed(ran.output), '\0');
    if (parts.size() != 3) return Failed("read a commit", ran);
    return std::pair(Person{parts[0], parts[1]}, absl::StrCat("@", parts[2]));
  }

  Person ConfiguredPerson() override { return {Config("user.name"), Config("user.email")}; }

  absl::StatusOr<std::string> TreeOf(const std::string& commit) override {
    return Verify(absl::StrCat(commit, "^{tree}"), commit);
  }

  absl::StatusOr<std::string> SubjectOf(const std::string& commit) override {
    COORDHUB_ASSIGN_OR_RETURN(const Ran ran,
                              Run({"log", "-1", "--no-show-signature", "--format=%s", commit}));
    if (!ran.result.ok()) return Failed("read a commit", ran);
    return Trimmed(base::ToValidUtf8(ran.output));
  }

  absl::Status MoveBranch(const std::string& branch, const std::string& new_commit,
                          const std::string& old_commit, const std::string& reason) override {
    const std::string ref = absl::StrCat("refs/heads/", branch);
    COORDHUB_ASSIGN_OR_RETURN(const Ran ran, Run({"update-ref", "--create-reflog", "-m", reason,
                                                  ref, new_commit, old_commit}));
    if (ran.result.ok()) return absl::OkStatus();
    const absl::StatusOr<std::string> head = HeadOf(branch);
    if (head.ok() && *head == old_commit) return Failed("move the target", ran);
    return base::MakeError(
        v1::ERROR_REASON_REVISION_MISMATCH,
        absl::StrCat(branch, " was moved by somebody else meanwhile, to ",
                     head.value_or("nowhere")),
        {{"expected_revision", old_commit}, {"current_revision", head.value_or("")}});
  }

  absl::Status UpdateCheckout(const std::string& worktree, const std::string& from_commit,
                              const std::string& to_commit) override {
    // With an index as it stands on the disk, so that what only seems to be changed does not.
    COORDHUB_RETURN_IF_ERROR(RunIn(worktree, {"update-index", "-q", "--refresh"}).status());
    COORDHUB_RETURN_IF_ERROR(CheckObstacles(worktree, from_commit, to_commit));
    COORDHUB_ASSIGN_OR_RETURN(const Ran ran,
                              RunIn(worktree, {"read-tree", "-m", "-u", "--no-recurse-submodules",
                                               from_commit, to_commit}));
    if (ran.result.ok()) return absl::OkStatus();
    return Dirty(worktree, absl::StrCat("git refuses to update ", worktree, ": ",
                                        base::OneLine(ran.result.Explain(), 1000)));
  }

  absl::StatusOr<bool> HasTrackedChanges(const std::string& worktree) override {
    COORDHUB_ASSIGN_OR_RETURN(
        const Ran ran, RunIn(worktree, {"status", "--porcelain", "-z", "--untracked-files=no"}));
    if (!ran.result.ok()) return Failed("look at a worktree", ran);
    return !ran.output.empty();
  }

  absl::StatusOr<std::vector<std::string>> CheckoutsOf(const std::string& branch) override {
    COORDHUB_ASSIGN_OR_RETURN(const Ran ran, Run({"worktree", "list", "--porcelain", "-z"}));
    if (!ran.result.ok()) return Failed("list worktrees", ran);
    const std::string wanted = absl::StrCat("branch refs/heads/", branch);
    std::vector<std::string> found;
    std::string worktree;
    for (const absl::string_view line : absl::StrSplit(ran.output, '\0')) {
      constexpr std::string_view kWorktree = "worktree ";
      if (line.substr(0, kWorktree.size()) == ToAbsl(kWorktree)) {
        worktree = std::string(line.substr(kWorktree.size()));
      } else if (line == wanted) {
        found.push_back(worktree);
      }
    }
    return found;
  }

  absl::StatusOr<std::vector<std::string>> ReachableFrom(const std::string& head,
                                                         const std::vector<std::string>& commits,
                                                         int max) override {
    const std::set<std::string> wanted(commits.begin(), commits.end());
    if (wanted.empty()) return std::vector<std::string>();
    COORDHUB_ASSIGN_OR_RETURN(const Ran ran,
                              Run({"rev-list", absl::StrCat("--max-count=", max), head}));
    if (!ran.result.ok()) return Failed("walk a history", ran);
    std::vector<std::string> found;
    for (const absl::string_view line : absl::StrSplit(ran.output, '\n', absl::SkipEmpty())) {
      std::string commit(line);
      if (wanted.contains(commit)) found.push_back(std::move(commit));
    }
    return found;
  }

  void Cancel() override { cancel_.Cancel(); }

 private:
  struct Ran {
    GitResult result;
    std::string output;
  };

  absl::StatusOr<Ran> Run(std::vector<std::string> arguments,
                          std::vector<std::string> environment = {}) {
    const std::vector<std::string> where = worktree_.empty()
                                               ? std::vector<std::string>{"--git-dir", common_dir_}
                                               : std::vector<std::string>{"-C", worktree_};
    arguments.insert(arguments.begin(), where.begin(), where.end());
    arguments.insert(arguments.begin(), {"-c", "core.hooksPath=/dev/null"});
    return RunCommand(std::move(arguments), std::move(environment));
  }
  absl::StatusOr<Ran> RunIn(const std::string& worktree, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"-c", "core.hooksPath=/dev/null", "-C", worktree});
    return RunCommand(std::move(arguments), {});
  }
  absl::StatusOr<Ran> RunCommand(std::vector<std::string> arguments,
                                 std::vector<std::string> environment) {
    Ran ran;
    GitCommand command;
    command.arguments = std::move(arguments);
    command.environment = environment_;
    command.environment.insert(command.environment.end(), environment.begin(), environment.end());
    command.on_output = [&ran](std::string_view piece) { ran.output.append(piece); };
    command.cancel = &cancel_;
    COORDHUB_ASSIGN_OR_RETURN(ran.result, RunGit(command));
    return ran;
  }

  absl::Status CheckObstacles(const std::string& worktree, const std::string& from_commit,
                              const std::string& to_commit) {
    COORDHUB_ASSIGN_OR_RETURN(const Ran diff,
                              RunIn(worktree, {"diff-tree", "--raw", "-r", "-z", "--no-renames",
                                               "--no-abbrev", from_commit, to_commit}));
    if (!diff.result.ok()) return Failed("compare commits", diff);
    CheckoutKnowledge knowledge;
    knowledge.is_tracked = [&](const std::string& path) -> absl::StatusOr<bool> {
      COORDHUB_ASSIGN_OR_RETURN(
          const Ran ran, RunIn(worktree, {"--literal-pathspecs", "ls-files", "-z", "--", path}));
      if (!ran.result.ok()) return Failed("read the index", ran);
      return ran.output == path + '\0';
    };
    knowledge.blob_of = [&](const std::string& path) -> absl::StatusOr<std::string> {
      COORDHUB_ASSIGN_OR_RETURN(const Ran ran, RunIn(worktree, {"hash-object", "--", path}));
      if (!ran.result.ok()) return Failed("read a file", ran);
      return Trimmed(ran.output);
    };
    COORDHUB_ASSIGN_OR_RETURN(const std::string obstacle,
                              FindObstacle(worktree, ParseAdded(diff.output), knowledge));
    if (obstacle.empty()) return absl::OkStatus();
    return Dirty(worktree,
                 absl::StrCat(base::OneLine(obstacle, 500), " in ", worktree,
                              " would be overwritten, and no commit has it (also what git ignores "
                              "is somebody's): move it away"));
  }

  static absl::Status Dirty(const std::string& worktree, const std::string& why) {
    return base::MakeError(v1::ERROR_REASON_WORKTREE_DIRTY, why, {{"worktree", worktree}});
  }

  static absl::Status Failed(const std::string& operation, const Ran& ran) {
    return base::MakeError(
        v1::ERROR_REASON_IO_FAILED,
        absl::StrCat("git cannot ", operation, ": ", base::OneLine(ran.result.Explain(), 1000)),
        {{"operation", operation}});
  }

  absl::StatusOr<std::string> Verify(const std::string& revision, const std::string& name) {
    COORDHUB_ASSIGN_OR_RETURN(
        const Ran ran, Run({"rev-parse", "--verify", "--quiet", "--end-of-options", revision}));
    if (ran.result.ok()) return Trimmed(ran.output);
    if (ran.result.end != GitResult::End::kExited) return Failed("read a revision", ran);
    return base::MakeError(v1::ERROR_REASON_BRANCH_NOT_FOUND,
                           absl::StrCat("there is no branch or commit ", name), {{"branch", name}});
  }

  std::string Config(const std::string& key) {
    const absl::StatusOr<Ran> ran = Run({"config", "--get", key});
    return ran.ok() && ran->result.ok() ? Trimmed(ran->output) : std::string();
  }

  absl::StatusOr<bool> Signs() {
    COORDHUB_ASSIGN_OR_RETURN(const Ran ran,
                              Run({"config", "--type=bool", "--get", "commit.gpgSign"}));
    return ran.result.ok() && Trimmed(ran.output) == "true";
  }

  const std::string common_dir_;
  const std::string worktree_;
  std::vector<std::string> environment_;
  const GitCancel cancel_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Integrator>> Integrator::Open(const std::string& common_dir,
                                                             const std::string& worktree,
                                                             const std::string& quarantine) {
  return std::make_unique<GitIntegrator>(common_dir, worktree, quarantine);
}

}  // namespace coordhub::git
