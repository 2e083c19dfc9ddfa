// Every command once, with success. The list is the program's own, so that none is left out.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/str_join.h"
#include "agent/coordctl/app.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "coordhub/v1/operation_service.pb.h"
#include "coordhub/v1/repository_service.pb.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

using ::testing::HasSubstr;

struct Line {
  std::vector<std::string> arguments;
  std::string says;  // part of its output
};

// By the words that lead to the command.
const std::map<std::string, Line>& Lines() {
  static const auto& lines = *new std::map<std::string, Line>{
      {"agent register", {{"agent", "register", "a"}, "agent: a"}},
      {"agent list", {{"agent", "list"}, "a\tACTIVE\t"}},
      {"agent show", {{"agent", "show", "a"}, "agent: a"}},
      {"agent leave", {{"agent", "leave"}, "a\tT-1\n"}},
      {"ticket create", {{"ticket", "create", "--title", "Mend it"}, "T-1\tOPEN\t"}},
      {"ticket import", {{"ticket", "import", "--plain", "-"}, "T-1\tOPEN\t"}},
      {"ticket list", {{"ticket", "list"}, "T-1\tOPEN\t"}},
      {"ticket show", {{"ticket", "show", "T-1"}, "Mend it"}},
      {"ticket next", {{"ticket", "next"}, "ticket: T-1\nfence: 5\n"}},
      {"ticket claim", {{"ticket", "claim", "T-1"}, "ticket: T-1\nfence: 5\n"}},
      {"ticket renew", {{"ticket", "renew", "T-1"}, "T-1\t"}},
      {"ticket progress", {{"ticket", "progress", "--note", "half"}, "T-1\t"}},
      {"ticket complete", {{"ticket", "complete"}, "T-1\tDONE\t"}},
      {"ticket fail", {{"ticket", "fail", "--reason", "no"}, "T-1\tFAILED\t"}},
      {"ticket release", {{"ticket", "release", "-m", "later"}, "T-1\tOPEN\t"}},
      {"ticket cancel", {{"ticket", "cancel", "T-1"}, "T-1\tCANCELLED\t"}},
      {"ticket reopen", {{"ticket", "reopen", "T-1", "-m", "again"}, "T-1\tOPEN\t"}},
      {"ticket comment", {{"ticket", "comment", "T-1", "-m", "Why?"}, "T-1\t3\n"}},
      {"ticket update", {{"ticket", "update", "T-1", "-p", "p0"}, "T-1\tOPEN\t"}},
      {"loop list", {{"loop", "list"}, "comms\tRUNNING\t"}},
      {"loop step", {{"loop", "step", "comms"}, "comms\tRUNNING\t"}},
      {"loop pause", {{"loop", "pause", "comms"}, "comms\tRUNNING\t"}},
      {"loop resume", {{"loop", "resume", "comms"}, "comms\tRUNNING\t"}},
      {"worktree add", {{"worktree", "add", "task-1"}, "/w\ttask-1\t0123456789\t2\ta\t"}},
      {"worktree list", {{"worktree", "list"}, "/w\ttask-1\t0123456789\t2\ta\tlocked: why\n"}},
      {"worktree remove", {{"worktree", "remove", "/w"}, "/w\ttask-1\n"}},
      {"operation list", {{"operation", "list"}, "O-1\tbackup\tRUNNING\t40%\t"}},
      {"operation show", {{"operation", "show", "O-1"}, "operation: O-1\nkind: backup\n"}},
      {"operation cancel", {{"operation", "cancel", "O-1", "-m", "no"}, "O-1\tbackup\tRUNNING\t"}},
      {"round open", {{"round", "open", "main"}, "round: C-1\nstate: OPEN\n"}},
      {"round ready", {{"round", "ready", "--commit", std::string(40, 'a')}, "round: C-1\n"}},
      {"round withdraw", {{"round", "withdraw"}, "round: C-1\n"}},
      {"round status", {{"round", "status"}, "not_ready\ta\t"}},
      {"round plan", {{"round", "plan"}, "1\ttask-a\t"}},
      {"round integrate", {{"round", "integrate"}, "round: C-1\n"}},
      {"round list", {{"round", "list"}, "C-1\tOPEN\tmain\t0/1\t1\t"}},
      {"round cancel", {{"round", "cancel", "-m", "later"}, "round: C-1\n"}},
      {"round log", {{"round", "log", "C-1"}, "1 of 3 failed\n"}},
      {"gate set",
       {{"gate", "set", "tests", "--target", "main", "--", "true"}, "tests\tRED\tmain\t"}},
      {"gate list", {{"gate", "list"}, "tests\tRED\tmain\t"}},
      {"gate delete", {{"gate", "delete", "tests"}, "tests\tdeleted\n"}},
      {"gate run", {{"gate", "run", "tests"}, "O-1\ttests\n"}},
      {"gate log", {{"gate", "log", "tests"}, "1 of 3 failed\n"}},
      {"status", {{"status"}, "Hub: RUNNING"}},
      {"conflicts", {{"conflicts"}, "main\ttask-1\t1\t"}},
      {"watch", {{"watch", "--no-follow"}, "7\t"}},
      {"me", {{"me"}, "you are: a\n"}},
      {"hub", {{"hub"}, "hub: 1.2.3, process 0"}},
      {"hub compact", {{"hub", "compact"}, "dropped 4 events"}},
      {"hub backup", {{"hub", "backup", "/backups/1"}, "/backups/1\trevision 9\t"}},
      {"hub verify", {{"hub", "verify"}, "sound: 9 events"}},
      {"hub drain", {{"hub", "drain"}, "draining\n"}},
      {"completion", {{"completion", "bash"}, "complete -F _coordctl coordctl"}},
  };
  return lines;
}

