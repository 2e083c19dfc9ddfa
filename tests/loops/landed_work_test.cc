// Work that reached the target by other ways than a round; with real repositories.
#include "hub/loops/landed_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/git/scratch_repository.h"

namespace coordhub::loops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LandedWorkTest : public ::testing::Test {
 protected:
  LandedWorkTest() {
    repo_.InitWithCommit();
    LandedWorkOptions options;
    options.common_dir = repo_.common_dir();
    options.view = [this] { return std::make_shared<core::View>(view_); };
    options.record = [this](const core::MarkIntegrated& landed) {
      EXPECT_EQ(landed.target, "main");
      for (const core::IntegratedTicket& ticket : landed.tickets) {
        EXPECT_EQ(ticket.commit, repo_.Git("rev-parse main"));
        marked_.push_back(ticket.number);
        Finish(ticket.number, "", /*integrated=*/true);
      }
      return absl::OkStatus();
    };
    landed_ = std::make_unique<LandedWork>(std::move(options));
  }

  // Ticket `number` is DONE at this commit.
  void Finish(int64_t number, const std::string& commit, bool integrated = false) {
    auto ticket = std::make_shared<v1::Ticket>();
    ticket->set_ticket_id(absl::StrCat("T-", number));
    ticket->set_state(v1::Ticket::STATE_DONE);
    ticket->mutable_outcome()->set_commit(commit);
    if (integrated) ticket->mutable_integration()->set_target("main");
    view_.records.tickets_by_state.Put({v1::Ticket::STATE_DONE, number}, ticket);
  }
  // A commit on a branch of its own that adds `file`, off main.
  std::string Work(const std::string& branch) const {
    repo_.Git("switch -q -c " + branch + " main");
    repo_.Write(branch, "one\ntwo\n");
    repo_.CommitAll("begins " + branch);
    repo_.Write(branch, "one\ntwo\nthree\n");
    repo_.CommitAll("ends " + branch);
    repo_.Git("switch -q main");
    return repo_.Git("rev-parse " + branch);
  }
  // The tickets that a step marks.
  std::vector<int64_t> Step() {
    git::Observation seen;
    seen.target = "main";
    seen.target_commit = repo_.Git("rev-parse main");
    marked_.clear();
    for (bool more = true; more;) {
      const absl::StatusOr<bool> stepped = landed_->Step(seen);
      EXPECT_TRUE(stepped.ok()) << stepped.status();
      more = stepped.ok() && *stepped;
    }
    return marked_;
  }

  const git::ScratchRepository repo_;
  core::View view_;
  std::vector<int64_t> marked_;
  std::unique_ptr<LandedWork> landed_;
};

TEST_F(LandedWorkTest, AMergeASquashAndARebaseByHandAreNoticed) {
  Finish(1, Work("merged"));
  Finish(2, Work("squashed"));
  Finish(3, Work("rebased"));
  Finish(4, Work("open"));
  EXPECT_THAT(Step(), IsEmpty());
  repo_.Git("merge -q --no-edit merged");
  EXPECT_THAT(Step(), ElementsAre(1));
  repo_.Git("merge -q --squash squashed");
  repo_.CommitAll("all of squashed");
  EXPECT_THAT(Step(), ElementsAre(2));
  repo_.Git("cherry-pick main..rebased");
  EXPECT_THAT(Step(), ElementsAre(3));
  EXPECT_THAT(Step(), IsEmpty()) << "once";
}

TEST_F(LandedWorkTest, AHalfOfItIsNotIt) {
  const std::string whole = Work("task");
  Finish(1, whole);
  repo_.Git("cherry-pick task~1");
  EXPECT_THAT(Step(), IsEmpty());
  repo_.Git("cherry-pick task");
  EXPECT_THAT(Step(), ElementsAre(1));
}

TEST_F(LandedWorkTest, ATicketThatIsDoneLaterThanItsWorkLandedIsNoticed) {
  const std::string whole = Work("task");
  repo_.Git("merge -q task");
  EXPECT_THAT(Step(), IsEmpty());
  Finish(1, whole.substr(0, 12));
  EXPECT_THAT(Step(), ElementsAre(1)) << "also by a shortened id";
}

TEST_F(LandedWorkTest, WhatTheRepositoryDoesNotHaveDidNotLand) {
  Finish(1, std::string(40, 'a'));
  Finish(2, "");
  EXPECT_THAT(Step(), IsEmpty());
}

TEST_F(LandedWorkTest, WhereGitCannotTellNothingLandedAndNobodyAsksAtOnceAgain) {
  Finish(1, Work("task"));
  git::Observation seen;
  seen.target = "main";
  seen.target_commit = std::string(40, 'b');  // that is not here
  const absl::StatusOr<bool> more = landed_->Step(seen);
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_FALSE(*more);
  EXPECT_THAT(marked_, IsEmpty());
}

TEST_F(LandedWorkTest, MoreThanOneStepTriesAreTriedInSeveral) {
  for (int i = 1; i <= LandedWork::kTrials + 5; ++i) {
    Finish(i, repo_.Git("commit-tree -m work -p main main^{tree} | tr -d \"\\n\""));
  }
  EXPECT_EQ(Step().size(), LandedWork::kTrials + 5u) << "they bring nothing that main lacks";
}

TEST_F(LandedWorkTest, NothingIsLeftInTheRepository) {
  Finish(1, Work("a"));
  Finish(2, Work("b"));
  repo_.Git("merge -q a");
  const std::string before = repo_.Run("find .git -type f | sort | xargs sha256sum");
  Step();
  EXPECT_EQ(repo_.Run("find .git -type f | sort | xargs sha256sum"), before);
}

}  // namespace
}  // namespace coordhub::loops
