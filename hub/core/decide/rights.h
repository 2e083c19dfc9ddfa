// Who may do what, and to what: the first checks of every command.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordhub/v1/ticket.pb.h"
#include "hub/core/decide/context.h"

namespace coordhub::core {

// The operator and the hub's own parts: everything but holding claims.
bool IsTrusted(const Caller& caller);

// The ticket that a request names. Errors: TICKET_NOT_FOUND.
absl::StatusOr<const v1::Ticket*> RequireTicket(const Context& context,
                                                const std::string& ticket_id);

// Whether the caller made or holds the ticket, or is trusted. Errors: NOT_TICKET_OWNER.
absl::Status RequireOwner(const Context& context, const v1::Ticket& ticket);

// Whether the ticket's present claim has `fence`, whoever holds it. Errors: those of CheckFence.
absl::Status CompareFence(const v1::Ticket& ticket, int64_t fence);

// Whether `agent_id`, whose session lives, holds the ticket under `fence`. For volatile calls, too.
//
// Errors:
//   INVALID_FIELD fence  no claim of this ticket ever had it.
//   CLAIM_SUPERSEDED     any other fence but that of its present claim.
absl::Status CheckFence(const v1::Ticket& ticket, std::string_view agent_id, int64_t fence);

// The ticket that the calling agent holds under `fence`. `deed` says what for, as in
// SessionRequired. Errors: TICKET_NOT_FOUND, SESSION_REQUIRED, those of CheckFence.
absl::StatusOr<const v1::Ticket*> RequireClaim(const Context& context, const std::string& ticket_id,
                                               int64_t fence, std::string_view deed);

}  // namespace coordhub::core
