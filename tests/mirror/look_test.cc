// How often shared_state/ is looked through for what others put there.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/time/time.h"
#include "agent/base/unique_fd.h"
#include "tests/mirror/shared_state_fixture.h"

namespace coordhub::mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LookTest : public SharedStateTest {};

TEST_F(LookTest, WhereChangesAreToldItLooksThenAndElseRarely) {
  Start();
  int looks = 0;
  mirror_->SetWatch([&] {
    ++looks;
    return true;
  });
  Run(absl::Seconds(14));
  EXPECT_EQ(looks, 1);
  Write("inbox/told", "- told\n");
  mirror_->LookSoon();
  Run(absl::ZeroDuration());
  EXPECT_EQ(looks, 2);
  EXPECT_THAT(TitlesInOrder(), ElementsAre("told"));

  // A storm is not looked at more often than without.
  for (int i = 0; i < 10; ++i) {
    mirror_->LookSoon();
    Run(absl::Milliseconds(100));
  }
  EXPECT_LE(looks, 4);
  const int before = looks;
  Write("inbox/not told", "- not told\n");
  Run(absl::Seconds(16));
  EXPECT_GE(looks, before + 1);
  EXPECT_LE(looks, before + 2);
  EXPECT_THAT(TitlesInOrder(), ElementsAre("told", "not told"));
}

TEST_F(LookTest, WhereChangesCannotBeToldItLooksAllTheTime) {
  Start();
  int looks = 0;
  mirror_->SetWatch([&] {
    ++looks;
    return false;
  });
  Run(absl::Seconds(10));
  EXPECT_GE(looks, 9);
}

// Else the next step, which did not look, would call it healed.
TEST_F(LookTest, WhatFailedIsLookedAtAgainAlsoWhereChangesAreTold) {
  Start();
  std::filesystem::remove(Path("inbox"));
  std::filesystem::create_directory_symlink(temp_.path(), Path("inbox"));
  int looks = 0;
  mirror_->SetWatch([&] {
    ++looks;
    return true;
  });
  Run(absl::Seconds(10));
  EXPECT_GE(looks, 4);
  EXPECT_NE(mirror_->problem(), "");
  std::filesystem::remove(Path("inbox"));
  Run(absl::Seconds(3));
  EXPECT_EQ(mirror_->problem(), "");
}

// Its end is no change of a file.
TEST_F(LookTest, AFileInTheInboxThatSomebodyHasOpenIsLookedAtAgain) {
  Start();
  mirror_->SetWatch([] { return true; });
  Run(absl::Seconds(1));
  Write("inbox/slow", "- slow\n");
  base::UniqueFd reader(open(Path("inbox/slow").c_str(), O_RDONLY | O_CLOEXEC));
  mirror_->LookSoon();
  Run(absl::Seconds(3));
  EXPECT_THAT(hub_.Titles(), IsEmpty());
  reader.Reset();
  Run(absl::Seconds(3));
  EXPECT_THAT(TitlesInOrder(), ElementsAre("slow"));
}

}  // namespace
}  // namespace coordhub::mirror
