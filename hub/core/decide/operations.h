// What the commands about operations share.

#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordhub/v1/operation.pb.h"
#include "hub/core/decide/context.h"

namespace coordhub::core {

// Begins an operation in the context's draft, and gives its id. Errors: LIMIT_REACHED.
absl::StatusOr<std::string> AddOperation(Context& context, const BeginOperation& begin);

// Null when it is unknown, has ended, or the id is malformed.
const v1::Operation* FindRunningOperation(const Context& context, std::string_view operation_id);

// Whether the caller is a part of the hub: how far work is and how it ended only those know who do
// it. Errors: OPERATOR_REQUIRED.
absl::Status RequireHub(const Context& context, std::string_view deed);

// Forgets the oldest that ended, as far as there are more than are kept. In the order in which they
// ended; a scan over all operations, of which there are little more than a thousand.
void ForgetEndedOperations(Context& context);

// `text` as one line that fits `note`.
std::string NoteLine(std::string_view text);

}  // namespace coordhub::core
