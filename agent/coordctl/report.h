// Errors, as coordctl shows them.

#pragma once

#include <string>

#include "absl/status/status.h"
#include "agent/coordctl/context.h"

namespace coordhub::coordctl {

// "coordctl: <message> (REASON, key value, …)" and, where one helps, a line of advice; with --json
// one object on one line: {"error":{"code":…,"reason":…,"message":…,"metadata":{…}}}. Where a
// mutation may have happened, it says so, and how to repeat it (`mayHaveHappened`, `repeatWith`).
// Ends with a newline.
std::string ErrorText(const Context& context, const absl::Status& status);

}  // namespace coordhub::coordctl
