#include <algorithm>
#include <string>

#include "hub/core/branch_changes.h"
#include "hub/core/decide/commands.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {
namespace {

// What is worth telling beside the record.
const char* ReasonOf(const pb::Branch* before, const pb::Branch& after) {
  if (before == nullptr || before->commit() != after.commit()) return "";
  return SameAsObserved(*before, after) ? "another owner" : "seen from another target";
}

void Observe(Context& context, pb::Branch branch) {
  const pb::Branch* before = context.draft.FindBranch(branch.branch());
  branch.set_owner_agent_id(context.state.OwnerOfBranch(branch.branch()));
  const bool same = before != nullptr && SameAsObserved(*before, branch) &&
                    before->owner_agent_id() == branch.owner_agent_id();
  if (same) return;
  // What was compared was compared: whether that still is where the branch stands is for others.
  if (before != nullptr) branch.set_compared_commit(before->compared_commit());
  // It tells when the head came to be there, not when something else about it changed.
  if (before != nullptr && before->commit() == branch.commit()) {
    *branch.mutable_observe_time() = before->observe_time();
  }
  if (!branch.has_observe_time()) *branch.mutable_observe_time() = ToProto(context.draft.time());
  pb::Event& event = context.draft.Add(pb::EVENT_KIND_BRANCH_MOVED, ReasonOf(before, branch));
  context.draft.Put(event, std::move(branch));
}

}  // namespace

absl::Status DecideCommand(Context& context, const ObserveBranches& command) {
  size_t left = limits::kBranchesPerCommand;
  size_t count = context.state.records().of<tables::Branches>().size();
  for (const std::string& name : command.gone) {
    if (left == 0 || context.draft.FindBranch(name) == nullptr) continue;
    context.draft.Erase<tables::Branches>(context.draft.Add(pb::EVENT_KIND_BRANCH_GONE), name);
    --left;
    --count;
  }
  for (const pb::Branch& branch : command.seen) {
    const bool is_new = context.draft.FindBranch(branch.branch()) == nullptr;
    // More than the observer ever gives: nothing of the hub's own may grow without bound.
    if (left == 0 || (is_new && count == limits::kBranches)) continue;
    Observe(context, branch);
    --left;
    if (is_new) ++count;
  }
  return absl::OkStatus();
}

}  // namespace coordhub::core
