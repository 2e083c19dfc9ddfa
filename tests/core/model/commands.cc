#include "tests/core/model/commands.h"

#include <set>

#include "absl/strings/str_cat.h"

namespace coordhub::model {
namespace {

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(absl::ToUnixSeconds(time));
  timestamp.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(absl::ToUnixSeconds(time)))));
  return timestamp;
}

std::string Id(int64_t number) { return absl::StrCat("T-", number); }

}  // namespace

const std::vector<std::string>& AgentIds() {
  static const auto& ids = *new std::vector<std::string>{
      "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a1/x", "a1/y", "a2/x", "a1/x/z"};
  return ids;
}

const std::vector<std::string>& LabelPool() {
  static const auto& labels = *new std::vector<std::string>{"cc", "docs", "rust"};
  return labels;
}

// ---- who and what ----

core::Caller CommandMaker::SessionOf(const std::string& agent_id) const {
  const auto agent = model_.agents.find(agent_id);
  if (agent == model_.agents.end()) {
    return core::Caller::Session("uid-of-nobody");
  }
  return core::Caller::Session(agent->second.session_uid);
}

core::Caller CommandMaker::SomeCaller() {
  const int roll = dice_.Roll(100);
  if (roll < 15) return core::Caller::Operator();
  if (roll < 18) return core::Caller::Hub("coordinator");
  if (roll < 20) return core::Caller::File("tickets.md");
  if (roll < 21) return core::Caller::Observer();
  if (roll < 24 && !session_uids_.empty()) return core::Caller::Session(dice_.Pick(session_uids_));
  std::vector<std::string> live;
  for (const auto& [id, agent] : model_.agents) {
    if (agent.state == v1::Agent::STATE_ACTIVE) live.push_back(id);
  }
  return SessionOf(live.empty() || dice_.Chance(10) ? dice_.Pick(AgentIds()) : dice_.Pick(live));
}

core::Caller CommandMaker::HolderOf(int64_t number) {
  const auto ticket = model_.tickets.find(number);
  if (dice_.Chance(15) || ticket == model_.tickets.end() || ticket->second.holder.empty()) {
    return SomeCaller();
  }
  return SessionOf(ticket->second.holder);
}

int64_t CommandMaker::SomeTicket() {
  const int64_t last = model_.tickets.empty() ? 0 : model_.tickets.rbegin()->first;
  if (dice_.Chance(2)) return last + 1;  // there is none
  return std::max<int64_t>(1, last - dice_.Roll(kTickets));
}

int64_t CommandMaker::SomeTicketIn(v1::Ticket::State state) {
  if (dice_.Chance(10)) return SomeTicket();
  std::vector<int64_t> numbers;
  for (const auto& [number, ticket] : model_.tickets) {
    if (ticket.settled_state == state) numbers.push_back(number);
  }
  return numbers.empty() ? SomeTicket() : dice_.Pick(numbers);
}

int64_t CommandMaker::SomeFence(int64_t number) {
  const auto ticket = model_.tickets.find(number);
  if (ticket == model_.tickets.end()) return 1 + dice_.Roll(100);
  const int64_t fence = ticket->second.last_fence;
  if (dice_.Chance(90) && fence > 0) return fence;
  return std::max<int64_t>(1, fence - 10 + dice_.Roll(20));
}

std::string CommandMaker::SomeReference() { return Id(SomeTicket()); }

std::vector<std::string> CommandMaker::SomeLabels(int percent) {
  std::vector<std::string> labels;
  for (const std::string& label : LabelPool()) {
    if (dice_.Chance(percent)) labels.push_back(label);
  }
  // Callers need not sort them, nor name each once.
  if (labels.size() > 1 && dice_.Chance(20)) std::swap(labels.front(), labels.back());
  if (!labels.empty() && dice_.Chance(10)) labels.push_back(labels.front());
  return labels;
}

v1::TicketSpec CommandMaker::SomeSpec() {
  v1::TicketSpec spec;
  spec.set_title(absl::StrCat("title ", dice_.Roll(1000)));
  if (dice_.Chance(30)) spec.set_body(absl::StrCat("body ", dice_.Roll(1000)));
  if (dice_.Chance(60)) spec.set_priority(dice_.Roll(5));
  for (const std::string& label : SomeLabels(30)) spec.add_labels(label);
  std::set<std::string> dependencies;
  while (dice_.Chance(25)) dependencies.insert(SomeReference());
  for (const std::string& ticket_id : dependencies) {
    v1::Dependency& dependency = *spec.add_dependencies();
    dependency.set_ticket_id(ticket_id);
    const int until = dice_.Roll(20);
    dependency.set_until(until == 0  ? v1::Dependency::UNTIL_INTEGRATED
                         : until < 9 ? v1::Dependency::UNTIL_DONE
                                     : v1::Dependency::UNTIL_UNSPECIFIED);
  }
  if (dice_.Chance(20)) spec.set_parent_ticket_id(SomeReference());
  if (dice_.Chance(10)) spec.set_assignee_agent_id(dice_.Pick(AgentIds()));
  if (dice_.Chance(15)) {
    *spec.mutable_not_before() = ToTimestamp(model_.now.wall + absl::Seconds(dice_.Roll(30) - 5));
  }
  if (dice_.Chance(50)) spec.set_max_attempts(1 + dice_.Roll(4));
  return spec;
}

