// Which status code each reason of error.proto means. Frozen: a reason never changes its code.

#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "coordhub/v1/error.pb.h"

namespace coordhub::base {

namespace pb = ::coordhub::v1;

// The code of `reason`; kInternal for ERROR_REASON_UNSPECIFIED and for values that this build does
// not know.
absl::StatusCode CodeOf(pb::ErrorReason reason);

// The name on the wire: the enum value's without "ERROR_REASON_", e.g. "CLAIM_SUPERSEDED".
std::string_view ReasonName(pb::ErrorReason reason);

// The reason of that name; ERROR_REASON_UNSPECIFIED if there is none in this build.
pb::ErrorReason ReasonFromName(std::string_view name);

}  // namespace coordhub::base
