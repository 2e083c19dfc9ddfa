// From what comparing branches found to the records of conflicts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hub/core/conflict_changes.h"
#include "hub/core/filter.h"
#include "hub/core/limits.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Caller Coordinator() { return Hub("coordinator"); }

pb::Conflict Clash(const std::string& a, const std::string& b, const std::string& path = "f",
                   const std::string& commits = "1") {
  pb::Conflict conflict;
  conflict.set_branch_a(a);
  conflict.set_branch_b(b);
  conflict.set_commit_a(commits);
  conflict.set_commit_b(commits);
  conflict.add_paths(path);
  conflict.add_path_kinds(pb::Conflict::KIND_CONTENT);
  conflict.set_path_count(1);
  conflict.set_kind(pb::Conflict::KIND_CONTENT);
  return conflict;
}

class Conflicts : public testing::Test {
 protected:
  // Observes the branches at this head.
  void See(const std::vector<std::string>& names, const std::string& commit = "1") {
    ObserveBranches seen;
    for (const std::string& name : names) {
      pb::Branch& branch = seen.seen.emplace_back();
      branch.set_branch(name);
      branch.set_commit(commit);
    }
    w_.Must(Coordinator(), seen);
  }
  void Own(const std::string& agent_id, const std::string& branch) {
    RegisterAgent command = w_.Registration(agent_id);
    command.request.set_branch(branch);
    w_.Must(Operator(), std::move(command));
  }
  // Brings a pass into the records; its events.
  std::string Record(std::vector<pb::Conflict> found, const std::vector<std::string>& compared,
                     const std::string& commit = "1") {
    ComparedBranches pass;
    pass.conflicts = std::move(found);
    for (const std::string& name : compared) pass.compared.push_back({name, commit});
    std::string events;
    for (ObserveConflicts& command : ConflictChanges(*w_.state.MakeView(), pass)) {
      const Decision decision = w_.Must(Coordinator(), std::move(command));
      absl::StrAppend(&events, events.empty() ? "" : ", ", EventsOf(decision));
    }
    return events;
  }
  std::vector<std::string> Open() const {
    std::vector<std::string> open;
    const auto& all = w_.state.records().of<tables::Conflicts>();
    for (auto c = all.Begin(); c.Valid(); c.Next())
      open.push_back(absl::StrCat(c->branch_a(), " ", c->branch_b()));
    return open;
  }
  const pb::Conflict& Find(const std::string& a, const std::string& b) const {
    const pb::Conflict* found = w_.state.records().Find<tables::Conflicts>({a, b});
    EXPECT_NE(found, nullptr);
    static const pb::Conflict& none = *new pb::Conflict;
    return found == nullptr ? none : *found;
  }
  std::string ComparedOf(const std::string& branch) const {
    return w_.state.records().FindBranch(branch)->compared_commit();
  }

  DecidingWorkspace w_;
};

TEST_F(Conflicts, OpenWithTheirOwnersAndAreClearedByOneEventEach) {
  Own("zoe", "a");
  See({"a", "b", "c"});
  EXPECT_EQ(Record({Clash("a", "b"), Clash("a", "main")}, {"a", "b", "c", "main"}),
            "CONFLICTS_CHANGED");
  EXPECT_THAT(Open(), ElementsAre("a b", "a main"));
  EXPECT_EQ(Find("a", "b").owner_a_agent_id(), "zoe");
  EXPECT_EQ(Find("a", "b").owner_b_agent_id(), "");
  EXPECT_TRUE(Find("a", "b").has_open_time());
  EXPECT_EQ(ComparedOf("c"), "1");
  EXPECT_EQ(Record({Clash("a", "main")}, {"a", "b", "c", "main"}), "CONFLICTS_CHANGED");
  EXPECT_THAT(Open(), ElementsAre("a main"));
}

TEST_F(Conflicts, WhatTheRecordsSayMakesNoEvent) {
  See({"a", "b"});
  Record({Clash("a", "b")}, {"a", "b"});
  EXPECT_EQ(Record({Clash("a", "b")}, {"a", "b"}), "");
  w_.Advance(absl::Seconds(5));
  ObserveConflicts again;
  again.opened = {Clash("a", "b")};
  again.compared = {{"a", "1"}};
  again.cleared = {{"x", "y"}};
  EXPECT_THAT(w_.Must(Coordinator(), again).events, IsEmpty());
}

TEST_F(Conflicts, OneThatChangesKeepsTheTimeWhenItOpened) {
  See({"a", "b"});
  Record({Clash("a", "b")}, {"a", "b"});
  const auto opened = Find("a", "b").open_time().seconds();
  const int64_t revision = Find("a", "b").mod_revision();
  w_.Advance(absl::Minutes(1));
  EXPECT_EQ(Record({Clash("a", "b", "other file")}, {"a", "b"}), "CONFLICTS_CHANGED");
  EXPECT_EQ(Find("a", "b").open_time().seconds(), opened);
  EXPECT_GT(Find("a", "b").mod_revision(), revision);
}

TEST_F(Conflicts, OfPairsThatWereNotLookedAtStay) {
  See({"a", "b", "c"});
  Record({Clash("a", "b"), Clash("b", "c")}, {"a", "b", "c"});
  See({"a"}, "2");
  // The pass was cut short before all pairs of `a` were done.
  EXPECT_EQ(Record({Clash("b", "c")}, {"b", "c"}), "");
  EXPECT_THAT(Open(), ElementsAre("a b", "b c"));
  EXPECT_EQ(ComparedOf("a"), "1") << "not at its head";
}