// ---- commands ----

core::Command CommandMaker::Register() {
  core::RegisterAgent command;
  v1::RegisterAgentRequest& request = command.request;
  request.set_agent_id(dice_.Pick(AgentIds()));
  request.set_branch(absl::StrCat("branch-", dice_.Roll(3)));
  if (dice_.Chance(70)) request.mutable_ttl()->set_seconds(5 + dice_.Roll(60));
  request.set_takeover(dice_.Chance(25));
  command.new_session_uid = absl::StrCat("uid-", ++sessions_);
  session_uids_.push_back(command.new_session_uid);
  const std::string& id = request.agent_id();
  core::Caller caller = core::Caller::Operator();
  const size_t slash = id.rfind('/');
  if (slash != std::string::npos && dice_.Chance(80)) caller = SessionOf(id.substr(0, slash));
  if (dice_.Chance(10)) caller = SessionOf(id);
  if (dice_.Chance(5)) caller = SomeCaller();
  return {.caller = caller, .body = command};
}

core::Command CommandMaker::Deregister() {
  v1::DeregisterAgentRequest request;
  if (dice_.Chance(40)) request.set_agent_id(dice_.Chance(90) ? dice_.Pick(AgentIds()) : "a99");
  return {.caller = SomeCaller(), .body = request};
}

core::Command CommandMaker::Create() {
  v1::CreateTicketRequest request;
  *request.mutable_spec() = SomeSpec();
  return {.caller = SomeCaller(), .body = request};
}

core::Command CommandMaker::Batch() {
  v1::BatchCreateTicketsRequest request;
  const int count = 1 + dice_.Roll(4);
  for (int i = 0; i < count; ++i) {
    v1::NewTicket& member = *request.add_tickets();
    if (dice_.Chance(90)) member.set_local_id(absl::StrCat("m", i));
    *member.mutable_spec() = SomeSpec();
    const auto some_member = [&] { return absl::StrCat("@m", dice_.Roll(count)); };
    if (dice_.Chance(40)) member.mutable_spec()->add_dependencies()->set_ticket_id(some_member());
    if (dice_.Chance(20)) member.mutable_spec()->set_parent_ticket_id(some_member());
  }
  return {.caller = SomeCaller(), .body = request};
}

core::Command CommandMaker::Update() {
  v1::UpdateTicketRequest request;
  const int64_t number = SomeTicket();
  request.set_ticket_id(Id(number));
  *request.mutable_spec() = SomeSpec();
  for (const char* field :
       {"title", "body", "priority", "labels", "paths", "dependencies", "parent_ticket_id",
        "assignee_agent_id", "not_before", "max_attempts"}) {
    if (dice_.Chance(15)) request.mutable_update_mask()->add_paths(field);
  }
  if (request.update_mask().paths().empty()) request.mutable_update_mask()->add_paths("priority");
  // The ticket's true revision is the world's to fill in.
  if (dice_.Chance(10)) request.set_expected_revision(dice_.Chance(50) ? 1 : 2);
  core::Caller caller = dice_.Chance(50) ? core::Caller::Operator() : HolderOf(number);
  return {.caller = caller, .body = request};
}

core::Command CommandMaker::Claim() {
  v1::ClaimTicketRequest request;
  request.set_ticket_id(Id(dice_.Chance(60) ? SomeTicketIn(v1::Ticket::STATE_OPEN) : SomeTicket()));
  if (dice_.Chance(30)) request.mutable_claim_timeout()->set_seconds(1 + dice_.Roll(40));
  return {.caller = SomeCaller(), .body = request};
}

core::Command CommandMaker::ClaimNext() {
  v1::ClaimNextTicketRequest request;
  for (const std::string& label : SomeLabels(15)) request.add_labels(label);
  if (dice_.Chance(15)) request.set_max_priority(dice_.Roll(5));
  if (dice_.Chance(30)) request.mutable_claim_timeout()->set_seconds(1 + dice_.Roll(40));
  return {.caller = SomeCaller(), .body = request};
}

core::Command CommandMaker::Release() {
  v1::ReleaseTicketRequest request;
  const int64_t number = SomeTicketIn(v1::Ticket::STATE_CLAIMED);
  request.set_ticket_id(Id(number));
  request.set_fence(SomeFence(number));
  if (dice_.Chance(30)) {
    request.set_force(true);
    if (dice_.Chance(50)) request.clear_fence();
    return {.caller = dice_.Chance(70) ? core::Caller::Operator() : SomeCaller(), .body = request};
  }
  return {.caller = HolderOf(number), .body = request};
}

