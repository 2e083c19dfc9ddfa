// Two agents never get one worktree, unless they share it on purpose.

#include <string>

#include "gtest/gtest.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

struct Worktrees : testing::Test {
  RegisterAgent In(const std::string& worktree, const std::string& agent_id, bool share = false,
                   bool takeover = false) {
    RegisterAgent command = w.Registration(agent_id, takeover);
    command.request.set_worktree(worktree);
    command.request.set_share_worktree(share);
    return command;
  }
  Caller Enter(const std::string& worktree, const std::string& agent_id,
               const Caller& by = Operator(), bool share = false) {
    w.Must(by, In(worktree, agent_id, share));
    return Session(w.agent(agent_id).session_uid());
  }
  std::string Refusal(const Caller& by, const RegisterAgent& command) {
    return ReasonNameOf(w.Do(by, command).status());
  }
  void Leave(const std::string& agent_id) {
    pb::DeregisterAgentRequest request;
    request.set_agent_id(agent_id);
    w.Must(Operator(), request);
  }

  DecidingWorkspace w;
};

TEST_F(Worktrees, OneThatALiveAgentHoldsIsRefusedAndItsHolderNamed) {
  Enter("/trees/1", "ann");
  const absl::Status status = w.Do(Operator(), In("/trees/1", "bob")).status();
  EXPECT_EQ(ReasonNameOf(status), "WORKTREE_HELD");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(base::MetadataOf(status, "worktree"), "/trees/1");
  EXPECT_EQ(base::MetadataOf(status, "holder"), "ann");
  EXPECT_EQ(w.state.FindAgent("bob"), nullptr);
  Enter("/trees/2", "bob");
}

TEST_F(Worktrees, SlashesAtTheEndNameTheSameOne) {
  Enter("/trees/1//", "ann");
  EXPECT_EQ(Refusal(Operator(), In("/trees/1/", "bob")), "WORKTREE_HELD");
  Enter("/trees/10", "bob");
  Enter("/trees/1/sub", "cleo");
}

TEST_F(Worktrees, ThoseWhoNameNoneAreInNobodysWay) {
  Enter("", "ann");
  Enter("", "bob");
}

TEST_F(Worktrees, OneMayBeSharedOnPurpose) {
  const Caller ann = Enter("/trees/1", "ann");
  const Caller bob = Enter("/trees/1", "bob", Operator(), /*share=*/true);
  EXPECT_EQ(Refusal(Operator(), In("/trees/1", "cleo")), "WORKTREE_HELD");
  // Both go on in it without asking again.
  EXPECT_TRUE(w.Must(ann, In("/trees/1", "ann")).resumed);
  EXPECT_TRUE(w.Must(bob, In("/trees/1/", "bob")).resumed);
}

TEST_F(Worktrees, ItIsFreeWhenItsHolderHasEnded) {
  Enter("/trees/1", "ann");
  Leave("ann");
  Enter("/trees/1", "bob");
}

TEST_F(Worktrees, AFamilySharesIt) {
  const Caller ann = Enter("/trees/1", "ann");
  const Caller reviewer = Enter("/trees/1", "ann/reviewer", ann);
  Enter("/trees/1", "ann/tester", ann);
  Enter("/trees/1", "ann/reviewer/x", reviewer);
  const absl::Status status = w.Do(Operator(), In("/trees/1", "bob")).status();
  EXPECT_EQ(base::MetadataOf(status, "holder"), "ann") << "who began first";
  // A name alone makes no family.
  EXPECT_EQ(Refusal(Operator(), In("/trees/1", "ann/stranger")), "WORKTREE_HELD");
}

TEST_F(Worktrees, ASubAgentMayNotMoveIntoAnothersEither) {
  const Caller ann = Enter("/trees/1", "ann");
  Enter("/trees/2", "bob");
  EXPECT_EQ(Refusal(ann, In("/trees/2", "ann/reviewer")), "WORKTREE_HELD");
  EXPECT_EQ(Refusal(ann, In("/trees/2", "ann")), "WORKTREE_HELD") << "nor whoever resumes";
  EXPECT_EQ(w.agent("ann").worktree(), "/trees/1");
  w.Must(ann, In("/trees/3", "ann"));
  Enter("/trees/1", "cleo");
}

TEST_F(Worktrees, WhoTakesANameOverTakesItsWorktreeOver) {
  const Caller ann = Enter("/trees/1", "ann");
  Enter("/trees/1", "ann/reviewer", ann);
  w.Must(Operator(), In("/trees/1", "ann", /*share=*/false, /*takeover=*/true));
  Enter("/trees/2", "bob");
  EXPECT_EQ(Refusal(Operator(), In("/trees/2", "ann", false, true)), "WORKTREE_HELD");
  EXPECT_EQ(w.AgentStateOf("ann"), "ACTIVE") << "and lives on";
}

TEST_F(Worktrees, TheHolderIsFoundAmongMany) {
  w.check_invariants = false;
  for (int i = 0; i < 2000; ++i) {
    Enter(absl::StrCat("/trees/", i), absl::StrCat("agent-", i));
  }
  EXPECT_EQ(Refusal(Operator(), In("/trees/1999", "late")), "WORKTREE_HELD");
  EXPECT_EQ(w.state.LiveInWorktree("/trees/7/"), std::vector<std::string>{"agent-7"});
}

}  // namespace
}  // namespace coordhub::core