// Those that change nothing, and so go on where an agent's session has ended.
const std::set<std::string>& Reading() {
  static const auto& reading = *new std::set<std::string>{
      "agent list", "agent show",     "ticket list",   "ticket show", "loop list", "operation list",
      "round list", "round status",   "round plan",    "round log",   "gate list", "gate log",
      "conflicts",  "operation show", "worktree list", "status",      "watch",     "me",
      "hub",        "completion"};
  return reading;
}

// What one process and a scripted hub are not enough for, and the test that runs it.
const std::map<std::string, std::string>& Elsewhere() {
  static const auto& elsewhere = *new std::map<std::string, std::string>{
      {"agent hold", "Streams.HoldEndsWithItsProcessAndLeavesIfAsked"},
      {"top", "top_test"},
      {"debug", "orchestration_test Debug.test_finds_nothing_wrong_with_a_sound_hub"},
      {"maintain", "orchestration_test Maintain.test_does_what_is_safe_and_names_the_rest"},
  };
  return elsewhere;
}

// Commands that do something by themselves. `hub` does, besides having subcommands.
void Collect(const CLI::App& app, const std::vector<std::string>& path,
             std::vector<std::string>* commands) {
  const auto children = app.get_subcommands([](const CLI::App*) { return true; });
  const bool is_group = !children.empty() && app.get_require_subcommand_min() > 0;
  if (!is_group) commands->push_back(absl::StrJoin(path, " "));
  for (const CLI::App* child : children) {
    std::vector<std::string> longer = path;
    longer.push_back(child->get_name());
    Collect(*child, longer, commands);
  }
}

std::vector<std::string> AllCommands() {
  Context context((Host()));
  std::vector<std::string> commands;
  Collect(*MakeApp(&context), {}, &commands);
  return commands;
}

std::vector<std::string> CommandsToRun() {
  std::vector<std::string> commands = AllCommands();
  std::erase_if(commands, [](const std::string& c) { return Elsewhere().count(c) > 0; });
  return commands;
}

class EveryCommand : public Commands, public testing::WithParamInterface<std::string> {
 protected:
  static pb::Ticket Ticket(pb::Ticket::State state) {
    pb::Ticket ticket;
    ticket.set_ticket_id("T-1");
    ticket.set_title("Mend it");
    ticket.set_state(state);
    ticket.mutable_claim()->set_fence(5);
    return ticket;
  }
  static pb::Agent Agent() {
    pb::Agent agent;
    agent.set_agent_id("a");
    agent.set_state(pb::Agent::STATE_ACTIVE);
    return agent;
  }
  static pb::Loop Loop() {
    pb::Loop loop;
    loop.set_loop_id("comms");
    loop.set_state(pb::Loop::STATE_RUNNING);
    return loop;
  }

