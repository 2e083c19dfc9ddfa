#include "tests/core/model/world.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_join.h"
#include "agent/base/error.h"
#include "hub/core/branch_changes.h"
#include "hub/core/invariants.h"
#include "hub/core/proto_time.h"

namespace coordhub::model {
namespace {

Who WhoIs(const core::Caller& caller) {
  Who who = {Kind::kObserver, caller.actor(), caller.session_uid()};
  switch (caller.kind()) {
    case core::Caller::Kind::kObserver:
      break;
    case core::Caller::Kind::kAgent:
      who.kind = Kind::kSession;
      break;
    case core::Caller::Kind::kOperator:
      who.kind = Kind::kOperator;
      break;
    case core::Caller::Kind::kHub:
      who.kind = Kind::kHub;
      break;
    case core::Caller::Kind::kFile:
      who.kind = Kind::kFile;
      break;
  }
  return who;
}

std::string Describe(const core::RegisterAgent& command) {
  return absl::StrCat("register ", command.request.ShortDebugString(), " as ",
                      command.new_session_uid);
}
std::string Describe(const core::ExpireSession& command) {
  return absl::StrCat("expire session ", command.session_uid, " of ", command.agent_id);
}
std::string Describe(const core::ExpireClaim& command) {
  return absl::StrCat("expire claim of T-", command.ticket_number, " fence ", command.fence);
}
std::string Describe(const core::EndAllSessions&) { return "end all sessions"; }
std::string Describe(const core::ImportLines& command) {
  return absl::StrCat("import ", command.file_id, " up to ", command.end_offset);
}
std::string Describe(const core::ObserveBranches& command) {
  return absl::StrCat("observe ", command.seen.size(), " branches, ", command.gone.size(), " gone");
}
std::string Describe(const core::ArchiveTickets& command) {
  return absl::StrCat("archive all but ", command.keep_at_most);
}
std::string Describe(const core::BeginOperation& command) {
  return absl::StrCat("begin ", v1::Operation::Kind_Name(command.kind));
}
std::string Describe(const core::NoteOperation& command) {
  return absl::StrCat("note ", command.percent, " percent of ", command.operation_id);
}
std::string Describe(const core::EndOperation& command) {
  return absl::StrCat("end ", command.operation_id, " ", v1::Operation::State_Name(command.state));
}
// What the model does not know yet, and the search does not send: rounds, conflicts and gates have
// their invariants, and tests of their own.
template <class Body>
concept IsModelled =
    !std::is_same_v<Body, core::ObserveConflicts> && !std::is_same_v<Body, core::DropLostMembers> &&
    !std::is_same_v<Body, core::IntendIntegration> && !std::is_same_v<Body, core::ConcludeRound> &&
    !std::is_same_v<Body, core::MarkIntegrated> && !std::is_same_v<Body, core::RecordGateRun> &&
    !std::is_same_v<Body, v1::OpenRoundRequest> && !std::is_same_v<Body, v1::DeclareReadyRequest> &&
    !std::is_same_v<Body, v1::WithdrawReadyRequest> &&
    !std::is_same_v<Body, v1::CancelRoundRequest> &&
    !std::is_same_v<Body, v1::IntegrateRoundRequest> && !std::is_same_v<Body, v1::SetGateRequest> &&
    !std::is_same_v<Body, v1::DeleteGateRequest> && !std::is_same_v<Body, v1::RunGateRequest>;

std::string Describe(const google::protobuf::Message& request) {
  return absl::StrCat(request.GetDescriptor()->name(), " ", request.ShortDebugString());
}

core::Caller Hub() { return core::Caller::Hub("sessions"); }

std::string Reason(v1::ErrorReason reason) { return v1::ErrorReason_Name(reason); }

}  // namespace

World::World(uint64_t seed)
    : dice_(seed),
      now_(core::TestStart()),
      maker_(&dice_, &model_),
      state_(std::make_unique<core::State>()) {
  model_.now = now_;
}

// ---- what happens ----

bool World::Step() {
  PassTime();
  return ExpireWhatIsDue() && DoSomething();
}

void World::PassTime(bool wall_may_jump) {
  if (dice_.Chance(40)) core::Advance(now_, absl::Milliseconds(dice_.Roll(1000)));
  if (dice_.Chance(1)) core::Advance(now_, absl::Seconds(dice_.Roll(60)));
  // Somebody sets the wall clock, by up to a day.
  if (wall_may_jump && dice_.Roll(300) == 0) {
    now_.wall += absl::Minutes(dice_.Roll(2880) - 1440);
  }
  model_.now = now_;
  model_.Settle();
  state_->ReleaseDue(now_);
}

bool World::ExpireWhatIsDue() {
  std::vector<core::Command> due;
  for (const auto& [agent_id, deadline] : session_deadlines_) {
    if (deadline >= now_.mono) continue;
    const std::string uid = dice_.Chance(95) ? model_.agents.at(agent_id).session_uid : "uid-1";
    due.push_back({.caller = Hub(), .body = core::ExpireSession{agent_id, uid, absl::Seconds(7)}});
  }
  for (auto it = claim_deadlines_.begin(); it != claim_deadlines_.end();) {
    if (it->second >= now_.mono) {
      ++it;
    } else if (dice_.Chance(30)) {
      it->second = now_.mono + absl::Seconds(20);  // as RenewClaim does
    } else {
      due.push_back(
          {.caller = Hub(), .body = core::ExpireClaim{it->first.first, it->first.second}});
      it = claim_deadlines_.erase(it);
    }
  }
  return std::all_of(due.begin(), due.end(),
                     [&](const core::Command& command) { return Do(command); });
}

bool World::DoSomething() {
  if (dice_.Roll(500) == 0) return Restart();
  if (dice_.Roll(200) == 0) return RollBackSomeCommands();
  if (dice_.Roll(800) == 0) {
    return Do({.caller = Hub(), .body = core::EndAllSessions{"restored"}});
  }
  if (dice_.Roll(150) == 0) {
    return Do({.caller = Hub(), .body = core::ArchiveTickets{.keep_at_most = dice_.Roll(20)}});
  }
  if (dice_.Chance(2)) return ObserveGit();
  return Do(SomeCommand());
}

// Somebody works with git, and the hub takes a look: afterwards the records are what git is.
bool World::ObserveGit() {
  for (int i = dice_.Roll(4); i > 0; --i) {
    const std::string name = absl::StrCat("branch-", dice_.Roll(5));
    if (dice_.Chance(25)) {
      git_.erase(name);
    } else {
      git_[name] = absl::StrCat("commit ", dice_.Roll(1000));
    }
  }
  std::vector<v1::Branch> branches;
  for (const auto& [name, commit] : git_) {
    branches.emplace_back().set_branch(name);
    branches.back().set_commit(commit);
  }
  std::vector<const v1::Branch*> observed;
  for (const v1::Branch& branch : branches) observed.push_back(&branch);
  for (core::ObserveBranches& changes : core::BranchChanges(*state_->MakeView(), observed)) {
    if (!Do({.caller = Hub(), .body = std::move(changes)})) return false;
  }
  const std::vector<core::ObserveBranches> left =
      core::BranchChanges(*state_->MakeView(), observed);
  return Expect(left.empty(), "an observation leaves changes to observe") && CompareBranches();
}

core::Command World::SomeCommand() {
  if (dice_.Chance(6) && !past_commands_.empty()) {
    // Says again what it said before, at times long ago, and at times something else by the same
    // id.
    core::Command again = dice_.Pick(past_commands_);
    if (dice_.Chance(20)) again.fingerprint += "?";
    return again;
  }
  core::Command command = maker_.Next();
  if (auto* update = std::get_if<v1::UpdateTicketRequest>(&command.body)) {
    // 1 stands for the ticket's revision, 2 for one that it has no more.
    const v1::Ticket* ticket = state_->FindTicket(NumberOf(update->ticket_id()));
    const int64_t wish = update->expected_revision();
    if (wish != 0 && ticket != nullptr) {
      update->set_expected_revision(std::max<int64_t>(1, ticket->mod_revision() - (wish - 1)));
    }
  }
  if (dice_.Chance(60)) GiveRequestId(command);
  return command;
}

void World::GiveRequestId(core::Command& command) {
  command.request_id = absl::StrCat("request-", ++request_ids_);
  command.fingerprint = absl::StrCat("content of ", command.request_id);
  if (past_commands_.size() < 4000) {
    past_commands_.push_back(command);
  } else {
    past_commands_[static_cast<size_t>(dice_.Roll(4000))] = command;
  }
}

bool World::Restart() {
  doing_ = "restart";
  auto next = dice_.Chance(50) ? Replay() : Reload();
  if (!CompareDigest(*next, "the restarted state")) return false;
  state_ = std::move(next);
  model_.Restart();
  compared_.clear();
  archived_compared_ = 0;
  was_ready_ = model_.Ready();
  state_->TakeNewlyReady();
  return Compare();
}

bool World::RollBackSomeCommands() {
  const Past past = {state_->MakeView(), model_,         requests_, log_.size(),
                     session_deadlines_, highest_fence_, store_};
  for (int i = dice_.Roll(12); i >= 0; --i) {
    // What had become ready by the passing of time stays so; the model forgets it, and finds it
    // again only when time did not go back.
    PassTime(/*wall_may_jump=*/false);
    if (!Do(SomeCommand())) return false;
  }
  doing_ = "roll back";
  state_->RollBack(*past.view, now_);
  compared_.clear();
  archived_compared_ = 0;
  model_ = past.model;
  model_.now = now_;
  model_.Settle();
  requests_ = past.requests;
  log_.resize(past.log_size);
  session_deadlines_ = past.session_deadlines;
  highest_fence_ = past.highest_fence;
  store_ = past.store;
  state_->ReleaseDue(now_);
  state_->TakeNewlyReady();
  was_ready_ = model_.Ready();
  const auto broken = core::BrokenInvariants(*state_, /*at_commit_boundary=*/true);
  return Expect(broken.empty(), absl::StrJoin(broken, "\n")) &&
         Expect(core::Digest(*state_->MakeView()) == core::Digest(*past.view),
                "the digest is another than before") &&
         Compare();
}

// ---- one command ----

bool World::Do(const core::Command& command) {
  doing_ = absl::StrCat(std::visit(
                            [](const auto& body) -> std::string {
                              if constexpr (IsModelled<std::decay_t<decltype(body)>>) {
                                return Describe(body);
                              } else {
                                return "what the model does not know";
                              }
                            },
                            command.body),
                        " by ", command.caller.actor(), "/", command.caller.session_uid(),
                        " request ", command.request_id, " at revision ", state_->revision());
  state_->ReleaseDue(now_);
  bool repeated = false;
  if (!CheckRepetition(command, &repeated)) return false;
  if (repeated) return true;
  Touch(command.caller);
  const absl::StatusOr<core::Decision> decision = core::Decide(*state_, command, now_);
  const std::string actor = model_.ActorOf(WhoIs(command.caller));
  const Answer answer = AskModel(command);
  if (!CheckRefusals(answer.refusals, decision.status())) return false;
  if (!decision.ok()) return true;
  if (!CheckDecision(answer, *decision) || !Apply(command, *decision)) return false;
  if (!command.request_id.empty() && !decision->events.empty()) {
    requests_.Remember(actor, {command.request_id, command.fingerprint,
                               decision->events.front()->revision(), state_->revision()});
  }
  return Compare();
}

bool World::CheckRepetition(const core::Command& command, bool* repeated) {
  *repeated = false;
  if (command.request_id.empty()) return true;
  const auto found = core::FindRepeated(*state_, command);
  const std::string actor = model_.ActorOf(WhoIs(command.caller));
  const Request* expected = actor.empty() ? nullptr : requests_.Find(actor, command.request_id);
  *repeated = expected != nullptr;
  if (expected == nullptr) {
    return Expect(found.ok() && *found == nullptr, "remembers what is not to be remembered");
  }
  if (expected->fingerprint != command.fingerprint) {
    ++seen_["ERROR_REASON_REQUEST_ID_REUSED"];
    return Expect(base::ReasonOf(found.status()) == v1::ERROR_REASON_REQUEST_ID_REUSED,
                  "takes another content under the same id");
  }
  ++seen_["repeated"];
  return Expect(found.ok() && *found != nullptr &&
                    (*found)->first_revision() == expected->first_revision &&
                    (*found)->commit_revision() == expected->commit_revision,
                "does not know the request again");
}

std::vector<int64_t> World::FinishedByAge() const {
  std::vector<std::pair<int64_t, int64_t>> finished;
  for (const auto& [number, ticket] : model_.tickets) {
    if (Finished(ticket.state))
      finished.emplace_back(state_->FindTicket(number)->mod_revision(), number);
  }
  std::sort(finished.begin(), finished.end());
  std::vector<int64_t> numbers;
  for (const auto& [revision, number] : finished) numbers.push_back(number);
  return numbers;
}

Answer World::AskModel(const core::Command& command) {
  const Who who = WhoIs(command.caller);
  return std::visit(
      [&](const auto& body) -> Answer {
        using Body = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<Body, core::RegisterAgent>) {
          return model_.Do(who, body.request, body.new_session_uid);
        } else if constexpr (std::is_same_v<Body, core::ExpireSession>) {
          model_.ExpireSession(body.agent_id, body.session_uid);
          return {};
        } else if constexpr (std::is_same_v<Body, core::ExpireClaim>) {
          model_.ExpireClaim(body.ticket_number, body.fence);
          return {};
        } else if constexpr (std::is_same_v<Body, core::EndAllSessions>) {
          model_.EndAllSessions();
          return {};
        } else if constexpr (std::is_same_v<Body, core::ArchiveTickets>) {
          model_.Archive(FinishedByAge(), body.keep_at_most);
          return {};
        } else if constexpr (std::is_same_v<Body, core::ObserveBranches>) {
          return {};  // compared once all of an observation is told
        } else if constexpr (std::is_same_v<Body, core::BeginOperation>) {
          return model_.BeginOperation(who, body.kind);
        } else if constexpr (std::is_same_v<Body, core::NoteOperation>) {
          return model_.NoteOperation(who, core::OperationNumber(body.operation_id), body.percent);
        } else if constexpr (std::is_same_v<Body, core::EndOperation>) {
          return model_.EndOperation(who, core::OperationNumber(body.operation_id), body.state);
        } else if constexpr (std::is_same_v<Body, core::ImportLines>) {
          return model_.Do(who, body.tickets);
        } else if constexpr (std::is_same_v<Body, v1::UpdateTicketRequest>) {
          const v1::Ticket* ticket = state_->FindTicket(NumberOf(body.ticket_id()));
          const bool stale = body.expected_revision() != 0 && ticket != nullptr &&
                             body.expected_revision() != ticket->mod_revision();
          return model_.Do(who, body, stale);
        } else if constexpr (IsModelled<Body>) {
          return model_.Do(who, body);
        } else {
          std::abort();
        }
      },
      command.body);
}

