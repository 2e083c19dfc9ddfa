#include "agent/coordctl/maintenance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace coordhub::coordctl {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Plan : public testing::Test {
 protected:
  // "what | advice" of each chore but the verification, which is always there.
  std::vector<std::string> Chores() {
    std::vector<std::string> said;
    for (const Chore& chore : PlanMaintenance(overview_, facts_)) {
      if (chore.kind == Chore::Kind::kVerify) continue;
      EXPECT_EQ(chore.kind == Chore::Kind::kAdvice, !chore.advice.empty());
      said.push_back(absl::StrCat(chore.what, " | ", chore.advice));
    }
    return said;
  }
  pb::Branch& AddBranch(const std::string& name, int ahead, const std::string& owner = "") {
    pb::Branch& branch = overview_.branches.items.emplace_back();
    branch.set_branch(name);
    branch.set_commit("c1");
    branch.set_target("main");
    branch.set_merge_base(ahead == 0 ? "c1" : "c0");
    branch.set_ahead(ahead);
    branch.set_owner_agent_id(owner);
    return branch;
  }
  pb::Worktree& AddWorktree(const std::string& branch, int changed, const std::string& name = "w") {
    pb::Worktree& worktree = overview_.worktrees.items.emplace_back();
    worktree.set_name(name);
    worktree.set_path("/w/" + branch);
    worktree.set_branch(branch);
    worktree.set_commit("c1");
    worktree.set_changed_files(changed);
    return worktree;
  }
  void AddAgent(const std::string& name, pb::Agent::State state = pb::Agent::STATE_ACTIVE) {
    overview_.agents.items.emplace_back().set_agent_id(name);
    overview_.agents.items.back().set_state(state);
  }

  Overview overview_;
  MaintenanceFacts facts_;
};

TEST_F(Plan, OfATidyRepositoryIsOnlyToVerify) {
  const auto chores = PlanMaintenance(overview_, facts_);
  ASSERT_EQ(chores.size(), 1u);
  EXPECT_EQ(chores[0].kind, Chore::Kind::kVerify);
}

TEST_F(Plan, CompactsOnlyWhatIsWorthIt) {
  pb::Workspace& workspace = *overview_.hub.mutable_workspace();
  workspace.set_retained_events(10'000);
  workspace.set_head_revision(10'999);
  EXPECT_THAT(Chores(), IsEmpty());
  workspace.set_head_revision(11'000);
  EXPECT_THAT(Chores(), Contains(HasSubstr("drop 1000 old events; 10000 are kept")));
  workspace.set_compact_revision(500);
  EXPECT_THAT(Chores(), IsEmpty());
}

TEST_F(Plan, NamesMergedBranchesThatNobodyUses) {
  AddAgent("a");
  AddBranch("task-1", 0);
  AddBranch("task-2", 3);       // has work
  AddBranch("task-3", 0, "a");  // in use
  AddBranch("main", 0).set_target("main");
  AddBranch("task-4", 0).set_problem("cannot be read");
  AddBranch("-task 5'", 0, "gone");
  EXPECT_THAT(Chores(), testing::ElementsAre(
                            "branch task-1 has nothing that main lacks | git branch -d task-1",
                            "branch -task 5' has nothing that main lacks | git branch -d "
                            "'-task 5'\\'''"));
}

TEST_F(Plan, NamesWorktreesOfMergedAndGoneBranchesButNeverTheirWorkOrTheMainOne) {
  AddAgent("a");
  AddBranch("task-1", 0);
  AddBranch("task-2", 0);
  AddBranch("task-3", 1);
  AddBranch("task-4", 0, "a");
  AddWorktree("task-1", 0);
  AddWorktree("task-2", 2);
  AddWorktree("task-3", 0);
  AddWorktree("task-4", 0);
  AddWorktree("task-5", 0).clear_commit();
  AddWorktree("task-1", 0, "");
  AddBranch("task-6", 0);
  AddWorktree("task-6", 0).set_problem("its directory is gone");
  EXPECT_THAT(
      Chores(),
      testing::ElementsAre(
          "worktree /w/task-1: its branch task-1 has nothing that the target lacks | git worktree "
          "remove /w/task-1",
          "worktree /w/task-2: its branch task-2 has nothing that the target lacks, but it has 2 "
          "uncommitted files | look at them first: git -C /w/task-2 status",
          "worktree /w/task-5: its branch task-5 is gone | git worktree remove /w/task-5"));
}

TEST_F(Plan, PrunesAndForgetsWhatIsGone) {
  facts_.prunable = {"Removing worktrees/x: gitdir file points to non-existing location"};
  facts_.dead = {{"a", "/w", "chs_secret"}};
  const auto chores = PlanMaintenance(overview_, facts_);
  ASSERT_EQ(chores.size(), 3u);
  EXPECT_EQ(chores[1].kind, Chore::Kind::kPruneWorktrees);
  EXPECT_EQ(chores[2].kind, Chore::Kind::kForgetSessions);
  EXPECT_THAT(chores[2].what, testing::Not(HasSubstr("chs_")));
}

TEST_F(Plan, AdvisesOnSilentAgentsLoopsAndGitItself) {
  AddAgent("a b", pb::Agent::STATE_SUSPECT);
  overview_.loops.items.emplace_back().set_title("Background Monitor");
  overview_.loops.items.back().set_state(pb::Loop::STATE_PAUSED);
  ParseCountObjects("count: 7000\nsize: 1\nin-pack: 10\npacks: 3\n", &facts_);
  EXPECT_EQ(facts_.loose_objects, 7000);
  EXPECT_EQ(facts_.packs, 3);
  EXPECT_THAT(Chores(), Contains(HasSubstr("agent leave 'a b'")));
  EXPECT_THAT(Chores(), Contains(HasSubstr("Background Monitor")));
  EXPECT_THAT(Chores(), Contains(HasSubstr("7000 loose objects and 3 packs")));
}

}  // namespace
}  // namespace coordhub::coordctl
