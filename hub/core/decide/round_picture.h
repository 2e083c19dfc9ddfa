// What a round waits for, found out from the records alone.

#pragma once

#include <string_view>

#include "coordhub/v1/convergence.pb.h"
#include "hub/core/draft.h"

namespace coordhub::core {

// Brings members and blockers of an OPEN or READY round up to date with what the draft shows; its
// state stays. The same records give the same round, but for how long something blocks it: a
// blocker that was there keeps its time. In proportion to members, their conflicts and tickets.
void RefreshRound(const Draft& draft, v1::Round* round);

// Whether members' branches and the target may be compared no further than this: the branch was
// compared with all others at its present head.
bool IsCompared(const v1::Branch& branch);

// The derivation: every active round that what the draft touched concerns is brought up to date,
// and becomes READY when nothing blocks it any more, or OPEN when something does again.
void BringRoundsUpToDate(Draft& draft);

}  // namespace coordhub::core
