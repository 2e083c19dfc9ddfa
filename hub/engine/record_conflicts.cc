#include "hub/engine/record_conflicts.h"

#include <utility>

#include "agent/base/status_macros.h"
#include "hub/engine/submit_and_wait.h"

namespace coordhub::engine {

absl::Status RecordConflicts(Workspace* workspace, const core::ComparedBranches& found) {
  const ViewPtr view = workspace->view();
  // One after the other: the next is not in the queue of others before this one is durable.
  for (core::ObserveConflicts& changes : core::ConflictChanges(*view, found)) {
    COORDHUB_RETURN_IF_ERROR(
        SubmitAndWait(workspace, core::Caller::Hub("coordinator"), std::move(changes)).status());
  }
  return absl::OkStatus();
}

}  // namespace coordhub::engine
