#include "hub/rpc/grpc_status.h"

#include <string>

#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/string_view.h"

namespace coordhub::rpc {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  if (!base::ErrorInfoOf(status).has_value()) {
    base::Log(base::LogLevel::kError, "an error without a reason", {{"error", status.ToString()}});
    return ToGrpcStatus(
        base::MakeError(base::pb::ERROR_REASON_INTERNAL, base::ToStd(status.message())));
  }
  // Both enumerations have the same numbers.
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      base::EncodeStatusDetails(status));
}

}  // namespace coordhub::rpc
