// Who acts: sessions, tokens, several agents in one worktree.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "agent/base/error.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(Commands, RegisterKeepsTheTokenForThisWorktreeAndNobodyElse) {
  Register("conversation-42");
  EXPECT_THAT(out_ + err_, Not(HasSubstr("chs_")));
  const auto request =
      hub_->Requests<pb::RegisterAgentRequest>("AgentService/RegisterAgent").back();
  EXPECT_EQ(request.branch(), "conversation-42");
  EXPECT_EQ(request.worktree(), root_);
  EchoCreate();
  Run({"ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "chs_conversation-42");
}

TEST_F(Commands, JsonOfRegisterHasTheTokenOnlyWhenAsked) {
  Register("a");
  EXPECT_EQ(Run({"agent", "register", "a", "--json"}), 0);
  EXPECT_EQ(json::parse(out_)["sessionToken"], "");
  EXPECT_EQ(Run({"agent", "register", "a", "--json", "--show-token"}), 0);
  EXPECT_EQ(json::parse(out_)["sessionToken"], "chs_a");
}

TEST_F(Commands, RegisterPresentsItsOwnTokenToResumeAndItsParentsForASubAgent) {
  Register("a");
  EXPECT_EQ(LastToken(), "");
  Register("a");
  EXPECT_EQ(LastToken(), "chs_a");
  Register("a/reviewer");
  EXPECT_EQ(RegisteredWith(), "chs_a");
}

TEST_F(Commands, ATakeoverIsNotMistakenForAResumption) {
  Register("a");
  EXPECT_EQ(Run({"agent", "register", "a", "--takeover"}), 0) << err_;
  EXPECT_EQ(LastToken(), "");
  // The session that is named turns out to be the agent's own.
  hub_->On<pb::RegisterAgentRequest, pb::RegisterAgentResponse>(
      "AgentService/RegisterAgent",
      [this](const pb::RegisterAgentRequest& request, pb::RegisterAgentResponse* response) {
        response->mutable_agent()->set_agent_id(request.agent_id());
        response->set_resumed(LastToken() == "chs_a");
        response->set_session_token(response->resumed() ? "chs_a" : "chs_new");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"--session", "chs_a", "agent", "register", "a", "--takeover", "--show-token"}), 0);
  EXPECT_THAT(out_, HasSubstr("chs_new"));
}

TEST_F(Commands, ATakeoverPresentsTheParentsToken) {
  Register("a");
  Register("a/reviewer");
  EXPECT_EQ(Run({"agent", "register", "a/reviewer", "--takeover"}), 0) << err_;
  EXPECT_EQ(RegisteredWith(), "chs_a");
}

TEST_F(Commands, AnotherWorktreesSessionOfTheSameNameIsNotResumed) {
  Register("a");
  const std::string elsewhere = root_ + "/elsewhere";
  std::filesystem::create_directory(elsewhere);
  EXPECT_EQ(Run({"agent", "register", "a", "--worktree", elsewhere}), 0) << err_;
  EXPECT_EQ(RegisteredWith(), "");
  // A parent may well live in another worktree.
  EXPECT_EQ(Run({"agent", "register", "a/b", "--worktree", elsewhere}), 0) << err_;
  EXPECT_EQ(RegisteredWith(), "chs_a");
}

TEST_F(Commands, RegisterTakesTheSessionThatIsNamed) {
  Register("a");
  EXPECT_EQ(Run({"--session", "chs_p", "agent", "register", "p/b"}), 0) << err_;
  EXPECT_EQ(RegisteredWith(), "chs_p");
  EXPECT_EQ(Run({"--as", "a", "agent", "register", "a/b"}), 0) << err_;
  EXPECT_EQ(RegisteredWith(), "chs_a");
  environment_["COORDHUB_SESSION"] = "chs_env";
  EXPECT_EQ(Run({"agent", "register", "p/c"}), 0) << err_;
  EXPECT_EQ(RegisteredWith(), "chs_env");
  EXPECT_EQ(Run({"--as", "operator", "agent", "register", "p/d"}), 0) << err_;
  EXPECT_EQ(RegisteredWith(), "");
  EXPECT_EQ(Run({"--as", "nobody", "agent", "register", "p/e"}), 4);
  EXPECT_THAT(err_, HasSubstr("nobody has no session here"));
  // COORDHUB_AGENT names who is registered, not who registers.
  environment_ = {{"COORDHUB_AGENT", "a"}};
  EXPECT_EQ(Run({"agent", "register"}), 0) << err_;
  EXPECT_EQ(RegisteredWith(), "chs_a");
}

