#include "hub/main/hub_probe.h"

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "coordhub/v1/hub_service.grpc.pb.h"

namespace coordhub::hub {

absl::StatusOr<v1::GetHubResponse> ProbeHub(const std::string& target, absl::Duration timeout) {
  const auto stub =
      v1::HubService::NewStub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  // A span counts from now.
  context.set_deadline(gpr_time_from_millis(absl::ToInt64Milliseconds(timeout), GPR_TIMESPAN));
  v1::GetHubResponse response;
  const grpc::Status status = stub->GetHub(&context, v1::GetHubRequest(), &response);
  if (status.ok()) return response;
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return base::MakeError(v1::ERROR_REASON_HUB_UNREACHABLE,
                           absl::StrCat("no hub answers at ", target, ": ", status.error_message()),
                           {{"endpoint", target}});
  }
  return base::DecodeStatus(status.error_code(), status.error_message(), status.error_details());
}

}  // namespace coordhub::hub
