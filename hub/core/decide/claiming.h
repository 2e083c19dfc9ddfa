// What ClaimTicket and ClaimNextTicket share.

#pragma once

#include "absl/status/status.h"
#include "coordhub/v1/ticket.pb.h"
#include "google/protobuf/duration.pb.h"
#include "hub/core/decide/context.h"

namespace coordhub::core {

// Whether the caller may hold one more claim. Errors: SESSION_REQUIRED, LIMIT_REACHED.
absl::Status RequireRoomForClaim(const Context& context);

// Gives a claimable ticket to the calling agent. `claim_timeout` may be null.
void GrantClaim(Context& context, const v1::Ticket& ticket,
                const google::protobuf::Duration* claim_timeout);

}  // namespace coordhub::core
