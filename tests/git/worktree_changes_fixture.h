// A repository whose worktrees are made and removed.

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <string_view>
#include <utility>

#include "agent/base/error.h"
#include "hub/git/worktree_changes.h"
#include "tests/git/scratch_repository.h"
#include "tests/support/child.h"

namespace coordhub::git {

class WorktreeChangesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    repo_.InitWithCommit();
    repo_.Write("shared_state/tickets.md", "");
    repo_.Run("echo /shared_state >> .git/info/exclude; echo '*.o' > .gitignore");
    repo_.CommitAll("second");
  }

  WorktreeWork Work(const std::string& name, const std::string& id = "log-O-1") const {
    WorktreeWork work;
    work.common_dir = repo_.common_dir();
    work.id = id;
    work.path = repo_.Beside(name);
    work.link_path = "shared_state";
    work.link_target = repo_.top() + "/shared_state";
    return work;
  }
  absl::StatusOr<MadeWorktree> Make(const std::string& name, NewWorktree wanted = {}) const {
    if (wanted.branch.empty()) wanted.branch = name;
    return MakeWorktree(Work(name), wanted);
  }
  WorktreeRemoval Removal() const {
    WorktreeRemoval removal;
    removal.target = "main";
    removal.target_commit = repo_.Git("rev-parse main");
    return removal;
  }
  absl::StatusOr<RemovedWorktree> Remove(const std::string& name) const {
    return RemoveWorktree(Work(name, "log-O-2"), Removal());
  }
  // Everything of a worktree, to the byte.
  std::string Checksums(const std::string& name) const {
    return repo_.Run("find . -type f -print0 | sort -z | xargs -0 sha256sum", repo_.Beside(name));
  }
  // Expects a refusal that says `what`, and that all is as it was.
  void ExpectStays(const std::string& name, const std::string& what) const {
    const std::string before = Checksums(name);
    const std::string listed = repo_.Git("worktree list --porcelain");
    const auto removed = Remove(name);
    EXPECT_EQ(base::ReasonOf(removed.status()), v1::ERROR_REASON_WORKTREE_DIRTY) << what;
    EXPECT_THAT(std::string(removed.status().message()), ::testing::HasSubstr(what));
    EXPECT_EQ(base::MetadataOf(removed.status(), "worktree"), repo_.Beside(name));
    EXPECT_EQ(Checksums(name), before);
    EXPECT_EQ(repo_.Git("worktree list --porcelain"), listed);
    ExpectNoRest();
  }
  // Nothing of the hub's is beside worktrees or in the git directory.
  void ExpectNoRest() const {
    EXPECT_EQ(repo_.Run("ls -A .. | grep '^[.]coordhub' || true"), "");
    EXPECT_EQ(repo_.Run("ls -A .git/coordhub 2>/dev/null || true"), "");
  }
  static std::string FieldOf(const absl::Status& status) {
    return base::MetadataOf(status, "field");
  }
  // Runs `work` in a process that ends when it comes to `percent`.
  template <class Fn>
  static void KillAt(int percent, WorktreeWork work, Fn&& run) {
    test::ReportingChild child([&](int) {
      work.progress = [percent](int now, std::string_view) {
        if (now >= percent) raise(SIGKILL);
      };
      run(work);
    });
    EXPECT_EQ(child.ReadLine(), "");
  }

  const ScratchRepository repo_;
};

}  // namespace coordhub::git
