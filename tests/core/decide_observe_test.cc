// Branches as git has them: an event for what changed, none for what did not.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/core/branch_changes.h"
#include "hub/core/filter.h"
#include "hub/core/limits.h"
#include "hub/core/records.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

pb::Branch Branch(const std::string& name, const std::string& commit) {
  pb::Branch branch;
  branch.set_branch(name);
  branch.set_commit(commit);
  branch.set_target("main");
  branch.set_merge_base("base");
  branch.set_ahead(1);
  branch.set_changed_path_count(2);
  branch.set_changed_paths_digest("digest");
  return branch;
}

ObserveBranches Seen(std::vector<pb::Branch> branches, std::vector<std::string> gone = {}) {
  ObserveBranches command;
  command.seen = std::move(branches);
  command.gone = std::move(gone);
  return command;
}

Caller Coordinator() { return Hub("coordinator"); }

RegisterAgent OnBranch(DecidingWorkspace& w, const std::string& agent_id,
                       const std::string& branch) {
  RegisterAgent command = w.Registration(agent_id);
  command.request.set_branch(branch);
  return command;
}

TEST(ObserveBranches, WhatChangedMakesEvents) {
  DecidingWorkspace w;
  const Decision first = w.Must(Coordinator(), Seen({Branch("a", "1"), Branch("b", "1")}));
  EXPECT_EQ(EventsOf(first), "BRANCH_MOVED a, BRANCH_MOVED b");
  EXPECT_EQ(first.events[0]->actor(), "hub:coordinator");
  EXPECT_EQ(w.state.records().FindBranch("a")->mod_revision(), 1);
  EXPECT_EQ(w.state.records().FindBranch("a")->observe_time().seconds(),
            absl::ToUnixSeconds(w.now.wall));

  w.Advance(absl::Seconds(1));
  EXPECT_TRUE(w.Must(Coordinator(), Seen({Branch("a", "1"), Branch("b", "1")})).events.empty())
      << "nothing changed but the time";
  EXPECT_EQ(EventsOf(w.Must(Coordinator(), Seen({Branch("a", "2"), Branch("b", "1")}))),
            "BRANCH_MOVED a");
  EXPECT_EQ(EventsOf(w.Must(Coordinator(), Seen({}, {"b", "never heard of"}))), "BRANCH_GONE b");
  EXPECT_EQ(w.state.records().FindBranch("b"), nullptr);
  EXPECT_EQ(EventsOf(w.Must(Coordinator(), Seen({Branch("b", "1")}))), "BRANCH_MOVED b")
      << "deleted and made again";
}

TEST(ObserveBranches, EveryFactCounts) {
  const std::vector<void (*)(pb::Branch*)> changes = {
      [](pb::Branch* b) { b->set_commit("2"); },
      [](pb::Branch* b) { b->set_target("trunk"); },
      [](pb::Branch* b) { b->set_merge_base("other"); },
      [](pb::Branch* b) { b->set_ahead(2); },
      [](pb::Branch* b) { b->set_behind(2); },
      [](pb::Branch* b) { b->set_changed_path_count(3); },
      [](pb::Branch* b) { b->set_changed_paths_digest("other"); },
      [](pb::Branch* b) { b->set_problem("cannot be read"); },
  };
  for (const auto& change : changes) {
    DecidingWorkspace w;
    w.Must(Coordinator(), Seen({Branch("a", "1")}));
    pb::Branch changed = Branch("a", "1");
    change(&changed);
    const Decision decision = w.Must(Coordinator(), Seen({changed}));
    ASSERT_EQ(EventsOf(decision), "BRANCH_MOVED a");
    EXPECT_EQ(decision.events[0]->reason(),
              changed.commit() == "1" ? "seen from another target" : "");
  }
}

TEST(ObserveBranches, TheFirstLiveAgentOnABranchOwnsIt) {
  DecidingWorkspace w;
  w.Must(Coordinator(), Seen({Branch("a", "1")}));
  w.Must(Operator(), OnBranch(w, "zoe", "a"));
  w.Must(Session(w.agent("zoe").session_uid()), OnBranch(w, "zoe/reviewer", "a"));
  w.Must(Operator(), OnBranch(w, "adam", "a"));
  const Decision owned = w.Must(Coordinator(), Seen({Branch("a", "1")}));
  ASSERT_EQ(EventsOf(owned), "BRANCH_MOVED a");
  EXPECT_EQ(owned.events[0]->reason(), "another owner");
  EXPECT_EQ(w.state.records().FindBranch("a")->owner_agent_id(), "zoe");
  w.Expire("zoe");
  w.Must(Coordinator(), Seen({Branch("a", "1")}));
  EXPECT_EQ(w.state.records().FindBranch("a")->owner_agent_id(), "adam");
  w.Expire("adam");
  w.Must(Coordinator(), Seen({Branch("a", "1")}));
  EXPECT_EQ(w.state.records().FindBranch("a")->owner_agent_id(), "");
}