TEST_F(Conflicts, OfABranchThatIsGoneAreOver) {
  See({"a", "b"});
  Record({Clash("a", "b")}, {"a", "b"});
  w_.Must(Coordinator(), ObserveBranches{{}, {"b"}});
  EXPECT_THAT(Open(), IsEmpty()) << "in the commit that says that it is gone";
  ComparedBranches pass;
  pass.compared = {{"a", "1"}, {"b", ""}};
  EXPECT_TRUE(ConflictChanges(*w_.state.MakeView(), pass).empty());
}

TEST_F(Conflicts, ABranchThatMovedMeanwhileIsNotCompared) {
  See({"a", "b"});
  See({"a"}, "2");
  Record({}, {"a", "b"});
  EXPECT_EQ(ComparedOf("a"), "");
  EXPECT_EQ(ComparedOf("b"), "1");
  Record({}, {"a"}, "2");
  EXPECT_EQ(ComparedOf("a"), "2");
  See({"a"}, "3");
  EXPECT_EQ(ComparedOf("a"), "2") << "what was compared was compared";
}

// Nobody sees a branch as compared whose conflicts are not in the log yet.
TEST_F(Conflicts, ComeInCommandsOfBoundedSizeAndWhatWasComparedComesLast) {
  w_.check_invariants = false;
  std::vector<std::string> names;
  ComparedBranches pass;
  for (int i = 0; i < 300; ++i) {
    names.push_back(absl::StrCat("b", 1000 + i));
    pass.compared.push_back({names.back(), "1"});
    pass.conflicts.push_back(Clash(names.back(), "main"));
  }
  for (size_t at = 0; at < names.size(); at += 100)
    See({names.begin() + static_cast<int>(at), names.begin() + static_cast<int>(at) + 100});
  size_t opened = 0;
  for (ObserveConflicts& command : ConflictChanges(*w_.state.MakeView(), pass)) {
    EXPECT_LE(command.opened.size() + command.cleared.size() + command.compared.size(),
              limits::kConflictsPerCommand);
    EXPECT_TRUE(command.compared.empty() || opened + command.opened.size() == 300);
    opened += command.opened.size();
    const Decision decision = w_.Must(Coordinator(), std::move(command));
    EXPECT_EQ(decision.events.size(), 1u);
  }
  EXPECT_EQ(Open().size(), 300u);
}

TEST_F(Conflicts, BeyondTheTableCountAsNotCompared) {
  ComparedBranches pass;
  pass.compared = {{"a", "1"}, {"z", "1"}};
  for (size_t i = 0; i < limits::kConflicts; ++i)
    pass.conflicts.push_back(Clash("b", absl::StrCat("c", 100000 + i)));
  pass.conflicts.push_back(Clash("y", "z"));
  See({"a", "z"});
  size_t opened = 0;
  std::vector<std::string> compared;
  for (const ObserveConflicts& command : ConflictChanges(*w_.state.MakeView(), pass)) {
    opened += command.opened.size();
    for (const auto& branch : command.compared) compared.push_back(branch.branch);
  }
  EXPECT_EQ(opened, limits::kConflicts);
  EXPECT_THAT(compared, ElementsAre("a"));
}

TEST_F(Conflicts, AreForTheHubToSay) {
  See({"a", "b"});
  ObserveConflicts command;
  command.opened = {Clash("a", "b")};
  EXPECT_FALSE(w_.Do(Operator(), command).ok());
  EXPECT_THAT(Open(), IsEmpty());
}

TEST_F(Conflicts, FiltersForEitherOwnerSeeThemOpenAndClear) {
  Own("zoe", "a");
  Own("adam", "b");
  See({"a", "b"});
  ObserveConflicts open;
  open.opened = {Clash("a", "b")};
  const Decision opened = w_.Must(Coordinator(), open);
  w_.Expire("adam");
  ObserveConflicts clear;
  clear.cleared = {{"a", "b"}};
  const Decision cleared = w_.Must(Coordinator(), clear);
  for (const char* agent_id : {"zoe", "adam"}) {
    pb::EventFilter wanted;
    wanted.add_agent_ids(agent_id);
    const Filter filter(wanted);
    EXPECT_TRUE(filter.Admits(*opened.events[0])) << agent_id;
    EXPECT_TRUE(filter.Admits(*cleared.events[0])) << agent_id;
  }
  pb::EventFilter other;
  other.add_agent_ids("eve");
  EXPECT_FALSE(Filter(other).Admits(*opened.events[0]));
}

TEST_F(Conflicts, AreInSnapshotsAndDigestsAndRollBack) {
  See({"a", "b", "c"});
  Record({Clash("a", "b")}, {"a", "b", "c"});
  const std::shared_ptr<const View> view = w_.state.MakeView();
  State loaded;
  ForEachSnapshotRecord(*view, [&](const jpb::SnapshotRecord& record) {
    loaded.LoadRecord(std::make_shared<const jpb::SnapshotRecord>(record));
    return true;
  });
  loaded.FinishLoad(MakeSnapshotHeader(*view), w_.now);
  EXPECT_EQ(Digest(*loaded.MakeView()), Digest(*view));
  EXPECT_EQ(BrokenInvariants(loaded, true), std::vector<std::string>());
  Record({Clash("b", "c")}, {"a", "b", "c"});
  w_.state.RollBack(*view, w_.now);
  EXPECT_THAT(Open(), ElementsAre("a b"));
  EXPECT_EQ(BrokenInvariants(w_.state, true), std::vector<std::string>());
}

}  // namespace
}  // namespace coordhub::core