TEST_F(Commands, AParentThatHasEndedIsNotReplacedWhenItWasNamed) {
  Register("a");
  Refuse<pb::RegisterAgentRequest, pb::RegisterAgentResponse>(
      "AgentService/RegisterAgent", base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "over"));
  const size_t calls = hub_->calls().size();
  EXPECT_EQ(Run({"--session", "chs_p", "agent", "register", "p/b"}), 4);
  EXPECT_EQ(hub_->calls().size(), calls + 1);
}

TEST_F(Commands, ATokenFileMayBeNamedAsTheSessionBeforeItIsThere) {
  Register("a");
  const std::string file = root_ + "/ci.token";
  environment_["COORDHUB_SESSION"] = file;
  EXPECT_EQ(Run({"agent", "register", "ci", "--token-file", file}), 0) << err_;
  EXPECT_EQ(RegisteredWith(), "");
  EXPECT_EQ(Run({"agent", "register", "ci", "--token-file", file}), 0) << err_;
  EXPECT_EQ(RegisteredWith(), "chs_ci");
}

TEST_F(Commands, NobodyIsRegisteredWhoseTokenCannotBeKept) {
  Register("a");
  const size_t calls = hub_->calls().size();
  for (const std::string& file : {root_ + "/nowhere/token", root_}) {
    EXPECT_EQ(Run({"agent", "register", "b", "--token-file", file}), 1);
    EXPECT_THAT(err_, HasSubstr("IO_FAILED"));
  }
  const std::string sessions = root_ + "/.git/coordhub/sessions";
  std::filesystem::permissions(sessions, std::filesystem::perms::all);
  EXPECT_EQ(Run({"agent", "register", "b"}), 4);
  EXPECT_THAT(err_, HasSubstr("STATE_DIR_UNUSABLE"));
  EXPECT_EQ(hub_->calls().size(), calls);
}

TEST_F(Commands, RegisterBeginsANewSessionWhenTheOldOneIsOver) {
  Register("a");
  int calls = 0;
  hub_->On<pb::RegisterAgentRequest, pb::RegisterAgentResponse>(
      "AgentService/RegisterAgent",
      [&calls](const pb::RegisterAgentRequest&, pb::RegisterAgentResponse* response) {
        if (++calls == 1) return base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "over");
        response->mutable_agent()->set_agent_id("a");
        response->set_session_token("chs_new");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"agent", "register", "a"}), 0) << err_;
  EXPECT_EQ(LastToken(), "");
  EchoCreate();
  Run({"ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "chs_new");
}

TEST_F(Commands, TwoAgentsInOneWorktreeAreNotMistakenForEachOther) {
  AgentsAre(pb::Agent::STATE_ACTIVE);
  Register("a");
  Register("b");
  EchoCreate();
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 2);
  for (const char* said : {"a, b", "--as NAME", "COORDHUB_AGENT", "COORDHUB_SESSION"}) {
    EXPECT_THAT(err_, HasSubstr(said));
  }
  EXPECT_EQ(Run({"--as", "b", "ticket", "create", "--title", "x"}), 0);
  EXPECT_EQ(LastToken(), "chs_b");
  environment_["COORDHUB_AGENT"] = "a";
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 0);
  EXPECT_EQ(LastToken(), "chs_a");
}

TEST_F(Commands, TwoAgentsInOneWorktreeDoNotKeepAnybodyFromReading) {
  AgentsAre(pb::Agent::STATE_ACTIVE);
  Register("a");
  Register("b");
  ListOne();
  EXPECT_EQ(Run({"ticket", "list"}), 0) << err_;
  EXPECT_EQ(LastToken(), "");
  EXPECT_THAT(err_, IsEmpty());
  hub_->On<pb::GetHubRequest, pb::GetHubResponse>(
      "HubService/GetHub", [](const pb::GetHubRequest&, pb::GetHubResponse* response) {
        response->set_caller("operator");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"me"}), 0);
  EXPECT_THAT(out_, HasSubstr("operator"));
  EXPECT_THAT(err_, HasSubstr("a, b"));
}

