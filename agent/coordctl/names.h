// Enum values as people write and read them.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "coordhub/v1/agent.pb.h"
#include "coordhub/v1/convergence.pb.h"
#include "coordhub/v1/event.pb.h"
#include "coordhub/v1/hub.pb.h"
#include "coordhub/v1/operation.pb.h"
#include "coordhub/v1/ticket.pb.h"

namespace coordhub::coordctl {

namespace pb = ::coordhub::v1;

// "OPEN"; a value of a newer hub shows as its number.
std::string StateName(pb::Ticket::State state);
std::string StateName(pb::Agent::State state);
std::string StateName(pb::Loop::State state);
std::string StateName(pb::Round::State state);
std::string StateName(pb::RoundMember::State state);
std::string StateName(pb::Operation::State state);
// "backup".
std::string KindName(pb::Operation::Kind kind);
// "branch_moved".
std::string KindName(pb::RoundBlocker::Kind kind);
// "ticket_claimed".
std::string KindName(pb::EventKind kind);

// All names that may be given, lowercase, in the order of their numbers.
std::vector<std::string> TicketStateNames();
std::vector<std::string> AgentStateNames();
std::vector<std::string> OperationStateNames();
std::vector<std::string> KindNames();

// Upper and lower case alike.
//
// Errors:
//   INVALID_ARGUMENT/INVALID_FIELD  no such name. Metadata: `field` = `option`.
absl::StatusOr<pb::Ticket::State> ParseTicketState(std::string_view name, std::string_view option);
absl::StatusOr<pb::Agent::State> ParseAgentState(std::string_view name, std::string_view option);
absl::StatusOr<pb::Operation::State> ParseOperationState(std::string_view name,
                                                         std::string_view option);
absl::StatusOr<pb::EventKind> ParseKind(std::string_view name, std::string_view option);

}  // namespace coordhub::coordctl
