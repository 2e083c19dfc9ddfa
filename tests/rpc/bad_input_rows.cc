#include "tests/rpc/bad_input_rows.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "hub/core/limits.h"

namespace coordhub::rpc {
namespace {

namespace limits = core::limits;
using Who = BadInput::Who;

const BadInputMethod& MethodOf(const std::string& name) {
  for (const BadInputMethod& method : BadInputMethods()) {
    if (method.name == name) return method;
  }
  std::abort();
}

}  // namespace

const std::vector<BadInputMethod>& BadInputMethods() {
  static const auto& methods = *new std::vector<BadInputMethod>{
      {"RegisterAgent", "agent_id: 'a'"},
      {"KeepAlive", "sequence: 1", Who::kHolder},
      {"DeregisterAgent", "agent_id: 'conversation-1'"},
      {"GetAgent", "agent_id: 'conversation-1'"},
      {"ListAgents", ""},
      {"CreateTicket", "spec { title: 't' }"},
      {"BatchCreateTickets", "tickets { spec { title: 't' } }"},
      {"GetTicket", "ticket_id: 'T-1'"},
      {"ListTickets", ""},
      {"UpdateTicket", "ticket_id: 'T-1' spec { title: 't' } update_mask { paths: 'title' }"},
      {"ClaimTicket", "ticket_id: 'T-1'", Who::kHolder},
      {"ClaimNextTicket", "", Who::kHolder},
      {"RenewClaim", "ticket_id: 'T-2' fence: $HELD", Who::kHolder},
      {"ReleaseTicket", "ticket_id: 'T-2' fence: $HELD", Who::kHolder},
      {"CompleteTicket", "ticket_id: 'T-2' fence: $HELD", Who::kHolder},
      {"FailTicket", "ticket_id: 'T-2' fence: $HELD reason: 'r'", Who::kHolder},
      {"CancelTicket", "ticket_id: 'T-1'"},
      {"ReopenTicket", "ticket_id: 'T-3'"},
      {"AddComment", "ticket_id: 'T-1' text: 't'"},
      {"UpdateProgress", "ticket_id: 'T-2' fence: $HELD", Who::kHolder},
      {"MutateTickets", "mutations { add_comment { ticket_id: 'T-1' text: 't' } }"},
      {"WatchEvents", ""},
      {"ListEvents", ""},
      {"GetHub", ""},
      {"ListWorkspaces", ""},
      {"ListLoops", ""},
      {"StepLoop", "loop_id: 'monitor'"},
      {"PauseLoop", "loop_id: 'monitor'"},
      {"ResumeLoop", "loop_id: 'monitor'"},
      {"CompactWorkspace", ""},
      {"BackupWorkspace", "directory: '/nowhere/else'"},
      {"VerifyWorkspace", ""},
      {"DrainHub", ""},
      {"GetRepositoryStatus", ""},
      {"ListBranches", ""},
      {"ListWorktrees", ""},
      {"ListConflicts", ""},
      {"PreviewMerge", "ours: 'main' theirs: 'task-1'"},
      {"CreateWorktree", "branch: 'task-1' path: '/w'"},
      {"RemoveWorktree", "path: '/w'"},
      {"GetOperation", "operation_id: 'O-1'"},
      {"ListOperations", ""},
      {"CancelOperation", "operation_id: 'O-1'"},
      {"OpenRound", "target: 'main' member_branches: 'task-new'"},
      {"DeclareReady", "branch: 'task-1'"},
      {"WithdrawReady", "branch: 'task-1'"},
      {"GetRound", "round_id: 'C-1'"},
      {"ListRounds", ""},
      {"CancelRound", ""},
      {"IntegrateRound", ""},
      {"PlanIntegration", "round_id: 'C-1'"},
      {"SetGate", "gate_id: 'new' command: 'true'"},
      {"DeleteGate", "gate_id: 'lint'"},
      {"RunGate", "gate_id: 'lint'"},
      {"ListGates", ""},
      {"GetGateLog", "gate_id: 'lint'"}};
  return methods;
}

std::string Text(size_t count) { return std::string(count, 'x'); }

std::string Quoted(const std::string& text) { return absl::StrCat("'", text, "'"); }

std::string Times(int count, const std::string& field) {
  std::string rows;
  for (int i = 0; i < count; ++i) absl::StrAppend(&rows, field, ": 'x", i, "' ");
  return rows;
}

std::string Repeat(int count, const std::string& text) {
  std::string rows;
  for (int i = 0; i < count; ++i) absl::StrAppend(&rows, text, " ");
  return rows;
}

BadInputRows::BadInputRows(std::vector<BadInput>* rows, const std::string& method)
    : rows_(*rows), method_(MethodOf(method)), who_(method_.who) {}

BadInputRows& BadInputRows::Add(const std::string& text, v1::ErrorReason reason,
                                const std::string& field, const std::string& about) {
  rows_.push_back({method_.name, alone_ ? text : absl::StrCat(method_.base, " ", text), reason,
                   field, who_, about});
  return *this;
}

BadInputRows& BadInputRows::Bad(const std::string& field, const std::string& text) {
  return Add(text, v1::ERROR_REASON_INVALID_FIELD, field, "");
}

BadInputRows& BadInputRows::Refused(const std::string& about, const std::string& text,
                                    v1::ErrorReason reason) {
  return Add(text, reason, "", about);
}

BadInputRows& BadInputRows::Unknown(const std::string& about, const std::string& text,
                                    v1::ErrorReason reason) {
  Add(text, reason, "", about);
  rows_.back().unknown_id = true;
  return *this;
}

BadInputRows& BadInputRows::Good(const std::string& text) {
  return Add(text, v1::ERROR_REASON_UNSPECIFIED, "", "");
}

BadInputRows& BadInputRows::Alone() {
  alone_ = true;
  return *this;
}

BadInputRows& BadInputRows::As(BadInput::Who who) {
  who_ = who;
  return *this;
}

BadInputRows& BadInputRows::Line(const std::string& field, size_t max, const std::string& first) {
  Good(absl::StrCat(field, ": ", Quoted(first + Text(max - first.size()))));
  Bad(field, absl::StrCat(field, ": ", Quoted(first + Text(max + 1 - first.size()))));
  Bad(field, absl::StrCat(field, ": '", first, "\\n'"));
  return Bad(field, absl::StrCat(field, ": '", first, kBidi, "'"));
}

BadInputRows& BadInputRows::LongText(const std::string& field, size_t max) {
  Good(absl::StrCat(field, ": '\\n\\t", Text(max - 2), "'"));
  Bad(field, absl::StrCat(field, ": ", Quoted(Text(max + 1))));
  return Bad(field, absl::StrCat(field, ": 'x\\001'"));
}

BadInputRows& BadInputRows::Labels(const std::string& field, const std::string& open,
                                   const std::string& close, const std::string& named) {
  Good(absl::StrCat(open, Times(limits::kLabels, field), close));
  Bad(named, absl::StrCat(open, Times(limits::kLabels + 1, field), close));
  Good(absl::StrCat(open, field, ": ", Quoted(Text(64)), close));
  Bad(named + "[0]", absl::StrCat(open, field, ": ", Quoted(Text(65)), close));
  return Bad(named + "[1]", absl::StrCat(open, field, ": 'a' ", field, ": ''", close));
}

BadInputRows& BadInputRows::AgentId(const std::string& field) {
  Unknown(field, absl::StrCat(field, ": ", Quoted(Text(limits::kAgentIdBytes))),
          v1::ERROR_REASON_UNSPECIFIED);
  return BadAgentId(field);
}

BadInputRows& BadInputRows::BadAgentId(const std::string& field) {
  Bad(field, absl::StrCat(field, ": ", Quoted(Text(limits::kAgentIdBytes + 1))));
  for (const char* id : {"a b", "/a", "a/", "a//b", "a/b/c/d/e", "..", "operator", "h\\303\\274"}) {
    Bad(field, absl::StrCat(field, ": '", id, "'"));
  }
  return *this;
}

BadInputRows& BadInputRows::Duration(const std::string& field, const std::string& min,
                                     const std::string& below, const std::string& max,
                                     const std::string& beyond) {
  const auto with = [&](const std::string& value) {
    return absl::StrCat(field, " { ", value, " }");
  };
  Good(with(min)).Good(with(max)).Bad(field, with(below)).Bad(field, with(beyond));
  return Bad(field, with("seconds: 10 nanos: -1")).Bad(field, with("nanos: 1000000000"));
}

}  // namespace coordhub::rpc
