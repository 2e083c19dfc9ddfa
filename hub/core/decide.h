// The one place of all rules, limits and rights.

#pragma once

#include "absl/status/statusor.h"
#include "agent/base/clock.h"
#include "coordhub/journal/v1/record.pb.h"
#include "hub/core/command.h"
#include "hub/core/state.h"
#include "hub/core/wait_queue.h"

namespace coordhub::core {

// Decides what a command does to a state (one command a file in decide/). Pure: no I/O, clock,
// thread or randomness; thread of the state. The caller has validated the request (validate.h),
// called state.ReleaseDue(now.mono) and looked for a remembered request. An error changes nothing.
//
// Errors: those that the contract names for the command, and for a caller whose session does not
// live SESSION_ENDED. The metadata `expires_in_ms` of AGENT_ACTIVE is for the engine to add.
absl::StatusOr<Decision> Decide(const State& state, const Command& command, const base::Now& now,
                                const Turn& turn);
// The same where nobody waits.
absl::StatusOr<Decision> Decide(const State& state, const Command& command, const base::Now& now);

// Looks for a remembered request of this command's actor, whether or not its session still lives.
// Null when there is none. The pointer is valid until the next Evolve.
// Errors: REQUEST_ID_REUSED when the request_id was used for other content.
absl::StatusOr<const journal::v1::RememberedRequest*> FindRepeated(const State& state,
                                                                   const Command& command);

// The private bytes for the commit of this command: of the state that it was decided on, before its
// events are applied (they may end the caller's session).
journal::v1::CommitPrivate PrivateOf(const State& state, const Command& command);

}  // namespace coordhub::core
