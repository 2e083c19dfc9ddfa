#include "hub/core/decide/operations.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "agent/base/text.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/limits.h"
#include "hub/core/operation_id.h"

namespace coordhub::core {

const pb::Operation* FindRunningOperation(const Context& context, std::string_view operation_id) {
  const auto* operation = context.draft.Find<tables::Operations>(OperationNumber(operation_id));
  if (operation == nullptr || operation->state() != pb::Operation::STATE_RUNNING) return nullptr;
  return operation;
}

absl::Status RequireHub(const Context& context, std::string_view deed) {
  if (context.caller.kind() == Caller::Kind::kHub) return absl::OkStatus();
  return OperatorRequired(deed);
}

void ForgetEndedOperations(Context& context) {
  // (revision of the end, number)
  std::vector<std::pair<int64_t, int64_t>> ended;
  const auto& all = context.state.records().of<tables::Operations>();
  for (auto known = all.Begin(); known.Valid(); known.Next()) {
    const auto* operation = context.draft.Find<tables::Operations>(known.key());
    if (operation->state() == pb::Operation::STATE_RUNNING) continue;
    ended.emplace_back(operation->mod_revision(), known.key());
  }
  if (ended.size() <= limits::kEndedOperations) return;
  std::sort(ended.begin(), ended.end());
  ended.resize(ended.size() - limits::kEndedOperations);
  pb::Event& event = context.draft.Add(pb::EVENT_KIND_OPERATIONS_FORGOTTEN);
  for (const auto& [revision, number] : ended) {
    context.draft.Erase<tables::Operations>(event, number);
  }
}

std::string NoteLine(std::string_view text) { return base::OneLine(text, limits::kNoteBytes); }

}  // namespace coordhub::core
