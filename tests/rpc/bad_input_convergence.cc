// The rows of ConvergenceService.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hub/core/limits.h"
#include "tests/rpc/bad_input_rows.h"

namespace coordhub::rpc {
namespace {

namespace limits = core::limits;
using Rows = std::vector<BadInput>;
using Who = BadInput::Who;

void AddRounds(Rows* rows) {
  for (const char* method : {"DeclareReady", "WithdrawReady", "GetRound", "CancelRound",
                             "IntegrateRound", "PlanIntegration"}) {
    BadInputRows(rows, method)
        .Bad("round_id", "round_id: 'C-01'")
        .Bad("round_id", "round_id: 'O-1'")
        .Unknown("round_id", "round_id: 'C-99'", v1::ERROR_REASON_ROUND_NOT_FOUND);
  }
  for (const char* method : {"DeclareReady", "WithdrawReady", "CancelRound"}) {
    BadInputRows(rows, method).Good("round_id: 'C-1'");
  }
  for (const char* method : {"DeclareReady", "WithdrawReady"}) {
    BadInputRows(rows, method)
        .Bad("branch", "branch: ''")
        .Bad("branch", "branch: 'a..b'")
        .Bad("branch", absl::StrCat("branch: ", Quoted(Text(256))))
        .Refused("branch", "branch: 'task-2' round_id: 'C-1'", v1::ERROR_REASON_NOT_ROUND_MEMBER)
        .Good("branch: 'task-1'")
        .As(Who::kOther)
        .Refused("branch", "", v1::ERROR_REASON_OPERATOR_REQUIRED);
  }
  BadInputRows(rows, "DeclareReady")
      .Bad("commit", "commit: 'abc'")
      .Bad("commit", absl::StrCat("commit: ", Quoted(std::string(40, 'g'))))
      .Good(absl::StrCat("commit: ", Quoted(std::string(40, 'a'))));
  BadInputRows(rows, "IntegrateRound")
      .As(Who::kHolder)
      .Refused("round_id", "", v1::ERROR_REASON_OPERATOR_REQUIRED);
  BadInputRows(rows, "CancelRound")
      .LongText("reason", limits::kReasonBytes)
      .As(Who::kHolder)
      .Refused("round_id", "round_id: 'C-1'", v1::ERROR_REASON_OPERATOR_REQUIRED);
  BadInputRows(rows, "GetRound")
      .Bad("after_revision", "after_revision: -1")
      .Good("after_revision: 1")
      .Bad("wait", "wait { seconds: 3601 }")
      .Bad("wait", "wait { seconds: -1 }")
      .Good("wait { seconds: 0 }");
}

void AddRoundOpening(Rows* rows) {
  for (const char* name : {" ", "a b", "a..b", "-a", "/a", "a/", "a^", "a:b", "a\\n", "a.", "a*"}) {
    BadInputRows(rows, "OpenRound").Bad("target", absl::StrCat("target: '", name, "'"));
  }
  BadInputRows(rows, "OpenRound")
      .Bad("target", "target: ''")
      .Bad("member_branches[1]", "member_branches: 'a b'")
      .Refused("member_branches[1]", "member_branches: 'nowhere'",
               v1::ERROR_REASON_BRANCH_NOT_FOUND)
      .Bad("member_branches[1]", "member_branches: 'main'")
      .Refused("member_branches[1]", "member_branches: 'task-1'", v1::ERROR_REASON_ROUND_STATE)
      .Bad("member_branches", Times(limits::kRoundMembers, "member_branches"))
      .Bad("member_agent_ids[0]", "member_agent_ids: 'a b'")
      .Unknown("member_agent_ids[0]", "member_agent_ids: 'nobody'",
               v1::ERROR_REASON_AGENT_NOT_FOUND)
      .Good("member_agent_ids: 'conversation-2'")
      .Bad("member_agent_ids", Times(limits::kRoundMembers + 1, "member_agent_ids"))
      .Bad("tickets.ticket_ids[0]", "tickets { ticket_ids: 'T-0' }")
      .Unknown("tickets.ticket_ids[0]", "tickets { ticket_ids: 'T-999999' }",
               v1::ERROR_REASON_TICKET_NOT_FOUND)
      .Good("tickets { ticket_ids: 'T-1' }")
      .Labels("labels", "tickets { ", " }", "tickets.labels")
      .Bad("policy.method", "policy { method: 99 }")
      .Good("policy { method: METHOD_SQUASH }")
      .Good("policy { gate: 'lint' }")
      .Bad("policy.gate", "policy { gate: 'A' }")
      .Refused("policy.gate", "policy { gate: 'tests' }", v1::ERROR_REASON_GATE_NOT_FOUND)
      .Bad("policy.gate_each_member", "policy { gate_each_member: true }")
      .Bad("policy.committer", "policy { committer: 'nobody' }")
      .Bad("policy.committer", "policy { committer: '<a@b>' }")
      .Bad("policy.committer", "policy { committer: 'a <b> c' }")
      .Good("policy { committer: 'Ada <ada@example.org>' }")
      .Bad("policy.drop_lost_members_after", "policy { drop_lost_members_after { seconds: -1 } }")
      .Bad("policy.drop_lost_members_after",
           "policy { drop_lost_members_after { seconds: 604801 } }")
      .Good("policy { drop_lost_members_after { seconds: 604800 } }");
}

void AddGates(Rows* rows) {
  for (const char* method : {"SetGate", "DeleteGate", "RunGate"}) {
    BadInputRows(rows, method)
        .Bad("gate_id", "gate_id: ''")
        .Bad("gate_id", "gate_id: 'A'")
        .Bad("gate_id", "gate_id: 'a b'")
        .Bad("gate_id", "gate_id: 'a/b'")
        .Bad("gate_id", absl::StrCat("gate_id: ", Quoted(Text(limits::kGateIdBytes + 1))));
  }
  for (const char* method : {"DeleteGate", "RunGate", "GetGateLog"}) {
    BadInputRows(rows, method)
        .Unknown("gate_id", absl::StrCat("gate_id: ", Quoted(Text(limits::kGateIdBytes))),
                 v1::ERROR_REASON_GATE_NOT_FOUND);
  }
  BadInputRows(rows, "SetGate")
      .Good(absl::StrCat("gate_id: ", Quoted(Text(limits::kGateIdBytes))))
      .Bad("command[1]", absl::StrCat("command: ", Quoted(Text(limits::kGateArgumentBytes + 1))))
      .Bad("command[1]", "command: 'a\\000b'")
      .Good(absl::StrCat("command: ", Quoted(Text(limits::kGateArgumentBytes))))
      .Good("command: ''")
      .Bad("command", Times(limits::kGateArguments, "command"))
      .Good(Times(limits::kGateArguments - 1, "command"))
      .Bad("target", "target: 'a..b'")
      .Bad("target", "target: '-a'")
      .Good("target: 'main'")
      .Duration("timeout", "seconds: 1", "nanos: 999999999", "seconds: 86400",
                "seconds: 86400 nanos: 1")
      .Alone()
      .Bad("command", "gate_id: 'a'")
      .Bad("command[0]", "gate_id: 'a' command: ''");
  BadInputRows(rows, "RunGate").Bad("gate_id", "gate_id: 'untargeted'");
  BadInputRows(rows, "GetGateLog")
      .Bad("gate_id", "gate_id: 'A'")
      .Bad("gate_id", "gate_id: 'lint' round_id: 'C-1'")
      .Alone()
      .Bad("round_id", "round_id: 'C-01'")
      .Unknown("round_id", "round_id: 'C-99'", v1::ERROR_REASON_ROUND_NOT_FOUND)
      .Good("round_id: 'C-1'")
      .Good("");
}

}  // namespace

void AddConvergence(std::vector<BadInput>* rows) {
  AddRounds(rows);
  AddRoundOpening(rows);
  AddGates(rows);
}

}  // namespace coordhub::rpc