bool World::CheckRefusals(const Refusals& refusals, const absl::Status& status) {
  if (refusals.empty())
    return Expect(status.ok(), "the model allows what is refused: ", status.ToString());
  std::vector<std::string> reasons;
  for (const v1::ErrorReason reason : refusals) reasons.push_back(Reason(reason));
  if (!Expect(!status.ok(), "the model refuses with ", absl::StrJoin(reasons, " or ")))
    return false;
  const v1::ErrorReason reason = base::ReasonOf(status);
  ++seen_[Reason(reason)];
  return Expect(refusals.contains(reason), "the model refuses with ",
                absl::StrJoin(reasons, " or "), ", not ", status.ToString());
}

bool World::CheckDecision(const Answer& answer, const core::Decision& decision) {
  int64_t claimed = 0;
  for (const auto& event : decision.events) {
    if (event->kind() == v1::EVENT_KIND_TICKET_CLAIMED) {
      claimed = NumberOf(event->changes(0).ticket().ticket_id());
    }
  }
  if (!Expect(claimed == answer.claimed, "claims T-", claimed, ", not T-", answer.claimed) ||
      !Expect(decision.resumed == answer.resumed, "resumed: ", decision.resumed) ||
      !Expect(decision.no_work.has_value() == answer.no_work.has_value(), "no_work is wrong")) {
    return false;
  }
  if (!answer.no_work.has_value()) return true;
  ++seen_["no work"];
  const v1::NoWork& counts = *decision.no_work;
  return Expect(NoWork{counts.blocked(), counts.held(), counts.filtered(), counts.delayed()} ==
                    *answer.no_work,
                "counts wrongly why there is no work: ", counts.ShortDebugString());
}