  // Answers `method` with this.
  template <class Request, class Response>
  void Always(const std::string& method, const Response& answer) {
    hub_->On<Request, Response>(method, [answer](const Request&, Response* response) {
      *response = answer;
      return absl::OkStatus();
    });
  }
  template <class Request, class Response>
  void TicketIs(const std::string& call, pb::Ticket::State state) {
    Response response;
    *response.mutable_ticket() = Ticket(state);
    Always<Request, Response>("TicketService/" + call, response);
  }
  template <class Request, class Response>
  void LoopRuns(const std::string& call) {
    Response response;
    *response.mutable_loop() = Loop();
    Always<Request, Response>("HubService/" + call, response);
  }

  void AnswerAgents() {
    pb::ListAgentsResponse list;
    *list.add_agents() = Agent();
    Always<pb::ListAgentsRequest>("AgentService/ListAgents", list);
    pb::GetAgentResponse get;
    *get.mutable_agent() = Agent();
    get.add_claims()->set_ticket_id("T-1");
    get.mutable_claims(0)->set_fence(5);
    Always<pb::GetAgentRequest>("AgentService/GetAgent", get);
    pb::DeregisterAgentResponse left;
    *left.mutable_agent() = Agent();
    left.add_released_ticket_ids("T-1");
    Always<pb::DeregisterAgentRequest>("AgentService/DeregisterAgent", left);
  }
  void AnswerTickets() {
    using State = pb::Ticket;
    TicketIs<pb::CreateTicketRequest, pb::CreateTicketResponse>("CreateTicket", State::STATE_OPEN);
    TicketIs<pb::GetTicketRequest, pb::GetTicketResponse>("GetTicket", State::STATE_OPEN);
    TicketIs<pb::ClaimNextTicketRequest, pb::ClaimNextTicketResponse>("ClaimNextTicket",
                                                                      State::STATE_CLAIMED);
    TicketIs<pb::ClaimTicketRequest, pb::ClaimTicketResponse>("ClaimTicket", State::STATE_CLAIMED);
    TicketIs<pb::RenewClaimRequest, pb::RenewClaimResponse>("RenewClaim", State::STATE_CLAIMED);
    TicketIs<pb::UpdateProgressRequest, pb::UpdateProgressResponse>("UpdateProgress",
                                                                    State::STATE_CLAIMED);
    TicketIs<pb::CompleteTicketRequest, pb::CompleteTicketResponse>("CompleteTicket",
                                                                    State::STATE_DONE);
    TicketIs<pb::FailTicketRequest, pb::FailTicketResponse>("FailTicket", State::STATE_FAILED);
    TicketIs<pb::ReleaseTicketRequest, pb::ReleaseTicketResponse>("ReleaseTicket",
                                                                  State::STATE_OPEN);
    TicketIs<pb::CancelTicketRequest, pb::CancelTicketResponse>("CancelTicket",
                                                                State::STATE_CANCELLED);
    TicketIs<pb::ReopenTicketRequest, pb::ReopenTicketResponse>("ReopenTicket", State::STATE_OPEN);
    TicketIs<pb::UpdateTicketRequest, pb::UpdateTicketResponse>("UpdateTicket", State::STATE_OPEN);
    pb::ListTicketsResponse list;
    *list.add_tickets() = Ticket(State::STATE_OPEN);
    Always<pb::ListTicketsRequest>("TicketService/ListTickets", list);
    pb::BatchCreateTicketsResponse batch;
    *batch.add_tickets() = Ticket(State::STATE_OPEN);
    batch.set_revision(10);
    Always<pb::BatchCreateTicketsRequest>("TicketService/BatchCreateTickets", batch);
    pb::AddCommentResponse comment;
    comment.mutable_comment()->set_ticket_id("T-1");
    comment.mutable_comment()->set_number(3);
    Always<pb::AddCommentRequest>("TicketService/AddComment", comment);
  }
  template <class Request, class Response>
  void AnswerRound(const std::string& method) {
    Response response;
    pb::Round& round = *response.mutable_round();
    round.set_round_id("C-1");
    round.set_state(pb::Round::STATE_OPEN);
    round.set_target("main");
    round.add_members()->set_branch("task-a");
    round.set_blocker_count(1);
    round.add_blockers()->set_kind(pb::RoundBlocker::KIND_NOT_READY);
    round.mutable_blockers(0)->set_agent_id("a");
    Always<Request>("ConvergenceService/" + method, response);
  }
  void AnswerRounds() {
    AnswerRound<pb::OpenRoundRequest, pb::OpenRoundResponse>("OpenRound");
    AnswerRound<pb::DeclareReadyRequest, pb::DeclareReadyResponse>("DeclareReady");
    AnswerRound<pb::WithdrawReadyRequest, pb::WithdrawReadyResponse>("WithdrawReady");
    AnswerRound<pb::GetRoundRequest, pb::GetRoundResponse>("GetRound");
    AnswerRound<pb::IntegrateRoundRequest, pb::IntegrateRoundResponse>("IntegrateRound");
    AnswerRound<pb::CancelRoundRequest, pb::CancelRoundResponse>("CancelRound");
    pb::ListRoundsResponse rounds;
    rounds.add_rounds()->set_round_id("C-1");
    rounds.mutable_rounds(0)->set_state(pb::Round::STATE_OPEN);
    rounds.mutable_rounds(0)->set_target("main");
    rounds.mutable_rounds(0)->add_members()->set_branch("task-a");
    rounds.mutable_rounds(0)->set_blocker_count(1);
    Always<pb::ListRoundsRequest>("ConvergenceService/ListRounds", rounds);
    pb::PlanIntegrationResponse plan;
    plan.add_steps()->set_branch("task-a");
    Always<pb::PlanIntegrationRequest>("ConvergenceService/PlanIntegration", plan);
  }
  void AnswerGates() {
    pb::Gate gate;
    gate.set_gate_id("tests");
    gate.set_target("main");
    gate.set_verdict(pb::Gate::VERDICT_RED);
    pb::SetGateResponse set;
    *set.mutable_gate() = gate;
    Always<pb::SetGateRequest>("ConvergenceService/SetGate", set);
    pb::ListGatesResponse gates;
    *gates.add_gates() = gate;
    Always<pb::ListGatesRequest>("ConvergenceService/ListGates", gates);
    Always<pb::DeleteGateRequest>("ConvergenceService/DeleteGate", pb::DeleteGateResponse());
    pb::RunGateResponse begun;
    begun.set_operation_id("O-1");
    Always<pb::RunGateRequest>("ConvergenceService/RunGate", begun);
    pb::GetGateLogResponse log;
    log.set_operation_id("O-1");
    log.set_text("1 of 3 failed\n");
    Always<pb::GetGateLogRequest>("ConvergenceService/GetGateLog", log);
  }
  void AnswerWorktrees() {
    pb::Worktree worktree;
    worktree.set_path("/w");
    worktree.set_branch("task-1");
    worktree.set_commit("0123456789abcdef");
    worktree.set_changed_files(2);
    worktree.mutable_count_time()->set_seconds(1);
    worktree.set_owner_agent_id("a");
    worktree.set_lock_reason("why");
    pb::ListWorktreesResponse worktrees;
    *worktrees.add_worktrees() = worktree;
    Always<pb::ListWorktreesRequest>("RepositoryService/ListWorktrees", worktrees);
    pb::CreateWorktreeResponse made;
    *made.mutable_worktree() = worktree;
    Always<pb::CreateWorktreeRequest>("RepositoryService/CreateWorktree", made);
    pb::RemoveWorktreeResponse removed;
    *removed.mutable_worktree() = worktree;
    Always<pb::RemoveWorktreeRequest>("RepositoryService/RemoveWorktree", removed);
  }
  void AnswerHub() {
    AnswerRounds();
    AnswerGates();
    AnswerWorktrees();
    pb::GetHubResponse hub;
    hub.set_version("1.2.3");
    Always<pb::GetHubRequest>("HubService/GetHub", hub);
    pb::ListLoopsResponse loops;
    *loops.add_loops() = Loop();
    Always<pb::ListLoopsRequest>("HubService/ListLoops", loops);
    pb::Operation operation;
    operation.set_operation_id("O-1");
    operation.set_kind(pb::Operation::KIND_BACKUP);
    operation.set_state(pb::Operation::STATE_RUNNING);
    operation.set_percent(40);
    pb::ListOperationsResponse operations;
    *operations.add_operations() = operation;
    Always<pb::ListOperationsRequest>("OperationService/ListOperations", operations);
    pb::GetOperationResponse shown;
    *shown.mutable_operation() = operation;
    Always<pb::GetOperationRequest>("OperationService/GetOperation", shown);
    pb::CancelOperationResponse cancelled;
    *cancelled.mutable_operation() = operation;
    Always<pb::CancelOperationRequest>("OperationService/CancelOperation", cancelled);
    LoopRuns<pb::StepLoopRequest, pb::StepLoopResponse>("StepLoop");
    LoopRuns<pb::PauseLoopRequest, pb::PauseLoopResponse>("PauseLoop");
    LoopRuns<pb::ResumeLoopRequest, pb::ResumeLoopResponse>("ResumeLoop");
    pb::CompactWorkspaceResponse compacted;
    compacted.set_dropped_events(4);
    Always<pb::CompactWorkspaceRequest>("HubService/CompactWorkspace", compacted);
    pb::BackupWorkspaceResponse backup;
    backup.set_revision(9);
    Always<pb::BackupWorkspaceRequest>("HubService/BackupWorkspace", backup);
    pb::VerifyWorkspaceResponse verified;
    verified.set_checked_events(9);
    Always<pb::VerifyWorkspaceRequest>("HubService/VerifyWorkspace", verified);
    pb::DrainHubResponse drained;
    drained.set_began(true);
    Always<pb::DrainHubRequest>("HubService/DrainHub", drained);
    pb::ListEventsResponse events;
    events.add_events()->set_revision(7);
    Always<pb::ListEventsRequest>("EventService/ListEvents", events);
    pb::ListConflictsResponse conflicts;
    conflicts.add_conflicts()->set_branch_a("main");
    conflicts.mutable_conflicts(0)->set_branch_b("task-1");
    conflicts.mutable_conflicts(0)->set_path_count(1);
    Always<pb::ListConflictsRequest>("RepositoryService/ListConflicts", conflicts);
  }
};