TEST_F(Commands, OfTwoAgentsTheOneThatLivesActs) {
  AgentsAre(pb::Agent::STATE_ACTIVE);
  Register("a");
  Register("b");
  hub_->On<pb::GetAgentRequest, pb::GetAgentResponse>(
      "AgentService/GetAgent",
      [](const pb::GetAgentRequest& request, pb::GetAgentResponse* response) {
        response->mutable_agent()->set_agent_id(request.agent_id());
        response->mutable_agent()->set_session_uid(request.agent_id());
        response->mutable_agent()->set_state(request.agent_id() == "a" ? pb::Agent::STATE_EXPIRED
                                                                       : pb::Agent::STATE_SUSPECT);
        return absl::OkStatus();
      });
  EchoCreate();
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 0) << err_;
  EXPECT_EQ(LastToken(), "chs_b");
  // Nobody was asked in his own name, which would have kept him alive.
  for (const ScriptedHub::Call& call : hub_->calls()) {
    if (call.method == "AgentService/GetAgent") {
      EXPECT_EQ(call.session_token, "");
    }
  }
  EXPECT_EQ(Run({"--as", "a", "ticket", "create", "--title", "x"}), 4);  // forgotten
}

TEST_F(Commands, WhenAllAgentsOfAWorktreeEndedNobodyActsInTheirPlace) {
  AgentsAre(pb::Agent::STATE_ACTIVE);
  Register("a");
  Register("b");
  AgentsAre(pb::Agent::STATE_EXPIRED);
  EchoCreate();
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 4);
  EXPECT_THAT(err_, HasSubstr("a, b"));
  EXPECT_THAT(err_, HasSubstr("coordctl agent register"));
}

TEST_F(Commands, RegisterForgetsOthersWhoseSessionsAreOver) {
  Register("a");
  AgentsAre(pb::Agent::STATE_LEFT);
  Register("b");
  EchoCreate();
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 0) << err_;
  EXPECT_EQ(LastToken(), "chs_b");
}

// A dead agent's session would never end if everybody who looks around in its worktree renewed it.
TEST_F(Commands, ReadingKeepsNoAgentAlive) {
  Register("a");
  ListOne();
  const size_t before = hub_->calls().size();
  for (const std::vector<std::string>& line : {std::vector<std::string>{"ticket", "list"},
                                               {"ticket", "show", "T-1"},
                                               {"agent", "list"},
                                               {"agent", "show", "a"},
                                               {"loop", "list"},
                                               {"status"},
                                               {"hub"},
                                               {"watch", "--no-follow"},
                                               {"debug"}}) {
    (void)Run(line);
    EXPECT_THAT(err_, Not(HasSubstr("session")));
  }
  const auto calls = hub_->calls();
  EXPECT_GT(calls.size(), before + 8);
  for (size_t i = before; i < calls.size(); ++i) {
    EXPECT_EQ(calls[i].session_token, "") << calls[i].method;
  }
}

TEST_F(Commands, WhatIsOnesOwnIsAskedAsOneself) {
  Register("a");
  ListOne();
  Hold({});
  EXPECT_EQ(Run({"me"}), 0) << err_;
  EXPECT_EQ(LastToken(), "chs_a");
  EXPECT_EQ(Run({"agent", "show"}), 0) << err_;
  EXPECT_EQ(LastToken(), "chs_a");
  hub_->On<pb::GetHubRequest, pb::GetHubResponse>(
      "HubService/GetHub", [](const pb::GetHubRequest&, pb::GetHubResponse* response) {
        response->set_caller("a");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"ticket", "list", "--mine"}), 0) << err_;
  EXPECT_EQ(LastToken(), "chs_a");
  EXPECT_EQ(
      hub_->Requests<pb::ListTicketsRequest>("TicketService/ListTickets").back().holder_agent_id(),
      "a");
}