bool World::CheckEvent(const v1::Event& event, const core::Decision& decision) {
  const int64_t commit_revision = decision.events.back()->revision();
  std::vector<std::string> broken = core::BrokenTransition(*state_, event);
  ++seen_[v1::EventKind_Name(event.kind())];
  return Expect(broken.empty(), absl::StrJoin(broken, "\n")) &&
         Expect(event.commit_revision() == commit_revision, "a commit is not in one piece");
}

bool World::Apply(const core::Command& command, const core::Decision& decision) {
  auto private_bytes =
      std::make_shared<const core::jpb::CommitPrivate>(core::PrivateOf(*state_, command));
  for (const core::StoreRow& row : decision.store) {
    if (!Expect(row.revision >= decision.events.front()->revision() &&
                    row.revision <= decision.events.back()->revision(),
                "a row of the store belongs to no event")) {
      return false;
    }
    store_[{row.space, row.key}] = row.value;
  }
  for (const auto& event : decision.events) {
    if (!CheckEvent(*event, decision)) return false;
    for (const v1::RecordChange& change : event->changes()) {
      if (change.has_agent()) NoteSession(change.agent());
      if (event->kind() == v1::EVENT_KIND_TICKET_CLAIMED && !NoteClaim(change.ticket()))
        return false;
    }
    state_->Evolve(event, private_bytes.get(), now_);
    log_.push_back({event, std::exchange(private_bytes, nullptr)});
    const bool at_boundary = event == decision.events.back();
    const std::vector<std::string> broken = core::BrokenInvariants(*state_, at_boundary);
    if (!Expect(broken.empty(), absl::StrJoin(broken, "\n"))) return false;
  }
  return true;
}