TEST_P(EveryCommand, Succeeds) {
  const std::string& command = GetParam();
  const auto line = Lines().find(command);
  ASSERT_NE(line, Lines().end()) << "no line for: coordctl " << command;
  Register("a");
  AnswerAgents();
  AnswerTickets();
  AnswerHub();
  in_ = "- Mend it\n";
  EXPECT_EQ(Run(line->second.arguments), 0) << err_;
  EXPECT_THAT(out_, HasSubstr(line->second.says));
}

// Nobody who was an agent is the operator for it.
TEST_P(EveryCommand, WhereASessionEndedIsRefusedUnlessItReads) {
  const std::string& command = GetParam();
  Register("a");
  Refuse<pb::CreateTicketRequest, pb::CreateTicketResponse>(
      "TicketService/CreateTicket", base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "over"));
  ASSERT_EQ(Run({"ticket", "create", "--title", "x"}), 4);
  AnswerAgents();
  AnswerTickets();
  AnswerHub();
  in_ = "- Mend it\n";
  const size_t calls = hub_->calls().size();
  const int code = Run(Lines().at(command).arguments);
  if (command == "agent register" || Reading().count(command) > 0) {
    EXPECT_EQ(code, 0) << err_;
    return;
  }
  EXPECT_EQ(code, 4) << out_;
  EXPECT_THAT(err_, HasSubstr("coordctl agent register a"));
  EXPECT_THAT(err_, HasSubstr("--as operator"));
  EXPECT_EQ(hub_->calls().size(), calls) << hub_->calls().back().method;
}

INSTANTIATE_TEST_SUITE_P(All, EveryCommand, testing::ValuesIn(CommandsToRun()),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) c = c == ' ' ? '_' : c;
                           return name;
                         });

TEST(EveryCommandTable, NamesNoCommandThatIsNotThere) {
  const std::vector<std::string> commands = AllCommands();
  EXPECT_EQ(commands.size(), Lines().size() + Elsewhere().size());
  for (const auto& [command, line] : Lines()) EXPECT_THAT(commands, testing::Contains(command));
  for (const auto& [command, test] : Elsewhere()) EXPECT_THAT(commands, testing::Contains(command));
}

}  // namespace
}  // namespace coordhub::coordctl
