#pragma once

#include "absl/status/status.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "coordhub/v1/event_service.pb.h"
#include "coordhub/v1/hub_service.pb.h"
#include "coordhub/v1/operation_service.pb.h"
#include "coordhub/v1/repository_service.pb.h"
#include "coordhub/v1/ticket_service.pb.h"

// Whether a request's fields are well-formed whatever the state: lengths, ranges, characters,
// counts, UTF-8. Each refusal is INVALID_FIELD naming the field by its path (`spec.title`,
// `tickets[3].spec.labels[0]`). Pure; any thread. Text on one line (titles, notes, ids) admits no
// control or bidi characters; long text admits newline and tab.
namespace coordhub::core {

absl::Status Validate(const v1::RegisterAgentRequest& request);
absl::Status Validate(const v1::DeregisterAgentRequest& request);
absl::Status Validate(const v1::GetAgentRequest& request);
absl::Status Validate(const v1::ListAgentsRequest& request);
absl::Status Validate(const v1::KeepAliveRequest& request);
absl::Status Validate(const v1::CreateTicketRequest& request);
absl::Status Validate(const v1::BatchCreateTicketsRequest& request);
absl::Status Validate(const v1::GetTicketRequest& request);
absl::Status Validate(const v1::ListTicketsRequest& request);
absl::Status Validate(const v1::UpdateTicketRequest& request);
absl::Status Validate(const v1::ClaimTicketRequest& request);
absl::Status Validate(const v1::ClaimNextTicketRequest& request);
absl::Status Validate(const v1::RenewClaimRequest& request);
absl::Status Validate(const v1::ReleaseTicketRequest& request);
absl::Status Validate(const v1::CompleteTicketRequest& request);
absl::Status Validate(const v1::FailTicketRequest& request);
absl::Status Validate(const v1::CancelTicketRequest& request);
absl::Status Validate(const v1::ReopenTicketRequest& request);
absl::Status Validate(const v1::AddCommentRequest& request);
absl::Status Validate(const v1::UpdateProgressRequest& request);
absl::Status Validate(const v1::WatchEventsRequest& request);
absl::Status Validate(const v1::ListEventsRequest& request);
absl::Status Validate(const v1::GetHubRequest& request);
absl::Status Validate(const v1::ListWorkspacesRequest& request);
absl::Status Validate(const v1::ListLoopsRequest& request);
absl::Status Validate(const v1::StepLoopRequest& request);
absl::Status Validate(const v1::PauseLoopRequest& request);
absl::Status Validate(const v1::ResumeLoopRequest& request);
absl::Status Validate(const v1::CompactWorkspaceRequest& request);
absl::Status Validate(const v1::BackupWorkspaceRequest& request);
absl::Status Validate(const v1::VerifyWorkspaceRequest& request);
absl::Status Validate(const v1::DrainHubRequest& request);
absl::Status Validate(const v1::GetOperationRequest& request);
absl::Status Validate(const v1::ListOperationsRequest& request);
absl::Status Validate(const v1::CancelOperationRequest& request);
absl::Status Validate(const v1::GetRepositoryStatusRequest& request);
absl::Status Validate(const v1::ListBranchesRequest& request);
absl::Status Validate(const v1::ListWorktreesRequest& request);
absl::Status Validate(const v1::CreateWorktreeRequest& request);
absl::Status Validate(const v1::RemoveWorktreeRequest& request);
absl::Status Validate(const v1::ListConflictsRequest& request);
absl::Status Validate(const v1::PreviewMergeRequest& request);
absl::Status Validate(const v1::OpenRoundRequest& request);
absl::Status Validate(const v1::DeclareReadyRequest& request);
absl::Status Validate(const v1::WithdrawReadyRequest& request);
absl::Status Validate(const v1::GetRoundRequest& request);
absl::Status Validate(const v1::ListRoundsRequest& request);
absl::Status Validate(const v1::PlanIntegrationRequest& request);
absl::Status Validate(const v1::IntegrateRoundRequest& request);
absl::Status Validate(const v1::CancelRoundRequest& request);
absl::Status Validate(const v1::GetGateLogRequest& request);
absl::Status Validate(const v1::SetGateRequest& request);
absl::Status Validate(const v1::DeleteGateRequest& request);
absl::Status Validate(const v1::ListGatesRequest& request);
absl::Status Validate(const v1::RunGateRequest& request);

}  // namespace coordhub::core
