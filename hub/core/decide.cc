#include "hub/core/decide.h"

#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/derive.h"
#include "hub/core/draft.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

// What requests are remembered under; empty when the session is unknown.
std::string ActorOf(const State& state, const Caller& caller) {
  if (caller.kind() != Caller::Kind::kAgent) return caller.actor();
  const pb::Agent* agent = state.records().FindSessionEver(caller.session_uid());
  return agent == nullptr ? std::string() : agent->agent_id();
}

// The ticket that the command names; null when it names none, or one that is unknown.
const pb::Ticket* TicketNamedBy(const State& state, const CommandBody& body) {
  return std::visit(
      [&](const auto& request) -> const pb::Ticket* {
        if constexpr (requires { request.ticket_id(); }) {
          return state.FindTicket(TicketNumber(request.ticket_id()));
        } else {
          return nullptr;
        }
      },
      body);
}

// Lines of a file make tickets and do nothing else.
bool FileMay(const CommandBody& body) {
  return std::holds_alternative<pb::CreateTicketRequest>(body) ||
         std::holds_alternative<pb::BatchCreateTicketsRequest>(body) ||
         std::holds_alternative<ImportLines>(body);
}

// Whether such a caller may give this command at all; `self` is the live agent that calls, if one
// does. Errors: SESSION_ENDED, OPERATOR_REQUIRED.
absl::Status AdmitCaller(const State& state, const Command& command, const pb::Agent* self) {
  const Caller& caller = command.caller;
  switch (caller.kind()) {
    case Caller::Kind::kAgent:
      if (self != nullptr) return absl::OkStatus();
      return SessionEnded(ActorOf(state, caller), TicketNamedBy(state, command.body));
    case Caller::Kind::kOperator:
    case Caller::Kind::kHub:
      return absl::OkStatus();
    case Caller::Kind::kFile:
      if (FileMay(command.body)) return absl::OkStatus();
      return OperatorRequired("do this; lines of a file only make tickets");
    case Caller::Kind::kObserver:
      break;
  }
  return OperatorRequired("change something here; an observer only reads");
}

// What makes the text no longer goes through whatever the quota is.
absl::Status CheckQuota(const Command& command, int64_t more_bytes) {
  if (base::MutantActive("quota_ignored")) return absl::OkStatus();
  const int64_t bytes = command.text_bytes + more_bytes;
  if (command.text_quota == 0 || more_bytes <= 0 || bytes <= command.text_quota) {
    return absl::OkStatus();
  }
  return QuotaExceeded(command.text_quota, bytes);
}

}  // namespace

absl::StatusOr<Decision> Decide(const State& state, const Command& command, const base::Now& now) {
  const WaitQueue nobody;
  return Decide(state, command, now, Turn{nobody});
}

absl::StatusOr<Decision> Decide(const State& state, const Command& command, const base::Now& now,
                                const Turn& turn) {
  const Caller& caller = command.caller;
  const pb::Agent* self =
      caller.kind() == Caller::Kind::kAgent ? state.FindSession(caller.session_uid()) : nullptr;
  COORDHUB_RETURN_IF_ERROR(AdmitCaller(state, command, self));
  Draft draft(state, self != nullptr ? self->agent_id() : caller.actor(), now);
  Decision decision;
  Context context{state, caller, now, self, draft, turn, command.claim_timeout_default, decision};
  COORDHUB_RETURN_IF_ERROR(
      std::visit([&](const auto& body) { return DecideCommand(context, body); }, command.body));
  COORDHUB_RETURN_IF_ERROR(CheckQuota(command, draft.text_bytes()));
  Derive(draft);
  decision.store = draft.TakeStore();
  decision.events = std::move(draft).Finish();
  return decision;
}

absl::StatusOr<const jpb::RememberedRequest*> FindRepeated(const State& state,
                                                           const Command& command) {
  if (command.request_id.empty()) return nullptr;
  const jpb::RememberedRequest* remembered =
      state.FindRequest(ActorOf(state, command.caller), command.client, command.request_id);
  if (remembered == nullptr || remembered->key().fingerprint() == command.fingerprint) {
    return remembered;
  }
  return base::MakeError(
      pb::ERROR_REASON_REQUEST_ID_REUSED,
      absl::StrCat("request_id ", command.request_id, " was used for another request before"),
      {{"request_id", command.request_id}});
}

jpb::CommitPrivate PrivateOf(const State& state, const Command& command) {
  jpb::CommitPrivate bytes;
  if (const auto* import = std::get_if<ImportLines>(&command.body)) {
    jpb::ImportStep& step = *bytes.mutable_import();
    step.mutable_mark()->set_file_id(import->file_id);
    step.mutable_mark()->set_end_offset(import->end_offset);
    for (const std::string& gone : import->forgotten_file_ids) step.add_forgotten_file_ids(gone);
  }
  if (command.request_id.empty() || base::MutantActive("request_forgotten")) return bytes;
  jpb::RequestKey& key = *bytes.mutable_request();
  key.set_actor(ActorOf(state, command.caller));
  key.set_request_id(command.request_id);
  key.set_fingerprint(command.fingerprint);
  key.set_client(command.client);
  return bytes;
}

}  // namespace coordhub::core
