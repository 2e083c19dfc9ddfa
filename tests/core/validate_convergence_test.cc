// What is stated of the requests about git and rounds.

#include "gtest/gtest.h"
#include "tests/core/validate_rows.h"

namespace coordhub::core {
namespace {

std::vector<RequestRow> RepositoryRequests() {
  return {
      Row<pb::ListConflictsRequest>(
          Workspace() + Page() + MinRevision() +
          FieldTable{{"branch", BranchName()}, {"with_uncommitted", Anything()}}),
      Row<pb::PreviewMergeRequest>(
          [](auto& request) {
            request.set_ours("a");
            request.set_theirs("b");
          },
          Workspace() + MinRevision() +
              FieldTable{{"ours", Line(255, Need::kRequired)},
                         {"theirs", Line(255, Need::kRequired)},
                         {"with_uncommitted", Anything()}}),
      Row<pb::CreateWorktreeRequest>(Mutation() + FieldTable{{"branch", BranchName()},
                                                             {"start_point", Line(255)},
                                                             {"path", AbsolutePath()},
                                                             {"ticket_id", TicketName()},
                                                             {"agent_id", AgentName()},
                                                             {"existing_branch", Anything()}}),
      Row<pb::RemoveWorktreeRequest>(
          [](auto& request) { request.set_path("/trees/42"); },
          Mutation() +
              FieldTable{{"path", AbsolutePath(Need::kRequired)}, {"allow_unmerged", Anything()}}),
  };
}

template <class Request>
RequestRow RoundRow(const FieldTable& more) {
  return Row<Request>(Mutation() + FieldTable{{"round_id", RoundName()}} + more);
}

std::vector<RequestRow> RoundRequests() {
  const FieldTable policy = {
      {"method", OneOfEnum(pb::RoundPolicy::METHOD_SQUASH)},
      {"update_checkout", Anything()},
      {"require_tickets_done", Anything()},
      {"require_clean_worktrees", Anything()},
      {"drop_lost_members_after", Duration(absl::ZeroDuration(), absl::Hours(24 * 7))},
      {"gate", GateName()},
      {"gate_each_member", Anything()},
      {"leave_out_conflicting", Anything()},
      {"committer", Committer()},
      {"run_hooks", Anything()}};
  return {
      Row<pb::OpenRoundRequest>(
          [](auto& request) {
            request.set_target("main");
            request.mutable_policy()->set_gate("tests");
          },
          Mutation() + Prefixed("policy.", policy) +
              FieldTable{{"target", BranchName(Need::kRequired)},
                         {"member_agent_ids", Names("ann", "a b", 256)},
                         {"member_branches", Names("task-1", "a b", 256)},
                         {"tickets.ticket_ids", Names("T-1", "T-0", 1000)},
                         {"tickets.labels", Lines(32, 64)}}),
      RoundRow<pb::DeclareReadyRequest>({{"commit", WholeCommit()}, {"branch", BranchName()}}),
      RoundRow<pb::WithdrawReadyRequest>({{"branch", BranchName()}}),
      RoundRow<pb::IntegrateRoundRequest>({}),
      RoundRow<pb::CancelRoundRequest>({{"reason", LongText(4096)}}),
      Row<pb::GetRoundRequest>(Workspace() + MinRevision() +
                               FieldTable{{"round_id", RoundName()},
                                          {"wait", Duration(absl::ZeroDuration(), absl::Hours(1))},
                                          {"after_revision", NotNegative()}}),
      Row<pb::ListRoundsRequest>(Workspace() + Page() + MinRevision()),
      Row<pb::PlanIntegrationRequest>(Workspace() + MinRevision() +
                                      FieldTable{{"round_id", RoundName()}}),
  };
}

std::vector<RequestRow> GateRequests() {
  const auto named = [](auto& request) { request.set_gate_id("tests"); };
  const FieldTable gate = {{"gate_id", GateName(Need::kRequired)}};
  return {
      Row<pb::GetGateLogRequest>(Workspace() + MinRevision() +
                                 FieldTable{{"round_id", RoundName()}, {"gate_id", GateName()}}),
      Row<pb::SetGateRequest>(
          [](auto& request) {
            request.set_gate_id("tests");
            request.add_command("make");
          },
          Mutation() + gate +
              FieldTable{{"command", Anything()},  // its own tests are below
                         {"timeout", Duration(absl::Seconds(1), absl::Hours(24))},
                         {"target", BranchName()}}),
      Row<pb::DeleteGateRequest>(named, Mutation() + gate),
      Row<pb::ListGatesRequest>(Workspace() + Page() + MinRevision()),
      Row<pb::RunGateRequest>(named, Mutation() + gate),
  };
}

TEST(ValidateGate, ACommandHasAProgramAndMayHaveEmptyArguments) {
  pb::SetGateRequest request;
  request.set_gate_id("tests");
  EXPECT_FALSE(Validate(request).ok()) << "no command";
  request.add_command("");
  EXPECT_FALSE(Validate(request).ok()) << "no program";
  request.set_command(0, "make");
  request.add_command("");
  request.add_command("two\nlines");
  EXPECT_TRUE(Validate(request).ok()) << Validate(request);
  request.add_command(std::string("a\0b", 3));
  EXPECT_FALSE(Validate(request).ok());
  request.set_command(3, std::string(4096, 'a'));
  EXPECT_TRUE(Validate(request).ok());
  while (request.command_size() < 64) request.add_command("a");
  EXPECT_TRUE(Validate(request).ok());
  request.add_command("a");
  EXPECT_FALSE(Validate(request).ok());
}

TEST(ValidateGate, ALogIsOfARoundOrOfAGate) {
  pb::GetGateLogRequest request;
  request.set_round_id("C-1");
  request.set_gate_id("tests");
  EXPECT_FALSE(Validate(request).ok());
}

}  // namespace

std::vector<RequestRow> ConvergenceRequests() {
  std::vector<RequestRow> rows = RepositoryRequests();
  for (const auto& part : {RoundRequests(), GateRequests()}) {
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

}  // namespace coordhub::core
