#include "hub/rpc/call_log.h"

#include "agent/base/error.h"
#include "agent/base/log.h"

namespace coordhub::rpc {
namespace {

using base::LogLevel;

LogLevel LevelOf(const CallRecord& call, const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnknown:
      return LogLevel::kWarning;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return LogLevel::kInfo;
    default:
      return call.took > kSlowCall && !call.may_wait ? LogLevel::kWarning : LogLevel::kDebug;
  }
}

std::string CallerOf(const CallRecord& call) {
  if (call.caller == nullptr) return "unknown";
  return CallScope{*call.caller, nullptr}.CallerName();
}

}  // namespace

void LogCall(const CallRecord& call, const absl::Status& status) {
  const LogLevel level = LevelOf(call, status);
  if (!base::LogEnabled(level)) return;
  const std::string caller = CallerOf(call);
  const std::string reason =
      status.ok() ? "OK" : std::string(v1::ErrorReason_Name(base::ReasonOf(status)));
  constexpr std::string_view kPrefix = "ERROR_REASON_";
  const std::string_view shown =
      status.ok() ? std::string_view(reason) : std::string_view(reason).substr(kPrefix.size());
  base::Log(level, status.ok() ? "call" : "refused call",
            {{"method", call.method},
             {"reason", shown},
             {"caller", caller},
             {"workspace", call.workspace_id},
             {"request_id", call.request_id},
             {"revision", call.revision},
             {"took_us", absl::ToInt64Microseconds(call.took)}});
}

}  // namespace coordhub::rpc
