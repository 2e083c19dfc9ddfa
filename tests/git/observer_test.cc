#include "hub/git/observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/base/sha256.h"
#include "tests/git/scratch_repository.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ObserverTest : public ::testing::Test {
 protected:
  void Open(const std::string& common_dir = "") {
    options_.clock = &clock_;
    auto observer = Observer::Open(common_dir.empty() ? repo_.common_dir() : common_dir, options_);
    ASSERT_TRUE(observer.ok()) << observer.status();
    observer_ = *std::move(observer);
  }
  ObservationPtr Observe() const {
    const auto seen = observer_->Observe();
    EXPECT_TRUE(seen.ok()) << seen.status();
    return seen.ok() ? *seen : std::make_shared<const Observation>();
  }
  static std::vector<std::string> Names(const Observation& seen) {
    std::vector<std::string> names;
    for (const auto& branch : seen.branches) names.push_back(branch->branch.branch());
    return names;
  }

  ScratchRepository repo_;
  base::SystemClock clock_;
  ObserverOptions options_;
  std::unique_ptr<Observer> observer_;
};

TEST_F(ObserverTest, SeesARepository) {
  repo_.InitWithCommit();
  repo_.Git("switch -q -c conversation-1");
  repo_.Write("src/a", "a\n");
  repo_.Write("b", "b\n");
  repo_.CommitAll("work");
  repo_.Write("file", "two\n");
  Open();
  EXPECT_EQ(observer_->latest(), nullptr);
  const ObservationPtr seen = Observe();
  EXPECT_EQ(observer_->latest(), seen);
  EXPECT_FALSE(seen->is_bare);
  EXPECT_EQ(seen->main_worktree, repo_.top());
  EXPECT_EQ(seen->current_branch, "conversation-1");
  EXPECT_EQ(seen->target, "main");
  EXPECT_EQ(seen->target_commit, repo_.Git("rev-parse main"));
  EXPECT_THAT(seen->problems, IsEmpty());
  ASSERT_THAT(Names(*seen), ElementsAre("conversation-1"));
  const v1::Branch& branch = seen->branches[0]->branch;
  EXPECT_EQ(branch.commit(), repo_.Git("rev-parse HEAD"));
  EXPECT_EQ(branch.target(), "main");
  EXPECT_EQ(branch.merge_base(), repo_.Git("rev-parse main"));
  EXPECT_EQ(branch.ahead(), 1);
  EXPECT_EQ(branch.behind(), 0);
  EXPECT_EQ(branch.changed_path_count(), 2);
  EXPECT_THAT(seen->branches[0]->paths, ElementsAre("b", "src/a"));
  EXPECT_EQ(branch.changed_paths_digest(),
            base::HexEncode(base::Sha256(std::string_view("b\0src/a\0", 8))));
  const v1::Worktree* worktree = seen->FindMainWorktree();
  ASSERT_NE(worktree, nullptr);
  EXPECT_EQ(worktree->changed_files(), 1);
  EXPECT_EQ(worktree->branch(), "conversation-1");
  EXPECT_EQ(worktree->problem(), "");
}

}  // namespace
}  // namespace coordhub::git
