#include "hub/engine/record_branches.h"

#include <algorithm>
#include <cstdint>
#include <future>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "agent/base/status_macros.h"
#include "hub/core/branch_changes.h"

namespace coordhub::engine {
namespace {

// Every call is answered, by the drain at the latest.
absl::StatusOr<Outcome> SubmitAndWait(Workspace* workspace, core::ObserveBranches changes) {
  auto command = std::make_unique<core::Command>(
      core::Command{.caller = core::Caller::Hub("coordinator"), .body = std::move(changes)});
  // Shared: whoever answers may still be in it when we have the answer.
  const auto answered = std::make_shared<std::promise<absl::StatusOr<Outcome>>>();
  workspace->Submit(
      std::move(command), base::MonoTime::InfiniteFuture(),
      [answered](absl::StatusOr<Outcome> outcome) { answered->set_value(std::move(outcome)); });
  return answered->get_future().get();
}

}  // namespace

absl::Status RecordBranches(Workspace* workspace, const std::vector<const v1::Branch*>& observed) {
  const ViewPtr view = workspace->view();
  int64_t revision = view->revision;
  // One after the other: the next is not in the queue of others before this one is durable.
  for (core::ObserveBranches& changes : core::BranchChanges(*view, observed)) {
    COORDHUB_ASSIGN_OR_RETURN(const Outcome outcome, SubmitAndWait(workspace, std::move(changes)));
    revision = std::max(revision, outcome.revision);
  }
  workspace->SetObservedRevision(revision);
  return absl::OkStatus();
}

}  // namespace coordhub::engine
