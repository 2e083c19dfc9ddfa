#include <string>
#include <utility>

#include "agent/base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "hub/core/conflict_changes.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/operations.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {
namespace {

// The event of this pass, made with its first change.
class Pass {
 public:
  explicit Pass(Context& context) : context_(context) {}

  void Open(pb::Conflict conflict) {
    const auto key = tables::Conflicts::KeyOf(conflict);
    const pb::Conflict* known = context_.draft.Find<tables::Conflicts>(key);
    const size_t count = context_.state.records().of<tables::Conflicts>().size() + added_;
    if (known == nullptr && count >= limits::kConflicts) return;
    conflict.set_owner_a_agent_id(context_.state.OwnerOfBranch(conflict.branch_a()));
    conflict.set_owner_b_agent_id(context_.state.OwnerOfBranch(conflict.branch_b()));
    if (known != nullptr && SameConflict(*known, conflict)) return;
    *conflict.mutable_open_time() =
        known != nullptr ? known->open_time() : ToProto(context_.draft.time());
    if (known == nullptr) ++added_;
    context_.draft.Put(event(), std::move(conflict));
  }

  void Clear(const tables::Conflicts::Key& key) {
    if (context_.draft.Find<tables::Conflicts>(key) == nullptr) return;
    context_.draft.Erase<tables::Conflicts>(event(), key);
  }

  // Only while the branch is still where it was compared.
  void Compare(const ObserveConflicts::Compared& compared) {
    const pb::Branch* known = context_.draft.FindBranch(compared.branch);
    if (known == nullptr || known->commit() != compared.commit ||
        known->compared_commit() == compared.commit) {
      return;
    }
    pb::Branch branch = *known;
    branch.set_compared_commit(compared.commit);
    // As it is now: that is told with each change of the record.
    branch.set_owner_agent_id(context_.state.OwnerOfBranch(compared.branch));
    context_.draft.Put(event(), std::move(branch));
  }

 private:
  pb::Event& event() {
    if (event_ == nullptr) event_ = &context_.draft.Add(pb::EVENT_KIND_CONFLICTS_CHANGED);
    return *event_;
  }

  Context& context_;
  pb::Event* event_ = nullptr;
  size_t added_ = 0;
};

}  // namespace

absl::Status DecideCommand(Context& context, const ObserveConflicts& command) {
  COORDHUB_RETURN_IF_ERROR(RequireHub(context, "say what conflicts"));
  Pass pass(context);
  for (const auto& pair : command.cleared) pass.Clear(pair);
  for (const pb::Conflict& conflict : command.opened) pass.Open(conflict);
  for (const auto& compared : command.compared) pass.Compare(compared);
  return absl::OkStatus();
}

}  // namespace coordhub::core
