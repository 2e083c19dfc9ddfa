#include "tests/rpc/bad_input_table.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "hub/core/limits.h"
#include "tests/rpc/bad_input_rows.h"
#include "tests/rpc/contract.h"
#include "tests/rpc/hub_fixture.h"

namespace coordhub::rpc {
namespace {

namespace limits = core::limits;
using Rows = std::vector<BadInput>;
using Who = BadInput::Who;

bool Has(const std::string& method, const std::set<std::string>& names) {
  return names.contains(method);
}

// Whether the hub of these tests, whose journals are in memory and which has no repository, can do
// it.
bool InMemory(const std::string& method) {
  return method != "BackupWorkspace" && method != "PreviewMerge" && method != "PlanIntegration";
}

// What many requests have in common.
void AddCommon(Rows* rows) {
  const std::set<std::string> without_workspace = {"ListWorkspaces", "DrainHub", "MutateTickets"};
  const std::set<std::string> lists = {"ListAgents",     "ListTickets",    "ListEvents",
                                       "ListWorkspaces", "ListBranches",   "ListWorktrees",
                                       "ListLoops",      "ListOperations", "ListRounds",
                                       "ListConflicts",  "ListGates"};
  const std::set<std::string> at_revision = {
      "GetAgent",        "ListAgents",      "GetTicket",
      "ListTickets",     "GetHub",          "ListEvents",
      "ListLoops",       "VerifyWorkspace", "GetRepositoryStatus",
      "ListBranches",    "ListWorktrees",   "GetOperation",
      "ListOperations",  "GetRound",        "ListRounds",
      "PlanIntegration", "ListConflicts",   "ListGates",
      "GetGateLog"};
  const std::set<std::string> reads = {
      "GetAgent",      "ListAgents",     "GetTicket",      "ListTickets",     "WatchEvents",
      "ListEvents",    "GetHub",         "ListWorkspaces", "VerifyWorkspace", "GetRepositoryStatus",
      "ListBranches",  "ListWorktrees",  "ListLoops",      "KeepAlive",       "MutateTickets",
      "GetOperation",  "ListOperations", "GetRound",       "ListRounds",      "PlanIntegration",
      "ListConflicts", "PreviewMerge",   "ListGates",      "GetGateLog"};
  for (const BadInputMethod& method : BadInputMethods()) {
    BadInputRows table(rows, method.name);
    if (!Has(method.name, without_workspace)) {
      table.Bad("workspace_id", absl::StrCat("workspace_id: ", Quoted(Text(129))));
      table.Bad("workspace_id", "workspace_id: 'a\\n'");
      table.Unknown("workspace_id", absl::StrCat("workspace_id: ", Quoted(Text(128))),
                    v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
      if (InMemory(method.name)) table.Good("workspace_id: 'main'");
    }
    if (!Has(method.name, reads)) {
      table.Bad("request_id", absl::StrCat("request_id: ", Quoted(Text(65))));
      table.Bad("request_id", "request_id: 'a b'");
      table.Bad("request_id", "request_id: '\\303\\274'");
      if (InMemory(method.name)) {
        table.Good(absl::StrCat("request_id: ", Quoted(Text(64))));
      }
    }
    if (Has(method.name, lists)) {
      table.Good("page_size: 0").Good("page_size: 1000").Good("page_size: 2000000000");
      table.Bad("page_size", "page_size: -1");
      table.Bad("page_token", absl::StrCat("page_token: ", Quoted(Text(513))));
      table.Refused("page_token", absl::StrCat("page_token: ", Quoted(Text(512))),
                    v1::ERROR_REASON_PAGE_TOKEN_INVALID);
      table.Refused("page_token", "page_token: 'AAAA'", v1::ERROR_REASON_PAGE_TOKEN_INVALID);
    }
    if (Has(method.name, at_revision)) {
      table.Bad("min_revision", "min_revision: -1");
      if (InMemory(method.name)) table.Good("min_revision: 1");
    }
  }
}

// Calls about one ticket.
void AddTicketCalls(Rows* rows) {
  const std::set<std::string> about_tickets = {
      "GetTicket",  "UpdateTicket", "ClaimTicket",  "RenewClaim", "ReleaseTicket", "CompleteTicket",
      "FailTicket", "CancelTicket", "ReopenTicket", "AddComment", "UpdateProgress"};
  const std::set<std::string> fenced = {"RenewClaim", "ReleaseTicket", "CompleteTicket",
                                        "FailTicket", "UpdateProgress"};
  for (const BadInputMethod& method : BadInputMethods()) {
    if (!Has(method.name, about_tickets)) continue;
    // What comes later in the text prevails.
    BadInputRows table(rows, method.name);
    for (const char* id :
         {"", "T", "T-", "T-0", "T-01", "T-1x", "t-1", "T--1", "17", "T-1000000000000000000"}) {
      table.Bad("ticket_id", absl::StrCat("ticket_id: '", id, "'"));
    }
    table.Unknown("ticket_id", "ticket_id: 'T-999999999999999999'",
                  v1::ERROR_REASON_TICKET_NOT_FOUND);
    if (!Has(method.name, fenced)) continue;
    table.Bad("fence", "fence: 0").Bad("fence", "fence: -1");
    table.Bad("fence", "fence: 9223372036854775807");
    table.Refused("fence", "ticket_id: 'T-3' fence: $OLD", v1::ERROR_REASON_CLAIM_SUPERSEDED);
    table.As(Who::kOther).Refused("fence", "", v1::ERROR_REASON_CLAIM_SUPERSEDED);
    table.As(Who::kOperator).Refused("fence", "", v1::ERROR_REASON_SESSION_REQUIRED);
  }
}

void AddAgents(Rows* rows) {
  BadInputRows(rows, "RegisterAgent")
      .AgentId("agent_id")
      .Bad("agent_id", "agent_id: ''")
      .Refused("agent_id", "agent_id: 'conversation-1'", v1::ERROR_REASON_AGENT_ACTIVE)
      .Line("branch", limits::kBranchBytes)
      .Line("worktree", limits::kPathBytes, "/")
      .Bad("worktree", "worktree: 'relative'")
      .Line("program", limits::kProgramBytes)
      .Labels("labels")
      .Duration("ttl", "seconds: 5", "seconds: 4 nanos: 999999999", "seconds: 86400",
                "seconds: 86400 nanos: 1")
      .Bad("ttl", "ttl { seconds: -60 }")
      .As(Who::kOther)
      .Bad("agent_id", "agent_id: 'conversation-3'");  // not below its own
  BadInputRows(rows, "DeregisterAgent")
      .BadAgentId("agent_id")
      .Bad("agent_id", "agent_id: ''")
      .Unknown("agent_id", "agent_id: 'nobody'", v1::ERROR_REASON_AGENT_NOT_FOUND)
      .LongText("reason", limits::kReasonBytes)
      .As(Who::kOther)
      .Refused("agent_id", "", v1::ERROR_REASON_OPERATOR_REQUIRED);
  BadInputRows(rows, "GetAgent")
      .BadAgentId("agent_id")
      .Bad("agent_id", "agent_id: ''")
      .Unknown("agent_id", "agent_id: 'nobody'", v1::ERROR_REASON_AGENT_NOT_FOUND);
  BadInputRows(rows, "ListAgents")
      .Good(Repeat(8, "states: STATE_ACTIVE"))
      .Bad("states", Repeat(9, "states: STATE_ACTIVE"))
      .Bad("states[1]", "states: STATE_ACTIVE states: STATE_UNSPECIFIED")
      .Bad("states[0]", "states: 99")
      .Good("order_by: ORDER_REGISTRATION")
      .Bad("order_by", "order_by: 99");
}

// The fields of a TicketSpec, within `open` and `close`; refusals name them below `path`.
void AddSpec(BadInputRows table, const std::string& open, const std::string& close,
             const std::string& path) {
  const auto bad = [&](const std::string& field, const std::string& text) {
    table.Bad(path + field, absl::StrCat(open, " ", text, " ", close));
  };
  const auto good = [&](const std::string& text) {
    table.Good(absl::StrCat(open, " ", text, " ", close));
  };
  const auto unknown = [&](const std::string& field, const std::string& text,
                           v1::ErrorReason reason) {
    table.Unknown(path + field, absl::StrCat(open, " ", text, " ", close), reason);
  };
  good(absl::StrCat("title: ", Quoted(Text(512))));
  bad("title", absl::StrCat("title: ", Quoted(Text(513))));
  bad("title", "title: ''");
  bad("title", "title: '  '");
  bad("title", "title: 'two\\nlines'");
  bad("title", absl::StrCat("title: 'x", kBidi, "'"));
  good(absl::StrCat("title: 't' body: ", Quoted(Text(65'536))));
  bad("body", absl::StrCat("title: 't' body: ", Quoted(Text(65'537))));
  bad("body", "title: 't' body: '\\000'");
  good("title: 't' priority: 0");
  good("title: 't' priority: 4");
  bad("priority", "title: 't' priority: 5");
  bad("priority", "title: 't' priority: -1");
  table.Labels("labels", open + " title: 't' ", close, path + "labels");
  good("title: 't' " + Times(64, "paths"));
  bad("paths", "title: 't' " + Times(65, "paths"));
  good(absl::StrCat("title: 't' paths: ", Quoted(Text(512))));
  bad("paths[0]", absl::StrCat("title: 't' paths: ", Quoted(Text(513))));
  bad("paths[0]", "title: 't' paths: ''");
  bad("dependencies", "title: 't' " + Repeat(101, "dependencies { ticket_id: 'T-1' }"));
  bad("dependencies[1].ticket_id",
      "title: 't' dependencies { ticket_id: 'T-1' } dependencies { ticket_id: 'T-1' }");
  bad("dependencies[0].ticket_id", "title: 't' dependencies { }");
  bad("dependencies[0].ticket_id", "title: 't' dependencies { ticket_id: 'T-x' }");
  bad("dependencies[0].ticket_id", "title: 't' dependencies { ticket_id: '@nobody' }");
  bad("dependencies[0].until", "title: 't' dependencies { ticket_id: 'T-1' until: 99 }");
  good("title: 't' dependencies { ticket_id: 'T-3' until: UNTIL_DONE }");
  good("title: 't' dependencies { ticket_id: 'T-3' until: UNTIL_INTEGRATED }");
  bad("parent_ticket_id", "title: 't' parent_ticket_id: 'T-x'");
  good("title: 't' parent_ticket_id: 'T-4'");
  bad("assignee_agent_id", "title: 't' assignee_agent_id: 'a b'");
  bad("assignee_agent_id", absl::StrCat("title: 't' assignee_agent_id: ", Quoted(Text(129))));
  // An agent may be meant that registers later.
  unknown("assignee_agent_id", absl::StrCat("title: 't' assignee_agent_id: ", Quoted(Text(128))),
          v1::ERROR_REASON_UNSPECIFIED);
  good("title: 't' not_before { seconds: 253402300799 nanos: 999999999 }");
  bad("not_before", "title: 't' not_before { seconds: 253402300800 }");
  bad("not_before", "title: 't' not_before { seconds: 1 nanos: -1 }");
  good("title: 't' max_attempts: 100");
  bad("max_attempts", "title: 't' max_attempts: 101");
  bad("max_attempts", "title: 't' max_attempts: -1");
  unknown("dependencies[0].ticket_id", "title: 't' dependencies { ticket_id: 'T-99' }",
          v1::ERROR_REASON_TICKET_NOT_FOUND);
  unknown("parent_ticket_id", "title: 't' parent_ticket_id: 'T-99'",
          v1::ERROR_REASON_TICKET_NOT_FOUND);
}

void AddNewTickets(Rows* rows) {
  AddSpec(BadInputRows(rows, "CreateTicket").Alone(), "spec {", "}", "spec.");
  BadInputRows(rows, "CreateTicket").Alone().Bad("spec", "");
  AddSpec(BadInputRows(rows, "BatchCreateTickets").Alone(), "tickets { spec {", "} }",
          "tickets[0].spec.");
  const std::string one = "tickets { spec { title: 't' } }";
  BadInputRows(rows, "BatchCreateTickets")
      .Alone()
      .Bad("tickets", "")
      .Good(Repeat(500, one))
      .Bad("tickets", Repeat(501, one))
      .Bad("tickets[1].spec", one + " tickets { }")
      .Good(absl::StrCat("tickets { local_id: ", Quoted(Text(64)), " spec { title: 't' } }"))
      .Bad("tickets[0].local_id",
           absl::StrCat("tickets { local_id: ", Quoted(Text(65)), " spec { title: 't' } }"))
      .Bad("tickets[0].local_id", "tickets { local_id: 'a b' spec { title: 't' } }")
      .Bad("tickets[1].local_id", Repeat(2, "tickets { local_id: 'a' spec { title: 't' } }"))
      .Refused("tickets",
               "tickets { local_id: 'a' spec { title: 't' dependencies { ticket_id: '@b' } } } "
               "tickets { local_id: 'b' spec { title: 't' dependencies { ticket_id: '@a' } } }",
               v1::ERROR_REASON_DEPENDENCY_CYCLE);
}

void AddTickets(Rows* rows) {
  BadInputRows(rows, "GetTicket")
      .Good("comment_page_size: 200")
      .Bad("comment_page_size", "comment_page_size: 201")
      .Bad("comment_page_size", "comment_page_size: -1")
      .Good("comments_before: 1")
      .Bad("comments_before", "comments_before: -1");
  BadInputRows(rows, "ListTickets")
      .Good(Repeat(8, "states: STATE_OPEN"))
      .Bad("states", Repeat(9, "states: STATE_OPEN"))
      .Bad("states[0]", "states: STATE_UNSPECIFIED")
      .Bad("states[0]", "states: 99")
      .Labels("labels")
      .AgentId("holder_agent_id")
      .AgentId("assignee_agent_id")
      .Unknown("parent_ticket_id", "parent_ticket_id: 'T-99'", v1::ERROR_REASON_UNSPECIFIED)
      .Bad("parent_ticket_id", "parent_ticket_id: 'T-x'");
  const std::string all_fields =
      "ticket_id: 'T-1' update_mask { paths: 'title' paths: 'body' paths: 'priority' "
      "paths: 'labels' paths: 'paths' paths: 'dependencies' paths: 'parent_ticket_id' "
      "paths: 'assignee_agent_id' paths: 'not_before' paths: 'max_attempts' } ";
  AddSpec(BadInputRows(rows, "UpdateTicket").Alone(), all_fields + "spec {", "}", "spec.");
  BadInputRows(rows, "UpdateTicket")
      .Good("expected_revision: 3")
      .Bad("expected_revision", "expected_revision: -1")
      .Refused("expected_revision", "expected_revision: 1", v1::ERROR_REASON_REVISION_MISMATCH)
      .Bad("update_mask.paths[1]", "update_mask { paths: 'state' }")
      .Bad("update_mask.paths[1]", "update_mask { paths: 'title' }")
      .Refused("spec",
               "spec { dependencies { ticket_id: 'T-1' } } update_mask { paths: 'dependencies' }",
               v1::ERROR_REASON_DEPENDENCY_CYCLE)
      .Alone()
      .Bad("update_mask", "ticket_id: 'T-1' spec { title: 't' }")
      .Refused("ticket_id",
               "ticket_id: 'T-3' spec { assignee_agent_id: 'a' } "
               "update_mask { paths: 'assignee_agent_id' }",
               v1::ERROR_REASON_TICKET_STATE)
      .As(Who::kHolder)
      .Refused("ticket_id", "ticket_id: 'T-4' spec { title: 't' } update_mask { paths: 'title' }",
               v1::ERROR_REASON_NOT_TICKET_OWNER);
}

void AddClaims(Rows* rows) {
  const auto timeouts = [](BadInputRows table) {
    table.Duration("claim_timeout", "seconds: 1", "nanos: 999999999", "seconds: 604800",
                   "seconds: 604800 nanos: 1");
  };
  timeouts(BadInputRows(rows, "ClaimTicket"));
  timeouts(BadInputRows(rows, "ClaimNextTicket"));
  BadInputRows(rows, "ClaimTicket")
      .Refused("ticket_id", "ticket_id: 'T-3'", v1::ERROR_REASON_TICKET_STATE)
      .As(Who::kOther)
      .Refused("ticket_id", "ticket_id: 'T-2'", v1::ERROR_REASON_TICKET_CLAIMED)
      .As(Who::kOperator)
      .Refused("ticket_id", "", v1::ERROR_REASON_SESSION_REQUIRED);
  BadInputRows(rows, "ClaimNextTicket")
      .Labels("labels")
      .Good("max_priority: 0")
      .Good("max_priority: 4")
      .Bad("max_priority", "max_priority: 5")
      .Bad("max_priority", "max_priority: -1")
      .Duration("wait", "seconds: 0", "seconds: -1", "seconds: 3600", "seconds: 3600 nanos: 1")
      .As(Who::kOperator)
      .Refused("wait", "", v1::ERROR_REASON_SESSION_REQUIRED);
  BadInputRows(rows, "ReleaseTicket")
      .LongText("reason", limits::kReasonBytes)
      .Refused("fence", "force: true fence: 0", v1::ERROR_REASON_OPERATOR_REQUIRED)
      .As(Who::kOperator)
      .Bad("fence", "force: true fence: -1")
      .Refused("ticket_id", "ticket_id: 'T-1' force: true", v1::ERROR_REASON_TICKET_STATE);
  BadInputRows(rows, "CompleteTicket")
      .Good("commit: '0123abc'")
      .Good("commit: '" + std::string(64, 'a') + "'")
      .Bad("commit", "commit: '0123ab'")
      .Bad("commit", "commit: '" + std::string(65, 'a') + "'")
      .Bad("commit", "commit: 'main123'")
      .LongText("summary", limits::kReasonBytes);
  BadInputRows(rows, "FailTicket")
      .LongText("reason", limits::kReasonBytes)
      .Bad("reason", "reason: ''")
      .Bad("reason", "reason: ' '")
      .Duration("retry_delay", "seconds: 0", "seconds: -1", "seconds: 86400",
                "seconds: 86400 nanos: 1");
  BadInputRows(rows, "CancelTicket")
      .LongText("reason", limits::kReasonBytes)
      .Refused("ticket_id", "ticket_id: 'T-3'", v1::ERROR_REASON_TICKET_STATE)
      .As(Who::kHolder)
      .Refused("ticket_id", "ticket_id: 'T-4'", v1::ERROR_REASON_NOT_TICKET_OWNER);
  BadInputRows(rows, "ReopenTicket")
      .LongText("reason", limits::kReasonBytes)
      .Refused("ticket_id", "ticket_id: 'T-1'", v1::ERROR_REASON_TICKET_STATE)
      .Refused("ticket_id", "ticket_id: 'T-2'", v1::ERROR_REASON_TICKET_STATE)
      .As(Who::kOther)
      .Refused("ticket_id", "", v1::ERROR_REASON_NOT_TICKET_OWNER);
  BadInputRows(rows, "AddComment").LongText("text", limits::kTextBytes).Bad("text", "text: ''");
  BadInputRows(rows, "UpdateProgress")
      .Line("note", limits::kNoteBytes)
      .Good("percent: 0")
      .Good("percent: 100")
      .Bad("percent", "percent: 101")
      .Bad("percent", "percent: -1");
}

// Each mutation by itself is as in the call of its name, and answered in the stream: see
// bad_input_test.cc.
void AddMutations(Rows* rows) {
  const std::string one = "mutations { add_comment { ticket_id: 'T-1' text: 't' } }";
  BadInputRows(rows, "MutateTickets")
      .Alone()
      .Bad("mutations", "")
      .Good(Repeat(500, one))
      .Bad("mutations", Repeat(501, one));
}

void AddEvents(Rows* rows) {
  for (const char* method : {"WatchEvents", "ListEvents"}) {
    const auto filter = [](const std::string& text) { return "filter { " + text + " }"; };
    BadInputRows(rows, method)
        .Good(absl::StrCat("after_revision: 1 log_id: ", Quoted(LogIdOfTestHub())))
        .Bad("after_revision", "after_revision: -1")
        .Refused("after_revision", "after_revision: 1000", v1::ERROR_REASON_LOG_REPLACED)
        .Bad("log_id", absl::StrCat("log_id: ", Quoted(Text(65))))
        .Unknown("log_id", absl::StrCat("after_revision: 1 log_id: ", Quoted(Text(64))),
                 v1::ERROR_REASON_LOG_REPLACED)
        .Good(filter(Repeat(64, "kinds: EVENT_KIND_TICKET_CREATED")))
        .Bad("filter.kinds", filter(Repeat(65, "kinds: EVENT_KIND_TICKET_CREATED")))
        .Bad("filter.kinds[0]", filter("kinds: EVENT_KIND_UNSPECIFIED"))
        .Bad("filter.kinds[0]", filter("kinds: 9999"))
        .Good(filter(Repeat(64, "ticket_ids: 'T-1'")))
        .Bad("filter.ticket_ids", filter(Repeat(65, "ticket_ids: 'T-1'")))
        .Bad("filter.ticket_ids[0]", filter("ticket_ids: ''"))
        .Bad("filter.ticket_ids[1]", filter("ticket_ids: 'T-1' ticket_ids: 'x'"))
        .Good(filter(Repeat(64, "agent_ids: 'a'")))
        .Unknown("filter.ticket_ids", filter("ticket_ids: 'T-99'"), v1::ERROR_REASON_UNSPECIFIED)
        .Unknown("filter.agent_ids", filter("agent_ids: 'nobody'"), v1::ERROR_REASON_UNSPECIFIED)
        .Bad("filter.agent_ids", filter(Repeat(65, "agent_ids: 'a'")))
        .Bad("filter.agent_ids[0]", filter("agent_ids: 'a b'"))
        .Labels("labels", "filter { ", " }", "filter.labels")
        .Good(filter(Repeat(8, "ticket_states: STATE_OPEN")))
        .Bad("filter.ticket_states", filter(Repeat(9, "ticket_states: STATE_OPEN")))
        .Bad("filter.ticket_states[0]", filter("ticket_states: 99"));
  }
  BadInputRows(rows, "WatchEvents")
      .Good("start: START_NOW")
      .Bad("start", "start: 99")
      .Duration("bookmark_interval", "seconds: 1", "nanos: 999999999", "seconds: 3600",
                "seconds: 3600 nanos: 1");
}

void AddLoops(Rows* rows) {
  for (const char* method : {"StepLoop", "PauseLoop", "ResumeLoop"}) {
    BadInputRows(rows, method)
        .Bad("loop_id", "loop_id: ''")
        .Bad("loop_id", "loop_id: ' '")
        .Bad("loop_id", "loop_id: 'a\\n'")
        .Bad("loop_id", absl::StrCat("loop_id: ", Quoted(Text(limits::kLoopIdBytes + 1))))
        .Unknown("loop_id", absl::StrCat("loop_id: ", Quoted(Text(limits::kLoopIdBytes))),
                 v1::ERROR_REASON_LOOP_NOT_FOUND)
        .As(Who::kHolder)
        .Refused("loop_id", "", v1::ERROR_REASON_OPERATOR_REQUIRED);
  }
}

void AddHub(Rows* rows) {
  BadInputRows(rows, "CompactWorkspace")
      .Good("revision: 3")
      .Bad("revision", "revision: -1")
      .Bad("revision", "revision: 1000")
      .As(Who::kHolder)
      .Refused("revision", "", v1::ERROR_REASON_OPERATOR_REQUIRED);
  BadInputRows(rows, "BackupWorkspace")
      .Bad("directory", "directory: ''")
      .Bad("directory", "directory: 'relative/path'")
      .Bad("directory", "directory: '/a\\n'")
      .Bad("directory", absl::StrCat("directory: '/", Text(4'096), "'"))
      .As(Who::kHolder)
      .Refused("directory", "", v1::ERROR_REASON_OPERATOR_REQUIRED);
  BadInputRows(rows, "VerifyWorkspace")
      .As(Who::kHolder)
      .Refused("workspace_id", "", v1::ERROR_REASON_OPERATOR_REQUIRED);
  BadInputRows(rows, "DrainHub")
      .Bad("reason", absl::StrCat("reason: ", Quoted(Text(4'097))))
      .Bad("reason", "reason: '\\001'")
      .Good(absl::StrCat("reason: ", Quoted(Text(4'096))))
      .As(Who::kHolder)
      .Refused("reason", "", v1::ERROR_REASON_OPERATOR_REQUIRED);
}

void AddOperations(Rows* rows) {
  for (const char* method : {"GetOperation", "CancelOperation"}) {
    BadInputRows(rows, method)
        .Bad("operation_id", "operation_id: ''")
        .Bad("operation_id", "operation_id: 'T-1'")
        .Bad("operation_id", "operation_id: 'O-01'")
        .Unknown("operation_id", "operation_id: 'O-99'", v1::ERROR_REASON_OPERATION_NOT_FOUND)
        .Good("operation_id: 'O-1'");
  }
  BadInputRows(rows, "ListOperations")
      .Good("states: STATE_RUNNING states: STATE_DONE")
      .Bad("states[0]", "states: STATE_UNSPECIFIED")
      .Bad("states[0]", "states: 99")
      .Bad("states", "states: [1, 1, 1, 1, 1, 1, 1, 1, 1]");
  BadInputRows(rows, "CancelOperation")
      .Bad("reason", absl::StrCat("reason: ", Quoted(Text(4'097))))
      .Bad("reason", "reason: '\\001'")
      .Good(absl::StrCat("reason: ", Quoted(Text(4'096))))
      .As(Who::kHolder)
      .Refused("operation_id", "", v1::ERROR_REASON_OPERATOR_REQUIRED);
}

}  // namespace

bool OperatorsOnly(const std::string& method) {
  return AccessOf(MethodNamed(method)) == v1::ACCESS_OPERATOR;
}

std::vector<BadInput> BadInputTable() {
  Rows rows;
  AddCommon(&rows);
  AddTicketCalls(&rows);
  AddAgents(&rows);
  AddNewTickets(&rows);
  AddTickets(&rows);
  AddClaims(&rows);
  AddMutations(&rows);
  AddEvents(&rows);
  AddLoops(&rows);
  AddHub(&rows);
  AddOperations(&rows);
  AddConvergence(&rows);
  AddRepository(&rows);
  return rows;
}

}  // namespace coordhub::rpc
