// What is compared with what, and what is told of it; with real repositories.
#include "hub/loops/radar_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/manual_clock.h"
#include "hub/core/proto_time.h"
#include "hub/git/observer.h"
#include "hub/loops/round_needs.h"
#include "tests/git/scratch_repository.h"

namespace coordhub::loops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> NamesOf(const std::vector<git::RadarHead>& heads) {
  std::vector<std::string> names;
  for (const git::RadarHead& head : heads) names.push_back(head.branch);
  return names;
}

// Views with branches, agents and rounds.
class Views {
 public:
  Views& Branch(const std::string& name, absl::Time moved, const std::string& owner = "") {
    auto branch = std::make_shared<v1::Branch>();
    branch->set_branch(name);
    branch->set_commit("1");
    branch->set_owner_agent_id(owner);
    *branch->mutable_observe_time() = core::ToProto(moved);
    view_.records.of<core::tables::Branches>().Put(name, branch);
    return *this;
  }
  Views& Agent(const std::string& id, const std::string& branch, v1::Agent::State state) {
    auto agent = std::make_shared<v1::Agent>();
    agent->set_agent_id(id);
    agent->set_branch(branch);
    agent->set_state(state);
    view_.records.of<core::tables::Agents>().Put(id, agent);
    return *this;
  }
  // An active round of one member, on the target `release`.
  Views& Round(
      const std::string& member, const std::function<void(v1::Round*)>& with = [](v1::Round*) {}) {
    auto round = std::make_shared<v1::Round>();
    round->set_round_id("C-1");
    round->set_state(v1::Round::STATE_OPEN);
    round->set_target("release");
    round->add_members()->set_branch(member);
    with(round.get());
    view_.records.RoundLists::Change(core::Tag<core::tables::Rounds>(), 1, nullptr, round);
    view_.records.of<core::tables::Rounds>().Put(1, round);
    return *this;
  }
  Views& Conflict(const std::string& a, const std::string& b) {
    auto conflict = std::make_shared<v1::Conflict>();
    conflict->set_branch_a(a);
    conflict->set_branch_b(b);
    view_.records.of<core::tables::Conflicts>().Put({a, b}, conflict);
    return *this;
  }
  const core::View& view() const { return view_; }
  std::shared_ptr<const core::View> Build() const { return std::make_shared<core::View>(view_); }

 private:
  core::View view_;
};

git::Observation Seen(const std::vector<std::string>& names, const std::string& target = "main") {
  git::Observation seen;
  for (const std::string& name : names) {
    auto observed = std::make_shared<git::ObservedBranch>();
    observed->branch.set_branch(name);
    observed->branch.set_commit("1");
    seen.branches.push_back(observed);
  }
  seen.target = target;
  seen.target_commit = target.empty() ? "" : "0";
  return seen;
}

