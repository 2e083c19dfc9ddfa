#include "agent/base/grpc_target.h"

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"

namespace coordhub::base {

std::string GrpcTargetOf(const std::string& endpoint) {
  if (!absl::StartsWith(endpoint, "unix:")) return endpoint;
  return absl::StrReplaceAll(endpoint, {{"%", "%25"}, {"#", "%23"}, {"?", "%3F"}});
}

}  // namespace coordhub::base
