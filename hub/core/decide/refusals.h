// How decisions refuse: one function for each reason, so that the same refusal always carries the
// same metadata (error.proto says which). Pure; any thread.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "coordhub/v1/agent.pb.h"
#include "coordhub/v1/convergence.pb.h"
#include "coordhub/v1/operation.pb.h"
#include "coordhub/v1/ticket.pb.h"

namespace coordhub::core {

// The enum value's name without its prefix: "CLAIMED".
std::string_view StateName(v1::Ticket::State state);
std::string_view StateName(v1::Agent::State state);
std::string_view StateName(v1::Operation::State state);
std::string_view StateName(v1::Round::State state);

absl::Status TicketNotFound(std::string_view ticket_id);
// `ticket_id` left the state after its retention.
absl::Status TicketArchived(std::string_view ticket_id);
absl::Status AgentNotFound(std::string_view agent_id);
absl::Status OperationNotFound(std::string_view operation_id);
// Empty: there is none that is active.
absl::Status RoundNotFound(std::string_view round_id);
// Several are active, and the caller is in none of them.
absl::Status WhichRound();
absl::Status GateNotFound(std::string_view gate_id);
// `why` completes "there is no branch x: …".
absl::Status BranchNotFound(std::string_view branch, std::string_view why);

// `deed` completes "T-3 is DONE and cannot be …": "claimed".
absl::Status WrongTicketState(const v1::Ticket& ticket, std::string_view deed);
// `deed` completes "C-3 is CONVERGED and cannot be …": "cancelled".
absl::Status WrongRoundState(const v1::Round& round, std::string_view deed);
// It has the branch as a member already.
absl::Status BranchInRound(const v1::Round& round, std::string_view branch);
absl::Status NotRoundMember(const v1::Round& round, std::string_view branch);
// It has ended.
absl::Status OperationEnded(const v1::Operation& operation);
absl::Status TicketHeld(const v1::Ticket& ticket);
absl::Status TicketHasBlockers(const v1::Ticket& ticket, const std::vector<v1::Blocker>& blockers);
absl::Status TicketNotDue(const v1::Ticket& ticket, absl::Time due_time);
absl::Status TicketAssignedElsewhere(const v1::Ticket& ticket);
absl::Status ClaimSuperseded(const v1::Ticket& ticket, int64_t fence);
absl::Status RevisionMismatch(const v1::Ticket& ticket, int64_t expected_revision);
// `names` from a ticket through what it waits for back to itself.
absl::Status DependencyCycle(const std::vector<std::string>& names);

// `agent_id` is empty when unknown; `ticket` is the one that the request names, or null.
absl::Status SessionEnded(std::string_view agent_id, const v1::Ticket* ticket);
absl::Status AgentActive(std::string_view agent_id);
// `holder` is a live agent that is registered in it. `remedy` says what to do.
absl::Status WorktreeHeld(std::string_view worktree, std::string_view holder,
                          std::string_view remedy);
absl::Status AgentEnded(const v1::Agent& agent);

// `deed` completes "only an agent's session can …" and "only the operator can …".
absl::Status SessionRequired(std::string_view deed);
absl::Status OperatorRequired(std::string_view deed);
absl::Status NotTicketOwner(const v1::Ticket& ticket);

// The texts of the workspace would come to so many bytes.
absl::Status QuotaExceeded(int64_t quota, int64_t bytes);
// `what` completes "limit reached: …": "10000 agents".
absl::Status LimitReached(std::string_view limit_name, int64_t limit, std::string_view what);

}  // namespace coordhub::core
