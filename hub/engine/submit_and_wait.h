// Commands of the hub's own, whose answer somebody waits for.

#pragma once

#include "absl/status/statusor.h"
#include "hub/core/command.h"
#include "hub/engine/workspace.h"

namespace coordhub::engine {

// Submits a command and blocks until it is answered, by the drain at the latest. Any thread but the
// sequencer's. Errors: those of the command and of Workspace::Submit.
absl::StatusOr<Outcome> SubmitAndWait(Workspace* workspace, core::Caller caller,
                                      core::CommandBody body);

}  // namespace coordhub::engine
