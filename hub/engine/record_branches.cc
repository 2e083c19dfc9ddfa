#include "hub/engine/record_branches.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "agent/base/status_macros.h"
#include "hub/core/branch_changes.h"
#include "hub/engine/submit_and_wait.h"

namespace coordhub::engine {

absl::Status RecordBranches(Workspace* workspace, const std::vector<const v1::Branch*>& observed) {
  const ViewPtr view = workspace->view();
  int64_t revision = view->revision;
  // One after the other: the next is not in the queue of others before this one is durable.
  for (core::ObserveBranches& changes : core::BranchChanges(*view, observed)) {
    COORDHUB_ASSIGN_OR_RETURN(
        const Outcome outcome,
        SubmitAndWait(workspace, core::Caller::Hub("coordinator"), std::move(changes)));
    revision = std::max(revision, outcome.revision);
  }
  workspace->SetObservedRevision(revision);
  return absl::OkStatus();
}

}  // namespace coordhub::engine