TEST(ObserveBranches, FiltersForAnAgentSeeItsBranch) {
  DecidingWorkspace w;
  w.Must(Operator(), OnBranch(w, "zoe", "a"));
  const Decision owned = w.Must(Coordinator(), Seen({Branch("a", "1"), Branch("b", "1")}));
  w.Expire("zoe");
  const Decision left = w.Must(Coordinator(), Seen({Branch("a", "2")}));
  pb::EventFilter wanted;
  wanted.add_agent_ids("zoe");
  const Filter filter(wanted);
  EXPECT_TRUE(filter.Admits(*owned.events[0]));
  EXPECT_FALSE(filter.Admits(*owned.events[1]));
  EXPECT_TRUE(filter.Admits(*left.events[0])) << "it leaves the filter, and is seen leaving";
}

TEST(ObserveBranches, OneCommandIsBounded) {
  DecidingWorkspace w;
  w.check_invariants = false;
  std::vector<pb::Branch> many;
  for (int i = 0; i < 1000; ++i) many.push_back(Branch(absl::StrCat("b", 1000 + i), "1"));
  EXPECT_EQ(w.Must(Coordinator(), Seen(many)).events.size(), limits::kBranchesPerCommand);
}

TEST(ObserveBranches, TheTableIsBounded) {
  DecidingWorkspace w;
  w.check_invariants = false;
  std::vector<pb::Branch> many;
  for (size_t i = 0; i <= limits::kBranches; ++i)
    many.push_back(Branch(absl::StrCat("b", 100000 + i), "1"));
  std::vector<const pb::Branch*> observed;
  for (const pb::Branch& branch : many) observed.push_back(&branch);
  for (ObserveBranches& changes : BranchChanges(*w.state.MakeView(), observed))
    w.Must(Coordinator(), std::move(changes));
  EXPECT_EQ(w.state.records().of<tables::Branches>().size(), limits::kBranches);
}

TEST(BranchChanges, AreWhatTheRecordsLack) {
  DecidingWorkspace w;
  w.Must(Operator(), OnBranch(w, "zoe", "c"));
  w.Must(Coordinator(), Seen({Branch("a", "1"), Branch("b", "1"), Branch("c", "1")}));
  const pb::Branch b = Branch("b", "1");
  const pb::Branch c = Branch("c", "2");
  const pb::Branch d = Branch("d", "1");
  const auto changes = BranchChanges(*w.state.MakeView(), {&b, &c, &d});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(EventsOf(w.Must(Coordinator(), changes[0])),
            "BRANCH_GONE a, BRANCH_MOVED c, BRANCH_MOVED d");
  EXPECT_TRUE(BranchChanges(*w.state.MakeView(), {&b, &c, &d}).empty());
  w.Expire("zoe");
  EXPECT_EQ(BranchChanges(*w.state.MakeView(), {&b, &c, &d}).size(), 1u) << "the owner left";
}

TEST(BranchChanges, ComeInCommandsOfBoundedSize) {
  DecidingWorkspace w;
  std::vector<pb::Branch> many;
  for (int i = 0; i < 600; ++i) many.push_back(Branch(absl::StrCat("b", 1000 + i), "1"));
  std::vector<const pb::Branch*> observed;
  for (const pb::Branch& branch : many) observed.push_back(&branch);
  w.check_invariants = false;
  for (ObserveBranches& changes : BranchChanges(*w.state.MakeView(), observed)) {
    EXPECT_LE(changes.seen.size() + changes.gone.size(), limits::kBranchesPerCommand);
    w.Must(Coordinator(), std::move(changes));
  }
  EXPECT_EQ(w.state.records().of<tables::Branches>().size(), 600u);
  EXPECT_EQ(BranchChanges(*w.state.MakeView(), {}).size(), 3u) << "all of them gone";
}

TEST(BranchRecords, AreInSnapshotsAndDigestsAndRollBack) {
  DecidingWorkspace w;
  w.Must(Operator(), OnBranch(w, "zoe", "a"));
  w.Must(Coordinator(), Seen({Branch("a", "1")}));
  const std::shared_ptr<const View> view = w.state.MakeView();
  State loaded;
  ForEachSnapshotRecord(*view, [&](const jpb::SnapshotRecord& record) {
    loaded.LoadRecord(std::make_shared<const jpb::SnapshotRecord>(record));
    return true;
  });
  loaded.FinishLoad(MakeSnapshotHeader(*view), w.now);
  EXPECT_EQ(Digest(*loaded.MakeView()), Digest(*view));
  EXPECT_EQ(loaded.records().FindBranch("a")->owner_agent_id(), "zoe");
  EXPECT_EQ(loaded.OwnerOfBranch("a"), "zoe");

  w.Expire("zoe");
  w.Must(Coordinator(), Seen({Branch("b", "1")}, {"a"}));
  w.state.RollBack(*view, w.now);
  EXPECT_EQ(w.state.records().FindBranch("a")->commit(), "1");
  EXPECT_EQ(w.state.records().FindBranch("b"), nullptr);
  EXPECT_EQ(w.state.OwnerOfBranch("a"), "zoe");
  EXPECT_EQ(BrokenInvariants(w.state, true), std::vector<std::string>());
}

}  // namespace
}  // namespace coordhub::core