TEST_F(Commands, OnTcpWhoCannotProveToBeTheOperatorReadsAsTheAgent) {
  Register("a");
  ListOne();
  AgentsAre(pb::Agent::STATE_ACTIVE);
  environment_["COORDHUB_ENDPOINT"] = hub_->tcp_endpoint();
  EXPECT_EQ(Run({"agent", "register", "b"}), 0) << err_;
  EXPECT_EQ(Run({"ticket", "list"}), 0) << err_;
  EXPECT_EQ(LastToken(), "chs_b");
  EXPECT_EQ(Run({"agent", "register", "c"}), 0) << err_;
  EXPECT_EQ(Run({"ticket", "list"}), 2);  // neither is guessed at
  EXPECT_THAT(err_, HasSubstr("b, c"));
}

TEST_F(Commands, MeOutlivesTheSessionThatIsKeptHere) {
  Register("a");
  Refuse<pb::GetAgentRequest, pb::GetAgentResponse>(
      "AgentService/GetAgent",
      base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "this session of a has ended"));
  hub_->On<pb::GetHubRequest, pb::GetHubResponse>(
      "HubService/GetHub", [](const pb::GetHubRequest&, pb::GetHubResponse* response) {
        response->set_caller("operator");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"me"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("you are: nobody\n"));
  EXPECT_EQ(err_,
            "coordctl: this session of a has ended; register again with: coordctl agent register "
            "a\n");
  EXPECT_EQ(Run({"me", "--json"}), 0);
  EXPECT_EQ(json::parse(out_)["caller"], "");
  EXPECT_EQ(Run({"me"}), 0);
  EXPECT_THAT(out_, HasSubstr("you are: nobody\n"));
  EXPECT_THAT(err_, HasSubstr("coordctl agent register a"));
}

TEST_F(Commands, AnotherWorkspaceSaysNothingOfTheAgentsOfThisOne) {
  AgentsAre(pb::Agent::STATE_ACTIVE);
  Register("a");
  Register("b");
  hub_->On<pb::GetAgentRequest, pb::GetAgentResponse>(
      "AgentService/GetAgent",
      [](const pb::GetAgentRequest& request, pb::GetAgentResponse* response) {
        if (request.workspace_id() != "repo") {
          return base::MakeError(pb::ERROR_REASON_WORKSPACE_NOT_FOUND, "no such workspace");
        }
        response->mutable_agent()->set_state(pb::Agent::STATE_ACTIVE);
        response->mutable_agent()->set_session_uid(request.agent_id());
        return absl::OkStatus();
      });
  EchoCreate();
  environment_["COORDHUB_WORKSPACE"] = "typo";
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 2);
  EXPECT_THAT(err_, HasSubstr("a, b"));
  environment_.clear();
  EXPECT_EQ(Run({"--as", "a", "ticket", "create", "--title", "x"}), 0) << err_;
  EXPECT_EQ(LastToken(), "chs_a");
}

TEST_F(Commands, OnlyAnAgentThatTheHubDoesNotKnowIsForgottenByItsAbsence) {
  AgentsAre(pb::Agent::STATE_ACTIVE);
  Register("a");
  Register("b");
  Refuse<pb::GetAgentRequest, pb::GetAgentResponse>(
      "AgentService/GetAgent", absl::NotFoundError("a proxy knows no such page"));
  EchoCreate();
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 2);
  Refuse<pb::GetAgentRequest, pb::GetAgentResponse>(
      "AgentService/GetAgent", base::MakeError(pb::ERROR_REASON_AGENT_NOT_FOUND, "forgotten"));
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 4);
  EXPECT_THAT(err_, HasSubstr("SESSION_ENDED"));
}

TEST_F(Commands, AMutationAfterTheEndOfTheSessionIsRefusedAndTheTokenForgotten) {
  Register("a");
  Refuse<pb::CreateTicketRequest, pb::CreateTicketResponse>(
      "TicketService/CreateTicket",
      base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "this session of a has ended"));
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 4);
  EXPECT_THAT(err_, HasSubstr("coordctl agent register"));
  EXPECT_EQ(Run({"--as", "a", "ticket", "create", "--title", "x"}), 4);
  EXPECT_THAT(err_, HasSubstr("a has no session here"));
}