core::Command CommandMaker::Complete() {
  v1::CompleteTicketRequest request;
  const int64_t number = SomeTicketIn(v1::Ticket::STATE_CLAIMED);
  request.set_ticket_id(Id(number));
  request.set_fence(SomeFence(number));
  request.set_commit("0123abc");
  request.set_summary(absl::StrCat("summary ", dice_.Roll(100)));
  return {.caller = HolderOf(number), .body = request};
}

core::Command CommandMaker::Fail() {
  v1::FailTicketRequest request;
  const int64_t number = SomeTicketIn(v1::Ticket::STATE_CLAIMED);
  request.set_ticket_id(Id(number));
  request.set_fence(SomeFence(number));
  request.set_reason(absl::StrCat("reason ", dice_.Roll(100)));
  request.set_final(dice_.Chance(20));
  if (dice_.Chance(30)) request.mutable_retry_delay()->set_seconds(dice_.Roll(30));
  return {.caller = HolderOf(number), .body = request};
}

core::Command CommandMaker::Cancel() {
  v1::CancelTicketRequest request;
  const int64_t number = SomeTicket();
  request.set_ticket_id(Id(number));
  request.set_reason("not needed");
  return {.caller = dice_.Chance(50) ? core::Caller::Operator() : HolderOf(number),
          .body = request};
}

core::Command CommandMaker::Reopen() {
  v1::ReopenTicketRequest request;
  constexpr v1::Ticket::State kEnds[] = {v1::Ticket::STATE_DONE, v1::Ticket::STATE_FAILED,
                                         v1::Ticket::STATE_CANCELLED, v1::Ticket::STATE_BURIED};
  request.set_ticket_id(Id(SomeTicketIn(kEnds[dice_.Roll(4)])));
  return {.caller = dice_.Chance(60) ? core::Caller::Operator() : SomeCaller(), .body = request};
}

core::Command CommandMaker::Comment() {
  v1::AddCommentRequest request;
  request.set_ticket_id(SomeReference());
  request.set_text(absl::StrCat("comment ", dice_.Roll(100)));
  return {.caller = SomeCaller(), .body = request};
}

std::string CommandMaker::SomeOperation() {
  return absl::StrCat("O-", std::max<int64_t>(1, model_.last_operation + 1 - dice_.Roll(12)));
}

core::Command CommandMaker::Begin() {
  core::BeginOperation command;
  command.kind = static_cast<v1::Operation::Kind>(1 + dice_.Roll(7));
  command.subject = absl::StrCat("subject ", dice_.Roll(10));
  return {.caller = SomeCaller(), .body = command};
}

core::Command CommandMaker::Note() {
  const core::NoteOperation command = {SomeOperation(), dice_.Roll(101), "goes on"};
  return {.caller = dice_.Chance(80) ? core::Caller::Hub("operations") : SomeCaller(),
          .body = command};
}

core::Command CommandMaker::End() {
  core::EndOperation command;
  command.operation_id = SomeOperation();
  command.state = static_cast<v1::Operation::State>(2 + dice_.Roll(3));
  command.error = "because";
  return {.caller = dice_.Chance(80) ? core::Caller::Hub("operations") : SomeCaller(),
          .body = command};
}

core::Command CommandMaker::CancelOperation() {
  v1::CancelOperationRequest request;
  request.set_operation_id(SomeOperation());
  return {.caller = SomeCaller(), .body = request};
}

core::Command CommandMaker::Next() {
  struct Weighted {
    int weight;
    core::Command (CommandMaker::*make)();
  };
  // New tickets come fast until there are enough to work with, and then now and then.
  const int making = static_cast<int>(model_.tickets.size()) < kTickets ? 20 : 1;
  const Weighted all[] = {
      {10, &CommandMaker::Register},
      {2, &CommandMaker::Deregister},
      {making, &CommandMaker::Create},
      {(making + 1) / 2, &CommandMaker::Batch},
      {12, &CommandMaker::Update},
      {10, &CommandMaker::Claim},
      {22, &CommandMaker::ClaimNext},
      {6, &CommandMaker::Release},
      {12, &CommandMaker::Complete},
      {10, &CommandMaker::Fail},
      {4, &CommandMaker::Cancel},
      {14, &CommandMaker::Reopen},
      {4, &CommandMaker::Comment},
      {3, &CommandMaker::Begin},
      {2, &CommandMaker::Note},
      {3, &CommandMaker::End},
      {2, &CommandMaker::CancelOperation},
  };
  int sum = 0;
  for (const Weighted& one : all) sum += one.weight;
  int roll = dice_.Roll(sum);
  for (const Weighted& one : all) {
    if (roll < one.weight) return (this->*one.make)();
    roll -= one.weight;
  }
  return ClaimNext();
}

}  // namespace coordhub::model
