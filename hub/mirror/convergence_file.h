// The content of shared_state/convergence.md.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "coordhub/v1/convergence.pb.h"

namespace coordhub::mirror {

// OPEN, READY or INTEGRATING: while one is, the file is there.
bool IsActive(const v1::Round& round);

// Whether a text is one of those; anything else in the file's place is somebody's own. Pure.
bool IsRenderedConvergence(std::string_view text);

// Who takes part in each of the active rounds, who is ready, and what blocks it. Empty: there is
// none, and the file has to go. Pure; any thread.
std::string RenderConvergence(const std::vector<v1::Round>& rounds, absl::TimeZone zone);

}  // namespace coordhub::mirror
