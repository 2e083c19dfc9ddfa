// What shows whether the holder of a ticket works, and what ends a claim that nobody renews.

#include <gtest/gtest.h>

#include <string>

#include "tests/engine/workspace_fixture.h"

namespace coordhub::engine {
namespace {

core::Caller Hub() { return core::Caller::Hub("coordinator"); }

class WorkSignsTest : public WorkspaceTest {
 protected:
  void SetUp() override {
    WorkspaceTest::SetUp();
    Open(journal::NewMemoryJournal(std::string(32, 'a')));
    auto registration = RegisterCommand("ann", "uid-ann", absl::Hours(1));
    std::get<core::RegisterAgent>(registration->body).request.set_branch("conversation-1");
    ASSERT_TRUE(Do(std::move(registration)).ok());
    Observe("one", 0);
    ASSERT_TRUE(Do(CommandOf(Operator(), Create("work"))).ok());
    Claim();
  }
  void Claim() { ASSERT_TRUE(Do(CommandOf(Session("uid-ann"), ClaimNext())).ok()); }
  v1::Ticket Ticket() {
    // Signs are noted after the answers of their batch: whoever is answered in a later one sees
    // them.
    v1::CancelTicketRequest nothing;
    nothing.set_ticket_id("T-999");
    EXPECT_FALSE(Do(CommandOf(Operator(), nothing)).ok());
    const ViewPtr view = workspace_->view();
    v1::Ticket ticket = **view->records.of<core::tables::Tickets>().Find(1);
    workspace_->Decorate(*view, &ticket);
    return ticket;
  }
  void Comment(const core::Caller& caller) {
    v1::AddCommentRequest request;
    request.set_ticket_id("T-1");
    request.set_text("half of it is done");
    ASSERT_TRUE(Do(CommandOf(caller, request)).ok());
  }
  void Observe(const std::string& commit, int behind) {
    core::ObserveBranches seen;
    v1::Branch& branch = seen.seen.emplace_back();
    branch.set_branch("conversation-1");
    branch.set_commit(commit);
    branch.set_behind(behind);
    auto command = std::make_unique<core::Command>(core::Command{.caller = Hub()});
    command->body = std::move(seen);
    ASSERT_TRUE(Do(std::move(command)).ok());
  }
};

TEST_F(WorkSignsTest, AClaimAloneIsNoSign) { EXPECT_FALSE(Ticket().has_last_work_time()); }

TEST_F(WorkSignsTest, AProgressNoteIsOne) {
  v1::UpdateProgressRequest request;
  request.set_ticket_id("T-1");
  request.set_fence(Ticket().claim().fence());
  request.set_note("compiles");
  ASSERT_TRUE(workspace_->UpdateProgress("uid-ann", request).ok());
  EXPECT_EQ(Ticket().progress().note(), "compiles");
  EXPECT_EQ(Ticket().last_work_time().seconds(), Ticket().progress().note_time().seconds());
}

TEST_F(WorkSignsTest, ACommentOfTheHolderIsOneAndNobodyElses) {
  Comment(Operator());
  EXPECT_FALSE(Ticket().has_last_work_time());
  Comment(Session("uid-ann"));
  EXPECT_TRUE(Ticket().has_last_work_time());
  EXPECT_FALSE(Ticket().has_progress());
}

TEST_F(WorkSignsTest, ACommitOnTheHoldersBranchIsOneAndATargetThatMovesIsNot) {
  Observe("one", 3);
  EXPECT_FALSE(Ticket().has_last_work_time());
  Observe("two", 3);
  EXPECT_TRUE(Ticket().has_last_work_time());
}

TEST_F(WorkSignsTest, GoWithTheClaim) {
  Comment(Session("uid-ann"));
  v1::ReleaseTicketRequest release;
  release.set_ticket_id("T-1");
  release.set_fence(Ticket().claim().fence());
  ASSERT_TRUE(Do(CommandOf(Session("uid-ann"), release)).ok());
  EXPECT_FALSE(Ticket().has_last_work_time());
  Claim();
  EXPECT_FALSE(Ticket().has_last_work_time());
}

TEST_F(WorkSignsTest, WithoutADefaultAClaimLivesAsLongAsItsSession) {
  EXPECT_FALSE(Ticket().claim().has_claim_timeout());
  EXPECT_FALSE(workspace_->Describe().has_claim_timeout_default());
}

TEST_F(WorkSignsTest, TheHubsClaimTimeoutIsThatOfClaimsThatStateNone) {
  workspace_.reset();
  options_.claim_timeout_default = absl::Hours(2);
  Open(journal::NewMemoryJournal(std::string(32, 'a')));
  EXPECT_EQ(workspace_->Describe().claim_timeout_default().seconds(), 7200);
  ASSERT_TRUE(Do(RegisterCommand("ann", "uid-ann", absl::Hours(1))).ok());
  for (const char* title : {"by default", "as stated"}) {
    ASSERT_TRUE(Do(CommandOf(Operator(), Create(title))).ok());
  }
  Claim();
  EXPECT_EQ(Ticket().claim().claim_timeout().seconds(), 7200) << "recorded in the claim";
  v1::ClaimTicketRequest stated;
  stated.set_ticket_id("T-2");
  stated.mutable_claim_timeout()->set_seconds(60);
  ASSERT_TRUE(Do(CommandOf(Session("uid-ann"), stated)).ok());
  const ViewPtr view = workspace_->view();
  EXPECT_EQ((*view->records.of<core::tables::Tickets>().Find(2))->claim().claim_timeout().seconds(),
            60);
  const auto held = workspace_->ClaimsOf(*view, "ann");
  ASSERT_EQ(held.size(), 2u);
  EXPECT_GT(held[0].expires_in().seconds(), 7000) << "and counted down";
}

}  // namespace
}  // namespace coordhub::engine
