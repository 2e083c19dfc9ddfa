// `coordctl worktree`: what is asked of the hub, and what of its answers is shown.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "coordhub/v1/operation_service.pb.h"
#include "coordhub/v1/repository_service.pb.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class WorktreeCommands : public Commands {
 protected:
  void Answer() {
    hub_->On<pb::CreateWorktreeRequest, pb::CreateWorktreeResponse>(
        "RepositoryService/CreateWorktree",
        [this](const pb::CreateWorktreeRequest& request, pb::CreateWorktreeResponse* response) {
          created_ = request;
          response->mutable_worktree()->set_path("/trees/x");
          response->mutable_worktree()->set_branch("task-T-7");
          response->set_operation_id("O-3");
          return absl::OkStatus();
        });
    hub_->On<pb::RemoveWorktreeRequest, pb::RemoveWorktreeResponse>(
        "RepositoryService/RemoveWorktree",
        [this](const pb::RemoveWorktreeRequest& request, pb::RemoveWorktreeResponse* response) {
          removed_ = request;
          response->mutable_worktree()->set_path(request.path());
          response->mutable_worktree()->set_branch("task-T-7");
          response->set_operation_id("O-4");
          return absl::OkStatus();
        });
  }

  pb::CreateWorktreeRequest created_;
  pb::RemoveWorktreeRequest removed_;
};

TEST_F(WorktreeCommands, AddAsksForWhatItIsTold) {
  Answer();
  EXPECT_EQ(Run({"worktree", "add", "--ticket", "7", "--agent", "a/b", "--start", "main", "--path",
                 "/trees/../trees/x", "--request-id", "r-1"}),
            0)
      << err_;
  EXPECT_EQ(created_.branch(), "");
  EXPECT_EQ(created_.ticket_id(), "T-7");
  EXPECT_EQ(created_.agent_id(), "a/b");
  EXPECT_EQ(created_.start_point(), "main");
  EXPECT_EQ(created_.path(), "/trees/x");
  EXPECT_EQ(created_.request_id(), "r-1");
  EXPECT_FALSE(created_.existing_branch());
  EXPECT_THAT(out_, HasSubstr("/trees/x\ttask-T-7\t"));
  EXPECT_EQ(Run({"worktree", "add", "task-1", "--existing", "--json"}), 0) << err_;
  EXPECT_EQ(created_.branch(), "task-1");
  EXPECT_EQ(created_.path(), "") << "the hub chooses";
  EXPECT_TRUE(created_.existing_branch());
  EXPECT_EQ(nlohmann::json::parse(out_)["worktree"]["path"], "/trees/x");
}

TEST_F(WorktreeCommands, AddRefusesWhatContradictsItself) {
  EXPECT_EQ(Run({"worktree", "add", "--existing"}), 2);
  EXPECT_EQ(Run({"worktree", "add", "b", "--existing", "--start", "main"}), 2);
}

TEST_F(WorktreeCommands, RemoveSaysWhatWentWithIt) {
  Answer();
  pb::GetOperationResponse shown;
  shown.mutable_operation()->set_note(
      "branch task-T-7 stays; 3 ignored files\x1b[31m went with it");
  hub_->On<pb::GetOperationRequest, pb::GetOperationResponse>(
      "OperationService/GetOperation",
      [shown](const pb::GetOperationRequest& request, pb::GetOperationResponse* response) {
        EXPECT_EQ(request.operation_id(), "O-4");
        *response = shown;
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"worktree", "remove", "/trees/x", "--allow-unmerged"}), 0) << err_;
  EXPECT_TRUE(removed_.allow_unmerged());
  EXPECT_EQ(out_, "/trees/x\ttask-T-7\n");
  EXPECT_THAT(err_, HasSubstr("3 ignored files"));
  EXPECT_THAT(err_, Not(HasSubstr("\x1b")));
}

TEST_F(WorktreeCommands, ARefusalHasItsExitCode) {
  Refuse<pb::RemoveWorktreeRequest, pb::RemoveWorktreeResponse>(
      "RepositoryService/RemoveWorktree",
      base::MakeError(pb::ERROR_REASON_WORKTREE_DIRTY, "1 file is changed or untracked (x)",
                      {{"worktree", "/w"}, {"changed_files", "1"}}));
  EXPECT_EQ(Run({"worktree", "remove", "/w"}), 4);
  EXPECT_THAT(err_, HasSubstr("1 file is changed or untracked (x)"));
  EXPECT_THAT(err_, HasSubstr("WORKTREE_DIRTY"));
  Refuse<pb::RemoveWorktreeRequest, pb::RemoveWorktreeResponse>(
      "RepositoryService/RemoveWorktree",
      base::MakeError(pb::ERROR_REASON_WORKTREE_NOT_FOUND, "there is no worktree at /w"));
  EXPECT_EQ(Run({"worktree", "remove", "/w"}), 3);
}

TEST_F(WorktreeCommands, ListShowsWhoWorksWhereAndNothingThatHarmsATerminal) {
  hub_->On<pb::ListWorktreesRequest, pb::ListWorktreesResponse>(
      "RepositoryService/ListWorktrees",
      [](const pb::ListWorktreesRequest& request, pb::ListWorktreesResponse* response) {
        const bool first = request.page_token().empty();
        pb::Worktree& worktree = *response->add_worktrees();
        worktree.set_path(first ? "/trees/\x1b]0;owned\x07" : "/trees/b");
        worktree.set_owner_agent_id(first ? "ann" : "");
        if (first) response->set_next_page_token("more");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"worktree", "list"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\t(detached)\t\t?\tann\t"));
  EXPECT_THAT(out_, HasSubstr("/trees/b\t"));
  EXPECT_THAT(out_, Not(HasSubstr("\x1b")));
}

TEST_F(WorktreeCommands, WhoRegistersWhereAnotherWorksIsToldWhatToDo) {
  Refuse<pb::RegisterAgentRequest, pb::RegisterAgentResponse>(
      "AgentService/RegisterAgent",
      base::MakeError(pb::ERROR_REASON_WORKTREE_HELD,
                      "the live agent ann works in /w: take another, or share_worktree",
                      {{"worktree", "/w"}, {"holder", "ann"}}));
  EXPECT_EQ(Run({"agent", "register", "bob"}), 4);
  EXPECT_THAT(err_, HasSubstr("ann works in /w"));
  EXPECT_THAT(err_, HasSubstr("coordctl worktree add --agent NAME"));
  EXPECT_THAT(err_, HasSubstr("--share-worktree"));
}

TEST_F(WorktreeCommands, SharingIsAskedFor) {
  pb::RegisterAgentRequest asked;
  hub_->On<pb::RegisterAgentRequest, pb::RegisterAgentResponse>(
      "AgentService/RegisterAgent",
      [&asked](const pb::RegisterAgentRequest& request, pb::RegisterAgentResponse* response) {
        asked = request;
        response->mutable_agent()->set_agent_id(request.agent_id());
        response->set_session_token("chs_token");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"agent", "register", "bob", "--share-worktree"}), 0) << err_;
  EXPECT_TRUE(asked.share_worktree());
}

}  // namespace
}  // namespace coordhub::coordctl
