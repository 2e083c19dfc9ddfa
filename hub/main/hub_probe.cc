#include "hub/main/hub_probe.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/grpc_target.h"
#include "coordhub/v1/hub_service.grpc.pb.h"
#include "coordhub/v1/ticket_service.grpc.pb.h"

namespace coordhub::hub {
namespace {

void SetTimeout(absl::Duration timeout, grpc::ClientContext* context) {
  // A span counts from now.
  context->set_deadline(gpr_time_from_millis(absl::ToInt64Milliseconds(timeout), GPR_TIMESPAN));
}

absl::Status Failed(const grpc::Status& status, const std::string& target) {
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return base::MakeError(v1::ERROR_REASON_HUB_UNREACHABLE,
                           absl::StrCat("no hub answers at ", target, ": ", status.error_message()),
                           {{"endpoint", target}});
  }
  return base::DecodeStatus(status.error_code(), status.error_message(), status.error_details());
}

}  // namespace

absl::StatusOr<v1::GetHubResponse> ProbeHub(const std::string& target, absl::Duration timeout) {
  const auto stub = v1::HubService::NewStub(
      grpc::CreateChannel(base::GrpcTargetOf(target), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  SetTimeout(timeout, &context);
  v1::GetHubResponse response;
  const grpc::Status status = stub->GetHub(&context, v1::GetHubRequest(), &response);
  if (!status.ok()) return Failed(status, target);
  return response;
}

absl::StatusOr<std::vector<v1::Ticket>> ListAllTickets(const std::string& target,
                                                       absl::Duration timeout) {
  const auto stub = v1::TicketService::NewStub(
      grpc::CreateChannel(base::GrpcTargetOf(target), grpc::InsecureChannelCredentials()));
  std::vector<v1::Ticket> tickets;
  v1::ListTicketsRequest request;
  request.set_page_size(1000);
  do {
    grpc::ClientContext context;
    SetTimeout(timeout, &context);
    v1::ListTicketsResponse page;
    const grpc::Status status = stub->ListTickets(&context, request, &page);
    if (!status.ok()) return Failed(status, target);
    for (v1::Ticket& ticket : *page.mutable_tickets()) tickets.push_back(std::move(ticket));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return tickets;
}

}  // namespace coordhub::hub
