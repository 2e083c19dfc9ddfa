// Which ticket and which claim a command speaks of when the command line does not say.

#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "agent/coordctl/context.h"

namespace coordhub::coordctl {

struct ClaimRef {
  std::string ticket_id;
  int64_t fence = 0;
};

// "T-17" for "17" and "t-17"; anything else as it is.
std::string FullTicketId(const std::string& id);

// `ticket_id` as given, else COORDHUB_TICKET.
//
// Errors:
//   INVALID_ARGUMENT/INVALID_FIELD  neither is there.
absl::StatusOr<std::string> ResolveTicket(const Context& context, const std::string& ticket_id);

// The fence that is stated for `ticket_id` (empty: for the one that is meant): as given (positive),
// else COORDHUB_FENCE unless COORDHUB_TICKET is another ticket; 0: none is. Whoever states one
// means that it be compared.
//
// Errors:
//   INVALID_ARGUMENT/INVALID_FIELD  COORDHUB_FENCE is no number.
absl::StatusOr<int64_t> StatedFence(const Context& context, const std::string& ticket_id,
                                    int64_t fence);

// The claim that a command about a held ticket means. Ticket: as given, else COORDHUB_TICKET, else
// the one that the session holds under the stated fence, or its only one. Fence: StatedFence, else
// that of the session's own claim as the hub knows it.
//
// Errors:
//   INVALID_ARGUMENT/INVALID_FIELD        several tickets are held and none is named;
//   COORDHUB_FENCE
//                                         is no number.
//   FAILED_PRECONDITION/CLAIM_SUPERSEDED  the session does not hold the ticket, or any, or none
//   under
//                                         the stated fence. Metadata, where a ticket was named:
//                                         `ticket_id`, `holder`, `current_fence`.
//   PERMISSION_DENIED/SESSION_REQUIRED    the claim would have to be looked up, and there is no
//                                         session.
// and those of GetAgent and GetTicket.
absl::StatusOr<ClaimRef> ResolveClaim(const Context& context, const agent::Client& client,
                                      const std::string& ticket_id, int64_t fence);

}  // namespace coordhub::coordctl
