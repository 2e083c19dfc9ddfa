#include "agent/client/grpc_status.h"

#include <string_view>

#include "agent/base/error.h"

namespace coordhub::agent {
namespace {

namespace pb = ::coordhub::v1;

// How the end of a connection looks, apart from UNAVAILABLE: gRPC reports a stream whose transport
// went away before any status came as UNKNOWN with this text, and a stream that a dying server
// reset as CANCELLED.
bool IsBrokenConnection(const grpc::Status& status, bool cancelled_by_us) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return true;
    case grpc::StatusCode::CANCELLED:
      return !cancelled_by_us;
    case grpc::StatusCode::UNKNOWN:
      return status.error_message().find("Stream removed") != std::string::npos;
    default:
      return false;
  }
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status, const std::string& endpoint,
                      bool cancelled_by_us) {
  if (status.ok()) return absl::OkStatus();
  absl::Status decoded = base::DecodeStatus(static_cast<int>(status.error_code()),
                                            status.error_message(), status.error_details());
  if (base::ErrorInfoOf(decoded).has_value()) return decoded;
  if (!IsBrokenConnection(status, cancelled_by_us)) return decoded;
  return base::MakeError(pb::ERROR_REASON_HUB_UNREACHABLE,
                         "no hub answers at " + endpoint + " (" + status.error_message() + ")",
                         {{"endpoint", endpoint}});
}

}  // namespace coordhub::agent
