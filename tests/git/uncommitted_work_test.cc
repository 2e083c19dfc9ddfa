// Pictures of what is not committed, and merges with them.
#include "hub/git/uncommitted_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "agent/base/error.h"
#include "hub/git/merger.h"
#include "tests/git/scratch_repository.h"

namespace coordhub::git {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(60);

class UncommittedWorkTest : public ::testing::Test {
 protected:
  UncommittedWorkTest() {
    repository_.InitWithCommit();
    repository_.Write(".gitignore", "ignored\n");
    repository_.Write("gone", "soon\n");
    repository_.CommitAll("more");
    repository_.Git("branch conversation-1");
  }

  std::unique_ptr<UncommittedWork> Take(const std::string& top = "") {
    auto taken = UncommittedWork::Take(repository_.common_dir(),
                                       top.empty() ? repository_.top() : top, kTimeout);
    EXPECT_TRUE(taken.ok()) << taken.status();
    return taken.ok() ? *std::move(taken) : nullptr;
  }
  // What git prints of the picture's objects.
  std::string Show(const UncommittedWork& work, const std::string& what) const {
    return repository_.Run("GIT_ALTERNATE_OBJECT_DIRECTORIES='" + work.objects() + "' git " + what);
  }

  const ScratchRepository repository_;
};

TEST_F(UncommittedWorkTest, OfACleanWorktreeThereIsNone) {
  EXPECT_EQ(Take(), nullptr);
  repository_.Write("ignored", "by git\n");
  EXPECT_EQ(Take(), nullptr);
}

TEST_F(UncommittedWorkTest, HasWhatIsChangedNewAndDeletedAndNothingIgnored) {
  repository_.Write("file", "two\n");
  repository_.Write("new/file", "new\n");
  repository_.Write("ignored", "by git\n");
  std::filesystem::remove(repository_.top() + "/gone");
  const auto work = Take();
  ASSERT_NE(work, nullptr);
  EXPECT_EQ(Show(*work, "diff --name-status --no-renames main " + work->commit()),
            "M\tfile\nD\tgone\nA\tnew/file");
  EXPECT_EQ(Show(*work, "rev-parse " + work->commit() + "^"), repository_.Git("rev-parse main"));
}

TEST_F(UncommittedWorkTest, LeavesNothingBehindAndTouchesNoIndex) {
  repository_.Write("file", "two\n");
  repository_.Write("new", "new\n");
  repository_.Git("add new");
  const std::string before = repository_.Run("sha256sum .git/index; git count-objects -v");
  std::string objects;
  {
    const auto work = Take();
    ASSERT_NE(work, nullptr);
    objects = work->objects();
    EXPECT_TRUE(std::filesystem::exists(objects));
  }
  EXPECT_FALSE(std::filesystem::exists(objects));
  EXPECT_EQ(repository_.Run("sha256sum .git/index; git count-objects -v"), before);
}

TEST_F(UncommittedWorkTest, OfALinkedWorktreeIsItsOwn) {
  const std::string linked = repository_.Beside("linked");
  repository_.Git("worktree add -q '" + linked + "' conversation-1");
  repository_.Write("file", "in the main one\n");
  EXPECT_EQ(Take(linked), nullptr);
  repository_.Write("../linked/file", "in the linked one\n");
  const auto work = Take(linked);
  ASSERT_NE(work, nullptr);
  EXPECT_EQ(Show(*work, "show " + work->commit() + ":file"), "in the linked one");
}

TEST_F(UncommittedWorkTest, OfWhatIsNoWorktreeNothingIsTold) {
  const auto taken =
      UncommittedWork::Take(repository_.common_dir(), repository_.Beside("nowhere"), kTimeout);
  EXPECT_EQ(base::ReasonOf(taken.status()), v1::ERROR_REASON_NOT_OBSERVED);
}

TEST_F(UncommittedWorkTest, AMergerThatIsGivenItsObjectsMergesIt) {
  const std::string linked = repository_.Beside("linked");
  repository_.Git("worktree add -q '" + linked + "' conversation-1");
  repository_.Write("../linked/file", "theirs\n");
  repository_.Git("commit -qam theirs", linked);
  repository_.Write("file", "ours\n");
  const auto work = Take();
  ASSERT_NE(work, nullptr);
  MergerOptions options;
  options.more_objects = {work->objects()};
  auto merger = Merger::Open(repository_.common_dir(), options);
  ASSERT_TRUE(merger.ok()) << merger.status();
  const std::string theirs = repository_.Git("rev-parse conversation-1");
  const MergeVerdict verdict = (*merger)->Compare(work->commit(), theirs);
  EXPECT_EQ(verdict.problem, "");
  ASSERT_EQ(verdict.conflict_count, 1);
  EXPECT_EQ(verdict.conflicts[0].path, "file");
  const MergedTree merged = (*merger)->Preview(work->commit(), theirs);
  EXPECT_THAT(merged.hunks, ::testing::HasSubstr("\nours\n"));
  EXPECT_THAT(merged.hunks, ::testing::HasSubstr("\ntheirs\n"));
  // One that merges, with content that the repository does not have.
  const MergedTree clean = (*merger)->Preview(work->commit(), repository_.Git("rev-parse main"));
  EXPECT_TRUE(clean.verdict.clean()) << clean.verdict.problem;
}

}  // namespace
}  // namespace coordhub::git
