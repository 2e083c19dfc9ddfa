// What the hub's log says of calls.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "hub/rpc/gate.h"

namespace coordhub::rpc {

// A call that has been answered. Texts only have to live for the call of LogCall.
struct CallRecord {
  // `ClaimTicket`.
  std::string_view method;
  // Null: nobody who is known.
  const Principal* caller = nullptr;
  // Empty: none, or it was refused before that was looked at.
  std::string_view workspace_id;
  std::string_view request_id;
  // Of a mutation; 0: none.
  int64_t revision = 0;
  absl::Duration took;
  // It waits for something by its nature.
  bool may_wait = false;
};

// One that takes longer, without having to wait, is reported.
inline constexpr absl::Duration kSlowCall = absl::Seconds(1);

// One line where that is of use: a refusal of who calls at info, errors of the hub's own and slow
// calls at warning, everything else at debug. Never a request's content.
void LogCall(const CallRecord& call, const absl::Status& status);

}  // namespace coordhub::rpc
