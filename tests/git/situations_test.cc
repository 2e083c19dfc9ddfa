// What the hub counts is what `git status --porcelain | wc -l` prints: in every situation, for
// every worktree, at a first look and when the repository came into the situation under
// observation.

#include "tests/git/situations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

#include "agent/base/clock.h"
#include "hub/git/status_count.h"
#include "tests/git/live_observer.h"
#include "tests/git/scratch_repository.h"

namespace coordhub::git {
namespace {

class SituationTest : public ::testing::TestWithParam<Situation> {
 protected:
  void Bash(const std::string& script) const {
    repo_.Write("../script", "set -e\nexec >/dev/null 2>&1\n" + script + "\n");
    repo_.Run("bash ../script");
  }
  // By the top directory.
  std::map<std::string, int> AskGit(const Observation& seen) const {
    std::map<std::string, int> counts;
    for (const v1::Worktree& worktree : seen.worktrees) {
      counts[worktree.path()] =
          std::atoi(repo_.Run("git status --porcelain | wc -l", worktree.path()).c_str());
    }
    return counts;
  }
  static std::map<std::string, int> Counts(const Observation& seen) {
    std::map<std::string, int> counts;
    for (const v1::Worktree& worktree : seen.worktrees) {
      EXPECT_EQ(worktree.problem(), "") << worktree.path();
      counts[worktree.path()] = worktree.changed_files();
    }
    return counts;
  }

  void SetUp() override {
    std::filesystem::create_directories(repo_.top());
    Bash(kBeginning);
  }

  ScratchRepository repo_;
};

TEST_P(SituationTest, CountsAreGits) {
  LiveObserver live(repo_.common_dir());
  EXPECT_THAT(Counts(*live.Observe()), ::testing::ElementsAre(::testing::Pair(repo_.top(), 0)));
  Bash(GetParam().script);

  LiveObserver fresh(repo_.common_dir());
  const ObservationPtr seen = fresh.Observe();
  const std::map<std::string, int> expected = AskGit(*seen);
  EXPECT_EQ(Counts(*seen), expected);
  EXPECT_TRUE(live.Await([&](const Observation& now) { return Counts(now) == expected; }))
      << ::testing::PrintToString(Counts(*live.Observe())) << " should be "
      << ::testing::PrintToString(expected);

  // What a hub counts where the git program is missing; other numbers are known, not asked for.
  if (GetParam().libgit2_differs != nullptr) return;
  std::map<std::string, int> without_git;
  for (const auto& [top, count] : expected)
    without_git[top] = static_cast<int>(CountChangedFilesWithoutGit({"", top}).value_or(-1));
  EXPECT_EQ(without_git, expected);
}

INSTANTIATE_TEST_SUITE_P(Of, SituationTest, ::testing::ValuesIn(Situations()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(SituationsTest, AreAtLeastFifty) { EXPECT_GE(Situations().size(), 50u); }

}  // namespace
}  // namespace coordhub::git