const absl::Time kNow = absl::FromUnixSeconds(1'753'790'400);
const absl::Time kLongAgo = kNow - kOpenBranchAge - absl::Hours(1);

TEST(HeadsToCompare, AreOpenBranchesThoseOfRoundsAndTheTarget) {
  Views views;
  views.Branch("idle", kLongAgo)
      .Branch("moved", kNow - absl::Hours(1))
      .Branch("owned", kLongAgo, "zoe")
      .Branch("member", kLongAgo)
      .Branch("release", kLongAgo)
      .Round("member");
  const git::Observation seen =
      Seen({"idle", "member", "moved", "never recorded", "owned", "release"});
  EXPECT_THAT(NamesOf(HeadsToCompare(views.view(), seen, kNow)),
              ElementsAre("main", "member", "moved", "owned", "release"));
  EXPECT_THAT(NamesOf(HeadsToCompare(views.view(), Seen({"moved", "owned"}, ""), kNow)),
              ElementsAre("moved", "owned"))
      << "without a target";
}

TEST(HeadsToCompare, TheTargetIsOneOfThemOnce) {
  Views views;
  views.Branch("main", kNow).Branch("task-1", kNow);
  const auto heads = HeadsToCompare(views.view(), Seen({"main", "task-1"}), kNow);
  EXPECT_THAT(NamesOf(heads), ElementsAre("main", "task-1"));
  EXPECT_EQ(heads[0].commit, "0");
}

TEST(HeadsToCompare, OfTooManyThoseOfRoundsAndOfAgentsStay) {
  Views views;
  std::vector<std::string> names;
  for (size_t i = 0; i < git::Radar::kMaxHeads + 10; ++i) {
    names.push_back(absl::StrCat("b", 10000 + i));
    views.Branch(names.back(), kNow);
  }
  names.push_back("y");
  names.push_back("z");
  views.Branch("y", kLongAgo).Branch("z", kLongAgo, "zoe").Round("y");
  const auto heads = NamesOf(HeadsToCompare(views.view(), Seen(names), kNow));
  EXPECT_EQ(heads.size(), git::Radar::kMaxHeads);
  EXPECT_THAT(heads, testing::IsSupersetOf({"main", "y", "z", "b10000"}));
}

TEST(FillVerdict, NamesSomePathsAndCountsAll) {
  git::MergeVerdict verdict;
  for (int i = 0; i < 30; ++i)
    verdict.conflicts.push_back({absl::StrCat("f", 10 + i), v1::Conflict::KIND_RENAME});
  verdict.conflict_count = 31;
  v1::Conflict conflict;
  FillVerdict(verdict, &conflict);
  EXPECT_EQ(conflict.paths_size(), 20);
  EXPECT_EQ(conflict.path_kinds_size(), 20);
  EXPECT_EQ(conflict.path_count(), 31);
  EXPECT_EQ(conflict.kind(), v1::Conflict::KIND_RENAME);
  for (git::ConflictPath& path : verdict.conflicts) path.path = std::string(4000, 'x');
  v1::Conflict long_paths;
  FillVerdict(verdict, &long_paths);
  EXPECT_EQ(long_paths.paths_size(), 1) << "an event has room for many conflicts";
}

TEST(RoundNeeds, BranchesOfLiveAgentsAndOfActiveRoundsAreWanted) {
  Views views;
  views.Agent("zoe", "a", v1::Agent::STATE_ACTIVE)
      .Agent("adam", "b", v1::Agent::STATE_LEFT)
      .Round("c", [](v1::Round* round) {
        round->add_members()->set_branch("dropped");
        round->mutable_members(1)->set_state(v1::RoundMember::STATE_DROPPED);
      });
  EXPECT_THAT(WantedBranches(views.view()), ElementsAre("a", "c", "release"));
}

TEST(RoundNeeds, UncommittedWorkIsLookedAtWhereARoundAsks) {
  git::Observation seen;
  for (const auto& [branch, files] : {std::pair("c", 2), std::pair("d", 1), std::pair("e", 0)}) {
    v1::Worktree& worktree = seen.worktrees.emplace_back();
    worktree.set_branch(branch);
    worktree.set_changed_files(files);
  }
  EXPECT_THAT(UncommittedMembers(Views().Round("c").view(), seen), IsEmpty());
  const auto asks = [](v1::Round* round) {
    round->mutable_policy()->set_require_clean_worktrees(true);
  };
  EXPECT_THAT(UncommittedMembers(Views().Round("c", asks).view(), seen), ElementsAre("c"));
  EXPECT_THAT(UncommittedMembers(Views().Round("e", asks).view(), seen), IsEmpty());
}

TEST(RoundNeeds, TheNextLostMemberIsDroppedAfterItsRoundsPatience) {
  const auto lost = [](v1::Round* round) {
    *round->mutable_members(0)->mutable_lost_time() = core::ToProto(kNow);
  };
  const auto drops = [&](v1::Round* round) {
    lost(round);
    round->mutable_policy()->mutable_drop_lost_members_after()->set_seconds(60);
  };
  EXPECT_EQ(NextLostMember(Views().Round("c", lost).view()), absl::InfiniteFuture());
  EXPECT_EQ(NextLostMember(Views().Round("c", drops).view()), kNow + absl::Minutes(1));
  EXPECT_EQ(NextLostMember(Views()
                               .Round("c",
                                      [&](v1::Round* round) {
                                        drops(round);
                                        round->set_state(v1::Round::STATE_INTEGRATING);
                                      })
                               .view()),
            absl::InfiniteFuture());
}

// A repository with a target and two branches that change the same line.
class RadarStepTest : public ::testing::Test {
 protected:
  RadarStepTest() {
    repository_.Init();
    Commit("base");
    for (const char* branch : {"conversation-1", "conversation-2"}) {
      repository_.Git(absl::StrCat("switch -q -c ", branch, " main"));
      Commit(branch);
    }
    repository_.Git("switch -q main");
    auto opened = git::Observer::Open(repository_.common_dir(), {.clock = &clock_});
    EXPECT_TRUE(opened.ok()) << opened.status();
    observer_ = *std::move(opened);
    Look();
  }
  void Commit(const std::string& text) const {
    repository_.Write("file", text + "\n");
    repository_.CommitAll(text);
  }
  void Look() {
    auto seen = observer_->Observe();
    ASSERT_TRUE(seen.ok()) << seen.status();
    seen_ = *seen;
    for (const auto& observed : seen_->branches)
      views_.Branch(observed->branch.branch(), clock_.Wall());
  }
  RadarStepOptions Options() {
    RadarStepOptions options;
    options.common_dir = repository_.common_dir();
    options.view = [this] { return views_.Build(); };
    options.record = [this](const core::ComparedBranches& found) {
      recorded_.push_back(found);
      return record_status_;
    };
    options.clock = &clock_;
    return options;
  }
  std::vector<std::string> Pairs() const {
    std::vector<std::string> pairs;
    for (const v1::Conflict& conflict : recorded_.back().conflicts)
      pairs.push_back(absl::StrCat(conflict.branch_a(), " ", conflict.branch_b()));
    return pairs;
  }
  std::vector<std::string> Compared() const {
    std::vector<std::string> names;
    for (const auto& branch : recorded_.back().compared)
      names.push_back(absl::StrCat(branch.branch, branch.commit.empty() ? " (gone)" : ""));
    return names;
  }

  const git::ScratchRepository repository_;
  base::ManualClock clock_;
  std::unique_ptr<git::Observer> observer_;
  git::ObservationPtr seen_;
  Views views_;
  std::vector<core::ComparedBranches> recorded_;
  absl::Status record_status_;
};

TEST_F(RadarStepTest, TellsWhatConflictsAndWhatWasCompared) {
  RadarStep radar(Options());
  const auto more = radar.Step(*seen_);
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_FALSE(*more);
  EXPECT_THAT(Pairs(), ElementsAre("conversation-1 conversation-2"));
  const v1::Conflict& conflict = recorded_.back().conflicts[0];
  EXPECT_EQ(conflict.commit_a(), repository_.Git("rev-parse conversation-1"));
  EXPECT_THAT(conflict.paths(), ElementsAre("file"));
  EXPECT_EQ(conflict.kind(), v1::Conflict::KIND_CONTENT);
  EXPECT_THAT(Compared(), ElementsAre("conversation-1", "conversation-2", "main"));
}

TEST_F(RadarStepTest, WhenTheTargetMovesEveryBranchIsComparedWithItAgain) {
  RadarStep radar(Options());
  ASSERT_TRUE(radar.Step(*seen_).ok());
  Commit("target");
  Look();
  ASSERT_TRUE(radar.Step(*seen_).ok());
  EXPECT_THAT(Pairs(), ElementsAre("conversation-1 conversation-2", "conversation-1 main",
                                   "conversation-2 main"));
}

TEST_F(RadarStepTest, BranchesThatAreGoneAreToldOf) {
  views_.Conflict("conversation-1", "conversation-9");
  RadarStep radar(Options());
  ASSERT_TRUE(radar.Step(*seen_).ok());
  EXPECT_THAT(Compared(),
              ElementsAre("conversation-1", "conversation-2", "conversation-9 (gone)", "main"));
}

// Nothing is called compared that was not.
TEST_F(RadarStepTest, APassThatIsCutShortGoesOnAndClaimsNothing) {
  RadarStepOptions options = Options();
  options.slice = absl::ZeroDuration();
  RadarStep hurried(std::move(options));
  const auto more = hurried.Step(*seen_);
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_TRUE(*more);
  EXPECT_THAT(Pairs(), IsEmpty());
  EXPECT_THAT(Compared(), IsEmpty());
}

TEST_F(RadarStepTest, OnceStoppedItTellsNothing) {
  RadarStep radar(Options());
  radar.Stop();
  const auto more = radar.Step(*seen_);
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_FALSE(*more);
  EXPECT_THAT(recorded_, IsEmpty());
}

TEST_F(RadarStepTest, WhatCannotBeRecordedFailsTheStep) {
  record_status_ = absl::InternalError("full");
  RadarStep radar(Options());
  EXPECT_FALSE(radar.Step(*seen_).ok());
  record_status_ = absl::OkStatus();
  EXPECT_TRUE(radar.Step(*seen_).ok());
  EXPECT_THAT(Pairs(), ElementsAre("conversation-1 conversation-2")) << "told again";
}

}  // namespace
}  // namespace coordhub::loops
