// What the commands about rounds share.

#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordhub/v1/convergence.pb.h"
#include "hub/core/decide/context.h"

namespace coordhub::core {

// The round that a request names, whatever its state; with an empty id, the active one: that of the
// member `branch` when it is not empty, else the only one there is. Errors: ROUND_NOT_FOUND.
absl::StatusOr<const v1::Round*> RequireRound(const Context& context, const std::string& round_id,
                                              const std::string& branch);

// Whether it is OPEN or READY. Errors: ROUND_STATE.
absl::Status RequireUnderWay(const v1::Round& round, std::string_view deed);

// The branch of the member that a request speaks of: `stated`, which is the operator's to state
// unless it is the caller's own, or else the caller's. Errors: OPERATOR_REQUIRED, INVALID_FIELD
// branch.
absl::StatusOr<std::string> MemberBranch(const Context& context, const std::string& stated);

// The round, if this operation integrates it; null otherwise.
const v1::Round* FindIntegrating(const Context& context, const std::string& round_id,
                                 const std::string& operation_id);

// Null: the branch is no member.
v1::RoundMember* FindMember(v1::Round* round, const std::string& branch);

// Adds an event of the kind with the round, brought up to date.
void PutRound(Context& context, v1::EventKind kind, v1::Round round, std::string_view reason = {});

// Ends it: blockers go, the oldest ended ones beyond limits::kEndedRounds are forgotten.
void PutEndedRound(Context& context, v1::EventKind kind, v1::Round round,
                   std::string_view reason = {});

}  // namespace coordhub::core
