// The hub's commands about operations, and what their records say of an end.

#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordhub/v1/operation.pb.h"
#include "hub/core/command.h"
#include "hub/engine/workspace.h"

namespace coordhub::operations {

// A command of `hub:operations`.
std::unique_ptr<core::Command> OperationsCommand(core::CommandBody body);

// Gives a command of `hub:operations`, and waits until it is durable; not on the sequencer's
// thread. Errors: those of Workspace::Submit.
absl::StatusOr<engine::Outcome> SubmitAndWait(engine::Workspace* workspace, core::CommandBody body);

// Writes down how an operation ended, and returns its record. Blocks until that is durable; not on
// the sequencer's thread. Errors: those of Workspace::Submit.
absl::StatusOr<v1::Operation> RecordEnd(engine::Workspace* workspace, core::EndOperation end);

// How a call is answered that asks for an operation which ended like this some time ago. OK: it is
// DONE. Errors: OPERATION_STATE (operation_id, state), with what the record says of it.
absl::Status StatusOfEnded(const v1::Operation& operation);

}  // namespace coordhub::operations
