#pragma once

#include <string>
#include <vector>

#include "coordhub/v1/event.pb.h"
#include "hub/core/state.h"

namespace coordhub::core {

// What must hold of every state. Each broken one is a sentence that names the records. Tests call
// it after each event
// (`at_commit_boundary` false inside a commit: then the rules that a commit may break midway are
// left out). Full: in proportion to the state.
std::vector<std::string> BrokenInvariants(const State& state, bool at_commit_boundary);

// What must hold between a state and the next event, before it is applied: revisions dense, time
// not going back, fences new and larger than any before for the ticket, one claim holder,
// transitions from the table only, `previous` as it was. In proportion to the event.
std::vector<std::string> BrokenTransition(const State& before, const v1::Event& event);

}  // namespace coordhub::core