bool World::NoteClaim(const v1::Ticket& ticket) {
  const int64_t number = NumberOf(ticket.ticket_id());
  const int64_t fence = ticket.claim().fence();
  Ticket& expected = model_.tickets.at(number);
  if (!Expect(expected.fence == kFenceUnknown, ticket.ticket_id(), " is not to be claimed") ||
      !Expect(fence > highest_fence_, "fence ", fence, " after ", highest_fence_)) {
    return false;
  }
  expected.fence = expected.last_fence = highest_fence_ = fence;
  if (ticket.claim().has_claim_timeout()) {
    claim_deadlines_[{number, fence}] = now_.mono + core::FromProto(ticket.claim().claim_timeout());
  }
  return true;
}

void World::NoteSession(const v1::Agent& agent) {
  session_deadlines_.erase(agent.agent_id());
  if (agent.state() != v1::Agent::STATE_ACTIVE) return;
  session_deadlines_[agent.agent_id()] = now_.mono + core::FromProto(agent.ttl());
}

void World::Touch(const core::Caller& caller) {
  if (caller.kind() != core::Caller::Kind::kAgent) return;
  const v1::Agent* agent = state_->FindSession(caller.session_uid());
  if (agent != nullptr) NoteSession(*agent);
}

}  // namespace coordhub::model
