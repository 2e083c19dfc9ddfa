// Tickets wait for their dependencies and for their children. These edges, taken together, never
// form a cycle, and parents never stack up too deep.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "hub/core/draft.h"

namespace coordhub::core {

// What to call a ticket in an error: its id, unless it is only being made.
using NameOf = std::function<std::string(int64_t number)>;

// Whether the edges of these tickets (ascending), as the draft has them, close a cycle; all others
// are known not to. Searches what waits for the tickets and what they wait for, by turns, until
// either has no more: little for tickets that are new. Errors: DEPENDENCY_CYCLE, naming the path;
// LIMIT_REACHED when both have more than limits::kCycleSteps.
absl::Status CheckCycles(const Draft& draft, const std::vector<int64_t>& changed,
                         const NameOf& name_of);

// Whether each ticket in the tree below this one, itself included, has at most limits::kParentDepth
// tickets above it. The parents form no cycle. Errors: LIMIT_REACHED, also when there are more than
// limits::kTreeMoved of them.
absl::Status CheckParentDepth(const Draft& draft, int64_t number);

}  // namespace coordhub::core
