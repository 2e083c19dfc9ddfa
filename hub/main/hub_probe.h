// Asks a running hub how it is.

#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordhub/v1/hub_service.pb.h"
#include "coordhub/v1/ticket.pb.h"

namespace coordhub::hub {

// HubService.GetHub at `target` (a gRPC target of a unix socket), as the operator. Blocks for at
// most `timeout`. Errors: those of the hub; HUB_UNREACHABLE (endpoint): nobody answers there.
absl::StatusOr<v1::GetHubResponse> ProbeHub(const std::string& target, absl::Duration timeout);

// All tickets, in order of their numbers. As ProbeHub; `timeout` is for each page.
absl::StatusOr<std::vector<v1::Ticket>> ListAllTickets(const std::string& target,
                                                       absl::Duration timeout);

}  // namespace coordhub::hub
