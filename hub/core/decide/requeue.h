// How a claim ends without the ticket being finished: the ticket goes back to the queue, at once or
// after a back-off, or is buried.

#pragma once

#include <string_view>

#include "absl/time/time.h"
#include "coordhub/v1/event.pb.h"
#include "coordhub/v1/ticket.pb.h"
#include "hub/core/decide/context.h"

namespace coordhub::core {

// Back-off before the next attempt, when `attempt` (from 1) was lost with its session or by
// `claim_timeout`: none after the first, which may be bad luck, then 1 s doubled with each.
absl::Duration BackoffAfterLoss(int attempt);
// The same when its holder reported a failure: 1 s, doubled with each.
absl::Duration BackoffAfterFailure(int attempt);

// The holder gives its claim back, or the operator takes it: the attempt does not count.
void GiveClaimBack(Context& context, const v1::Ticket& ticket, std::string_view reason);

// The claim was lost: the attempt counts, and the last one buries the ticket.
void LoseClaim(Context& context, const v1::Ticket& ticket, std::string_view reason);

// The attempt failed: as lost, but back after `delay`.
void RetryTicket(Context& context, const v1::Ticket& ticket, absl::Duration delay,
                 std::string_view reason);

// The record of how an attempt, or a ticket, ended just now.
v1::Outcome OutcomeNow(const Context& context, std::string_view actor, std::string_view reason);

}  // namespace coordhub::core
