// The decision on each command, one a file. Each adds its events to the context's draft; what it
// refuses it answers with an error, and the draft is dropped. The caller's session lives (for a
// caller that is one), and the request's fields were validated.
//
// Checks come in one order everywhere: what the request names exists, the caller may do this, and
// then the state and the fence.

#pragma once

#include "absl/status/status.h"
#include "hub/core/decide/context.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const RegisterAgent& command);
absl::Status DecideCommand(Context& context, const v1::DeregisterAgentRequest& request);
absl::Status DecideCommand(Context& context, const v1::CreateTicketRequest& request);
absl::Status DecideCommand(Context& context, const v1::BatchCreateTicketsRequest& request);
absl::Status DecideCommand(Context& context, const v1::UpdateTicketRequest& request);
absl::Status DecideCommand(Context& context, const v1::ClaimTicketRequest& request);
absl::Status DecideCommand(Context& context, const v1::ClaimNextTicketRequest& request);
absl::Status DecideCommand(Context& context, const v1::ReleaseTicketRequest& request);
absl::Status DecideCommand(Context& context, const v1::CompleteTicketRequest& request);
absl::Status DecideCommand(Context& context, const v1::FailTicketRequest& request);
absl::Status DecideCommand(Context& context, const v1::CancelTicketRequest& request);
absl::Status DecideCommand(Context& context, const v1::ReopenTicketRequest& request);
absl::Status DecideCommand(Context& context, const v1::AddCommentRequest& request);
absl::Status DecideCommand(Context& context, const v1::CancelOperationRequest& request);
// Errors: OPERATOR_REQUIRED, LIMIT_REACHED.
absl::Status DecideCommand(Context& context, const BeginOperation& command);

absl::Status DecideCommand(Context& context, const v1::OpenRoundRequest& request);
absl::Status DecideCommand(Context& context, const v1::DeclareReadyRequest& request);
absl::Status DecideCommand(Context& context, const v1::WithdrawReadyRequest& request);
absl::Status DecideCommand(Context& context, const v1::CancelRoundRequest& request);
absl::Status DecideCommand(Context& context, const v1::IntegrateRoundRequest& request);
absl::Status DecideCommand(Context& context, const v1::SetGateRequest& request);
absl::Status DecideCommand(Context& context, const v1::DeleteGateRequest& request);
absl::Status DecideCommand(Context& context, const v1::RunGateRequest& request);

// The hub's own. They never fail: what the state has overtaken has no events.
absl::Status DecideCommand(Context& context, const ExpireSession& command);
absl::Status DecideCommand(Context& context, const ExpireClaim& command);
absl::Status DecideCommand(Context& context, const EndAllSessions& command);
absl::Status DecideCommand(Context& context, const ObserveBranches& command);
absl::Status DecideCommand(Context& context, const ArchiveTickets& command);
absl::Status DecideCommand(Context& context, const ObserveConflicts& command);
absl::Status DecideCommand(Context& context, const DropLostMembers& command);
absl::Status DecideCommand(Context& context, const IntendIntegration& command);
absl::Status DecideCommand(Context& context, const ConcludeRound& command);
absl::Status DecideCommand(Context& context, const MarkIntegrated& command);
absl::Status DecideCommand(Context& context, const RecordGateRun& command);
// For the hub only: OPERATOR_REQUIRED for anyone else.
absl::Status DecideCommand(Context& context, const NoteOperation& command);
absl::Status DecideCommand(Context& context, const EndOperation& command);

// Nothing happens when the file's mark moved on meanwhile. Errors: LIMIT_REACHED.
absl::Status DecideCommand(Context& context, const ImportLines& command);

}  // namespace coordhub::core
