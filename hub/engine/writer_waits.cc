// The part of the writer that has to do with calls that wait.

#include <memory>
#include <string>
#include <utility>

#include "agent/base/error.h"
#include "hub/engine/endings.h"
#include "hub/engine/writer.h"

namespace coordhub::engine {
namespace {

absl::Status TooManyWait() {
  return base::MakeError(v1::ERROR_REASON_OVERLOADED, "too many calls wait");
}

}  // namespace

bool Writer::CancelWaiter(CallId id) {
  const Done left = waits_.Leave(id);
  if (!left) return false;
  left(CallerGone());
  return true;
}

void Writer::EndWaits(const absl::Status& status) {
  closed_ = status;
  for (Call& call : waits_.TakeAll()) call.Answer(status);
}

void Writer::Wait(Call call, core::Wait wait) {
  if (!closed_.ok()) {
    Reply(std::move(call), closed_);
    return;
  }
  // Only sessions wait: nobody else could keep what it would get.
  const v1::Agent* agent = parts_.state->FindSession(call.command->caller.session_uid());
  WaitList::Waiter waiter{std::move(call), now_.mono + wait.span};
  core::Waiting what{agent->agent_id(), agent->session_uid(), std::move(wait.wanted)};
  // NOLINTNEXTLINE(bugprone-use-after-move): what was not taken is as it was.
  if (!waits_.Add(std::move(waiter), std::move(what))) Reply(std::move(waiter.call), TooManyWait());
}

bool Writer::JoinWaiting(Call* call) {
  const core::Command& command = *call->command;
  if (command.caller.kind() != core::Caller::Kind::kAgent) return false;
  const auto place =
      waits_.FindRequest(command.caller.session_uid(), command.client, command.request_id);
  if (!place.has_value()) return false;
  if (waits_.Find(*place)->call.command->fingerprint != command.fingerprint) {
    Reply(std::move(*call),
          base::MakeError(v1::ERROR_REASON_REQUEST_ID_REUSED,
                          "the request_id belongs to a request with other content that still waits",
                          {{"request_id", command.request_id}}));
  } else if (!waits_.Join(*place, call)) {
    Reply(std::move(*call), TooManyWait());
  }
  return true;
}

bool Writer::Retry(WaitList::Place place, bool over) {
  const WaitList::Waiter* waiter = waits_.Find(place);
  if (waiter == nullptr) return true;
  absl::StatusOr<core::Decision> decision = Decide(*waiter->call.command, place);
  if (decision.ok() && decision->wait.has_value()) {
    if (!over) return false;
    const absl::Status otherwise = decision->wait->otherwise;
    if (!otherwise.ok()) decision = otherwise;
  }
  Finish(waits_.Take(place), std::move(decision));
  return true;
}

void Writer::EndOverdueWaits() {
  for (const WaitList::Place place : waits_.Overdue(now_.mono)) Retry(place, /*over=*/true);
  // Who stood ahead has left.
  ServeWaiters();
}

void Writer::ServeWaiters() {
  do {
    ServeTickets();
    for (const WaitList::Place place : waits_.TakeWoken()) Retry(place, /*over=*/false);
  } while (waits_.any_woken());
}

void Writer::ServeTickets() {
  for (const int64_t number : parts_.state->TakeNewlyReady()) {
    if (waits_.size() == 0) continue;
    while (parts_.state->ready().IsReady(number)) {
      const auto place = waits_.queue().FirstFor(*parts_.state->FindTicket(number));
      // What admits a ticket for waiters and what Decide takes agree; if not, wait on rather than
      // spin.
      if (!place.has_value() || !Retry(*place, /*over=*/false)) break;
    }
  }
}

void Writer::FollowWaits(const core::Decision& decision) {
  if (waits_.size() == 0) return;
  for (const auto& event : decision.events) {
    for (const std::string& name : core::NamesFreedBy(*event)) waits_.Wake(name);
    for (const v1::RecordChange& change : event->changes()) {
      if (!change.has_agent() || change.erased() || core::IsLive(change.agent())) continue;
      EndSessionWaits(change.agent().session_uid());
    }
  }
}

void Writer::EndSessionWaits(const std::string& session_uid) {
  for (Call& call : waits_.TakeSession(session_uid)) {
    Reply(std::move(call), SessionEnded());
  }
}

}  // namespace coordhub::engine
