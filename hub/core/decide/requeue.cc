#include "hub/core/decide/requeue.h"

#include <algorithm>
#include <string>
#include <utility>

#include "hub/core/decide/blocking.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {
namespace {

absl::Duration Backoff(int doublings) {
  absl::Duration delay = limits::kBackoffFirst;
  for (int i = 0; i < doublings && delay < limits::kBackoffMax; ++i) delay *= 2;
  return std::min(delay, limits::kBackoffMax);
}

// The ticket without its claim, claimable once it has rested for `delay`. A `not_before` that
// somebody stated while it was held stands beside that.
pb::Ticket Requeued(const Context& context, const pb::Ticket& ticket, absl::Duration delay) {
  pb::Ticket requeued = ticket;
  requeued.clear_claim();
  requeued.clear_backoff();
  if (delay > absl::ZeroDuration()) *requeued.mutable_backoff() = ToProto(delay);
  requeued.set_state(QueueState(context.draft, requeued));
  return requeued;
}

// Ends an attempt that counts.
void EndAttempt(Context& context, const pb::Ticket& ticket, pb::EventKind kind,
                absl::Duration delay, std::string_view reason) {
  pb::Ticket ended = Requeued(context, ticket, delay);
  *ended.mutable_outcome() = OutcomeNow(context, ticket.claim().agent_id(), reason);
  if (ticket.attempt() >= ticket.max_attempts()) {
    kind = pb::EVENT_KIND_TICKET_BURIED;
    ended.set_state(pb::Ticket::STATE_BURIED);
    ended.clear_not_before();
    ended.clear_backoff();
  }
  ChangeTicket(context.draft, kind, std::move(ended), reason);
}

}  // namespace

absl::Duration BackoffAfterLoss(int attempt) {
  return attempt <= 1 ? absl::ZeroDuration() : Backoff(attempt - 2);
}

absl::Duration BackoffAfterFailure(int attempt) { return Backoff(attempt - 1); }

void GiveClaimBack(Context& context, const pb::Ticket& ticket, std::string_view reason) {
  pb::Ticket released = Requeued(context, ticket, absl::ZeroDuration());
  released.set_attempt(std::max(0, ticket.attempt() - 1));
  ChangeTicket(context.draft, pb::EVENT_KIND_TICKET_RELEASED, std::move(released), reason);
}

void LoseClaim(Context& context, const pb::Ticket& ticket, std::string_view reason) {
  EndAttempt(context, ticket, pb::EVENT_KIND_TICKET_CLAIM_LOST, BackoffAfterLoss(ticket.attempt()),
             reason);
}

void RetryTicket(Context& context, const pb::Ticket& ticket, absl::Duration delay,
                 std::string_view reason) {
  EndAttempt(context, ticket, pb::EVENT_KIND_TICKET_RETRIED, delay, reason);
}

pb::Outcome OutcomeNow(const Context& context, std::string_view actor, std::string_view reason) {
  pb::Outcome outcome;
  outcome.set_actor(std::string(actor));
  outcome.set_reason(std::string(reason));
  *outcome.mutable_outcome_time() = ToProto(context.draft.time());
  return outcome;
}

}  // namespace coordhub::core
