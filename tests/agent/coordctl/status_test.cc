// `coordctl status` over a scripted hub: every part of it, and hubs that lack one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/base/error.h"
#include "agent/client/proto_time.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "coordhub/v1/repository_service.pb.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A wall clock that stands, so that "12 s ago" stays so however long a test takes.
class StandingWall final : public base::Clock {
 public:
  base::MonoTime Mono() const override { return system_.Mono(); }
  absl::Time Wall() const override { return absl::FromUnixSeconds(1'753'790'400); }

 private:
  base::SystemClock system_;
};

class Status : public Commands {
 protected:
  // A hub of the first release: without loops, repository and rounds.
  Status() {
    host_clock_ = &standing_;
    hub_->On<pb::GetHubRequest, pb::GetHubResponse>(
        "HubService/GetHub", [this](const pb::GetHubRequest&, pb::GetHubResponse* response) {
          *response = answer_;
          return absl::OkStatus();
        });
    hub_->On<pb::ListAgentsRequest, pb::ListAgentsResponse>(
        "AgentService/ListAgents",
        [this](const pb::ListAgentsRequest&, pb::ListAgentsResponse* response) {
          for (const pb::Agent& agent : agents_) *response->add_agents() = agent;
          return absl::OkStatus();
        });
    hub_->On<pb::ListTicketsRequest, pb::ListTicketsResponse>(
        "TicketService/ListTickets",
        [this](const pb::ListTicketsRequest&, pb::ListTicketsResponse* response) {
          for (const pb::Ticket& ticket : claimed_) *response->add_tickets() = ticket;
          return absl::OkStatus();
        });
    answer_.set_version("9.9.9");
    answer_.set_pid(4711);
    *answer_.mutable_start_time() = agent::ToProto(standing_.Wall() - absl::Hours(2));
    answer_.mutable_workspace()->set_workspace_id("repo");
  }

  void HaveLoops(std::vector<pb::Loop> loops) {
    hub_->On<pb::ListLoopsRequest, pb::ListLoopsResponse>(
        "HubService/ListLoops",
        [loops](const pb::ListLoopsRequest&, pb::ListLoopsResponse* response) {
          for (const pb::Loop& loop : loops) *response->add_loops() = loop;
          return absl::OkStatus();
        });
  }
  pb::Loop Loop(const std::string& title, pb::Loop::State state) {
    pb::Loop loop;
    loop.set_title(title);
    loop.set_state(state);
    loop.mutable_interval()->set_seconds(60);
    *loop.mutable_last_step_time() = agent::ToProto(standing_.Wall() - absl::Seconds(12));
    return loop;
  }
  void HaveRepository() {
    hub_->On<pb::GetRepositoryStatusRequest, pb::GetRepositoryStatusResponse>(
        "RepositoryService/GetRepositoryStatus",
        [](const pb::GetRepositoryStatusRequest&, pb::GetRepositoryStatusResponse* response) {
          response->mutable_worktree()->set_branch("main");
          response->mutable_worktree()->set_changed_files(3);
          response->set_target("main");
          response->set_target_commit("0123456789abcdef");
          response->set_conversation_branch_count(2);
          return absl::OkStatus();
        });
    hub_->On<pb::ListBranchesRequest, pb::ListBranchesResponse>(
        "RepositoryService/ListBranches",
        [](const pb::ListBranchesRequest&, pb::ListBranchesResponse* response) {
          for (int i = 0; i < 12; ++i) {
            pb::Branch& branch = *response->add_branches();
            branch.set_branch(absl::StrCat("conversation-", i));
            branch.set_commit("0123456789abcdef");
            branch.set_ahead(2);
            branch.set_behind(1);
            branch.set_mod_revision(i);
          }
          return absl::OkStatus();
        });
    hub_->On<pb::ListWorktreesRequest, pb::ListWorktreesResponse>(
        "RepositoryService/ListWorktrees",
        [](const pb::ListWorktreesRequest&, pb::ListWorktreesResponse* response) {
          response->add_worktrees()->set_path("/repo");
          return absl::OkStatus();
        });
  }

  StandingWall standing_;
  pb::GetHubResponse answer_;
  std::vector<pb::Agent> agents_;
  std::vector<pb::Ticket> claimed_;
};

TEST_F(Status, WhatAHubDoesNotHaveIsLeftOut) {
  EXPECT_EQ(Run({"status"}), 0) << err_;
  EXPECT_EQ(out_,
            "\u2713 Hub: RUNNING (PID: 4711, coordhub 9.9.9, up 2h, workspace repo)\n"
            "\nTickets\nnone\n");
  EXPECT_THAT(err_, IsEmpty());
}

TEST_F(Status, EveryLoopHasItsMarkAndItsState) {
  pb::Loop failed = Loop("Communication Daemon", pb::Loop::STATE_FAILED);
  failed.set_last_error("disk\x1b[2J full");
  HaveLoops({Loop("Background Monitor", pb::Loop::STATE_RUNNING), failed,
             Loop("Conversation Coordinator", pb::Loop::STATE_PAUSED)});
  EXPECT_EQ(Run({"status"}), 1);
  EXPECT_THAT(out_,
              HasSubstr("\n\u2713 Background Monitor: RUNNING (every 1m, last step 12s ago)\n"));
  EXPECT_THAT(out_, HasSubstr("\n\u2717 Communication Daemon: FAILED (every 1m, last step 12s ago, "
                              "disk full)\n"));
  EXPECT_THAT(out_, HasSubstr("\n- Conversation Coordinator: PAUSED ("));
  EXPECT_THAT(err_, HasSubstr("Communication Daemon fails"));
  EXPECT_THAT(err_, HasSubstr("coordctl debug"));
}

TEST_F(Status, WhatIsNotWellIsSaidAndExitsWithOne) {
  answer_.mutable_workspace()->set_write_refusal("no space left");
  EXPECT_EQ(Run({"status"}), 1);
  EXPECT_THAT(out_, HasSubstr("\u2717 Hub: READS ONLY"));
  answer_.mutable_workspace()->clear_write_refusal();
  answer_.mutable_workspace()->set_mirror_problem("shared_state is a file");
  EXPECT_EQ(Run({"status"}), 1);
  EXPECT_THAT(out_, HasSubstr("\u2717 shared_state: NOT WRITTEN (shared_state is a file)"));
  EXPECT_EQ(Run({"status", "--json"}), 1);
  const json status = json::parse(out_);
  EXPECT_EQ(status["healthy"], false);
  EXPECT_THAT(status["problems"],
              ElementsAre("shared_state/ is not written: shared_state is a file"));
}

TEST_F(Status, TheRepositoryWithItsBranchesNewestFirst) {
  HaveRepository();
  EXPECT_EQ(Run({"status"}), 0) << err_;
  EXPECT_THAT(out_,
              HasSubstr("\u2713 Repository: main (3 files changed, target main at 0123456789, "
                        "2 conversation branches)\n"));
  EXPECT_THAT(out_, HasSubstr("\nBranches\nconversation-11\t0123456789\t2\t1\t0\t\n"));
  EXPECT_THAT(out_, Not(HasSubstr("conversation-1\t")));
  EXPECT_THAT(out_, HasSubstr("\u2026 and 2 more; --all shows them\n"));
  EXPECT_THAT(out_, HasSubstr("\nWorktrees\n/repo\t(detached)\t0\t\n"));
  EXPECT_EQ(Run({"status", "--all"}), 0);
  EXPECT_THAT(out_, HasSubstr("conversation-1\t"));
}

TEST_F(Status, ARepositoryThatIsNotObservedIsAProblemUnlessTheHubHasJustBegun) {
  HaveLoops({Loop("Conversation Coordinator", pb::Loop::STATE_RUNNING)});
  Refuse<pb::GetRepositoryStatusRequest, pb::GetRepositoryStatusResponse>(
      "RepositoryService/GetRepositoryStatus",
      base::MakeError(pb::ERROR_REASON_NOT_OBSERVED, "reftable cannot be read"));
  EXPECT_EQ(Run({"status"}), 1);
  EXPECT_THAT(out_, HasSubstr("\u2717 Repository: NOT OBSERVED (reftable cannot be read)"));
  *answer_.mutable_start_time() = agent::ToProto(standing_.Wall() - absl::Seconds(1));
  EXPECT_EQ(Run({"status"}), 0) << err_;
  *answer_.mutable_start_time() = agent::ToProto(standing_.Wall() - absl::Hours(1));
  HaveLoops({});
  EXPECT_EQ(Run({"status"}), 0) << err_;
}

TEST_F(Status, ClaimsOfASilentAgentEndSoon) {
  pb::Agent agent;
  agent.set_agent_id("a");
  agent.set_state(pb::Agent::STATE_SUSPECT);
  *agent.mutable_expire_time() = agent::ToProto(standing_.Wall() + absl::Seconds(25));
  agents_.push_back(agent);
  pb::Ticket ticket;
  ticket.set_ticket_id("T-3");
  ticket.mutable_claim()->set_agent_id("a");
  ticket.mutable_claim()->set_fence(9);
  claimed_.push_back(ticket);
  EXPECT_EQ(Run({"status"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\nClaims that end soon\nT-3\ta\t25s"));
  EXPECT_EQ(Run({"status", "--json"}), 0);
  EXPECT_EQ(json::parse(out_)["claims"][0]["fence"], "9");
  EXPECT_EQ(json::parse(out_)["claims"][0]["endsBy"], "session");
}

TEST_F(Status, ConflictsAndRoundsAppearWhenThereAreAny) {
  hub_->On<pb::ListConflictsRequest, pb::ListConflictsResponse>(
      "RepositoryService/ListConflicts",
      [](const pb::ListConflictsRequest&, pb::ListConflictsResponse* response) {
        pb::Conflict& conflict = *response->add_conflicts();
        conflict.set_branch_a("task-1");
        conflict.set_branch_b("task-2");
        conflict.add_paths("src/a.cc");
        conflict.set_path_count(1);
        return absl::OkStatus();
      });
  hub_->On<pb::ListRoundsRequest, pb::ListRoundsResponse>(
      "ConvergenceService/ListRounds",
      [](const pb::ListRoundsRequest&, pb::ListRoundsResponse* response) {
        pb::Round& open = *response->add_rounds();
        open.set_round_id("C-2");
        open.set_state(pb::Round::STATE_OPEN);
        open.set_target("main");
        open.set_blocker_count(4);
        pb::Round& past = *response->add_rounds();
        past.set_round_id("C-1");
        past.set_state(pb::Round::STATE_CONVERGED);
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"status"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\nConflicts\ntask-1\ttask-2\t1\tsrc/a.cc\n"));
  EXPECT_THAT(out_, HasSubstr("\nConvergence\nC-2\tOPEN\tmain\t0\t4\n"));
  EXPECT_THAT(out_, Not(HasSubstr("C-1")));
}

TEST_F(Status, NothingOfItCanHarmATerminal) {
  const std::string evil = "\x1b]0;owned\x07\nx";
  answer_.mutable_workspace()->set_workspace_id(evil);
  answer_.mutable_workspace()->set_mirror_problem(evil);
  HaveLoops({Loop(evil, pb::Loop::STATE_RUNNING)});
  terminal_ = true;
  EXPECT_EQ(Run({"--color", "never", "status"}), 1);
  EXPECT_THAT(out_ + err_, Not(HasSubstr("\x1b")));
  EXPECT_THAT(out_ + err_, Not(HasSubstr("owned")));
}

// A clock that a test lets run ahead.
class RunningAhead final : public base::Clock {
 public:
  base::MonoTime Mono() const override { return system_.Mono() + (ahead ? kAhead : kNone); }
  absl::Time Wall() const override { return system_.Wall(); }
  std::atomic<bool> ahead = false;

 private:
  static constexpr absl::Duration kAhead = absl::Seconds(3);
  static constexpr absl::Duration kNone = absl::ZeroDuration();
  base::SystemClock system_;
};

class Waiting : public Status {
 protected:
  Waiting() {
    host_clock_ = &running_;
    terminal_ = true;
    // Each of the calls is refused until the time has come that a person wants to know.
    RefuseOnce<pb::GetHubRequest, pb::GetHubResponse>("HubService/GetHub");
    RefuseOnce<pb::ListAgentsRequest, pb::ListAgentsResponse>("AgentService/ListAgents");
    RefuseOnce<pb::ListTicketsRequest, pb::ListTicketsResponse>("TicketService/ListTickets");
    RefuseOnce<pb::ListLoopsRequest, pb::ListLoopsResponse>("HubService/ListLoops");
    RefuseOnce<pb::ListBranchesRequest, pb::ListBranchesResponse>("RepositoryService/ListBranches");
    RefuseOnce<pb::ListRoundsRequest, pb::ListRoundsResponse>("ConvergenceService/ListRounds");
  }

  template <class Request, class Response>
  void RefuseOnce(const std::string& method) {
    hub_->On<Request, Response>(
        method,
        [this, refused = std::make_shared<std::atomic<bool>>(false)](const Request&, Response*) {
          if (refused->exchange(true)) return absl::OkStatus();
          running_.ahead = true;
          return base::MakeError(pb::ERROR_REASON_HUB_DRAINING, "the hub is stopping");
        });
  }

  RunningAhead running_;
};

// However many calls notice at the same time.
TEST_F(Waiting, IsToldOnce) {
  (void)Run({"status"});
  const size_t told = err_.find("coordctl: waiting for the hub: the hub is stopping\n");
  EXPECT_NE(told, std::string::npos) << err_;
  EXPECT_EQ(err_.find("waiting", told + 20), std::string::npos) << err_;
}

TEST_F(Waiting, IsNotToldOnAScreenThatIsTheCommands) {
  std::ostringstream err;
  Host host;
  host.directory = root_;
  host.err = &err;
  host.err_is_terminal = true;
  host.clock = host_clock_;
  host.ids = &ids_;
  Context context(host);
  context.set_quiet();
  const auto client = context.ConnectToRead();
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE(client->GetHub({}).ok());
  EXPECT_EQ(err.str(), "");
}

}  // namespace
}  // namespace coordhub::coordctl
