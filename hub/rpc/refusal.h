// What refusals say beyond what the engine knows to say.

#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "hub/rpc/gate.h"

namespace coordhub::rpc {

// SESSION_ENDED for the session of `scope`, with the agent it was, where that is still known, and
// who holds the ticket that the request names (empty: it names none).
absl::Status SessionEnded(const CallScope& scope, std::string_view ticket_id);

// `status` with the details that its reason promises: those of SessionEnded, and for AGENT_ACTIVE
// `expires_in_ms`. Any other status stays as it is.
absl::Status WithDetails(absl::Status status, const CallScope& scope, std::string_view ticket_id);

// An agent's session counts as alive from now on; other callers have none. Errors: SESSION_ENDED.
absl::Status TouchSession(const CallScope& scope, std::string_view ticket_id);

}  // namespace coordhub::rpc