TEST_F(Commands, ASessionThatWasNamedIsNotReplacedWhenItEnds) {
  Register("a");
  Refuse<pb::ListTicketsRequest, pb::ListTicketsResponse>(
      "TicketService/ListTickets",
      base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "this session of a has ended"));
  EXPECT_EQ(Run({"--as", "a", "ticket", "list"}), 4);
  EXPECT_THAT(err_, HasSubstr("SESSION_ENDED"));
}

TEST_F(Commands, TheMoreExplicitNamePrevails) {
  EchoCreate();
  const std::vector<std::string> create = {"ticket", "create", "--title", "x"};
  Run(create);
  EXPECT_EQ(LastToken(), "");  // nobody: the operator
  Register("a");
  Run(create);
  EXPECT_EQ(LastToken(), "chs_a");
  environment_["COORDHUB_SESSION"] = "chs_env";
  Run(create);
  EXPECT_EQ(LastToken(), "chs_env");
  Write("token", "chs_file\n");
  Run({"--session", root_ + "/token", "ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "chs_file");
  Run({"--as", "a", "ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "chs_a");
  Run({"--as", "operator", "ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "");
}

TEST_F(Commands, AnAgentThatIsNotHereIsNotReplacedByTheOperator) {
  EchoCreate();
  environment_["COORDHUB_AGENT"] = "conversation-9";
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 4);
  EXPECT_THAT(err_, HasSubstr("agent register conversation-9"));
  EXPECT_THAT(hub_->calls(), IsEmpty());
}

TEST_F(Commands, WhoLeftIsNobody) {
  Register("a");
  hub_->On<pb::DeregisterAgentRequest, pb::DeregisterAgentResponse>(
      "AgentService/DeregisterAgent",
      [](const pb::DeregisterAgentRequest&, pb::DeregisterAgentResponse* response) {
        response->mutable_agent()->set_agent_id("a");
        response->add_released_ticket_ids("T-3");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"agent", "leave"}), 0);
  EXPECT_EQ(out_, "a\tT-3\n");
  EchoCreate();
  const size_t calls = hub_->calls().size();
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 4);
  EXPECT_EQ(hub_->calls().size(), calls);
  // Until the operator says that the worktree is his.
  EXPECT_EQ(Run({"--as", "operator", "agent", "leave"}), 0) << err_;
  EXPECT_EQ(out_, "1\n");
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 0) << err_;
  EXPECT_EQ(LastToken(), "");
}

TEST_F(Commands, LeaveForgetsNoSessionThatHasBegunSince) {
  Register("a");
  hub_->On<pb::DeregisterAgentRequest, pb::DeregisterAgentResponse>(
      "AgentService/DeregisterAgent",
      [](const pb::DeregisterAgentRequest&, pb::DeregisterAgentResponse* response) {
        response->mutable_agent()->set_agent_id("a");
        response->mutable_agent()->set_session_uid("before");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"--as", "operator", "agent", "leave", "a"}), 0);
  EchoCreate();
  Run({"ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "chs_a");
}

TEST_F(Commands, ATokenFileServesOutsideOfRepositories) {
  Register("a");
  directory_ = "/";
  EXPECT_EQ(Run({"--endpoint", hub_->endpoint(), "agent", "register", "b"}), 3);
  const std::string file = root_ + "/b.token";
  EXPECT_EQ(Run({"--endpoint", hub_->endpoint(), "agent", "register", "b", "--token-file", file}),
            0)
      << err_;
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EchoCreate();
  environment_["COORDHUB_SESSION"] = file;
  Run({"--endpoint", hub_->endpoint(), "ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "chs_b");
}

TEST_F(Commands, AnOperatorsCallIsToldHowToBeTheOperator) {
  Register("a");
  Refuse<pb::CompactWorkspaceRequest, pb::CompactWorkspaceResponse>(
      "HubService/CompactWorkspace",
      base::MakeError(pb::ERROR_REASON_OPERATOR_REQUIRED, "only the operator"));
  EXPECT_EQ(Run({"hub", "compact"}), 4);
  EXPECT_THAT(err_, HasSubstr("--as operator"));
}

}  // namespace
}  // namespace coordhub::coordctl
