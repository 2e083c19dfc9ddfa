// Finding a hub that may just be being restarted.

#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/endpoint.h"

namespace coordhub::coordctl {

// What `resolve` says, once somebody listens there. Asks it again every 20 ms, for up to
// `patience`, while nobody does: a hub that stops in an orderly way takes its endpoint file along,
// and the next one may listen elsewhere. Where no hub was ever started there is nothing to wait
// for. Whether somebody listens is looked at on unix sockets only. Blocks.
//
// Errors: those of `resolve` (base::ResolveEndpoint), and
//   UNAVAILABLE/HUB_UNREACHABLE  nobody listens in all that time. Metadata: `endpoint`.
absl::StatusOr<base::ResolvedEndpoint> AwaitHub(
    const std::function<absl::StatusOr<base::ResolvedEndpoint>()>& resolve,
    absl::Duration patience);

}  // namespace coordhub::coordctl
