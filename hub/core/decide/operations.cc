#include "hub/core/decide/operations.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/limits.h"
#include "hub/core/operation_id.h"

namespace coordhub::core {

namespace {

absl::Status RequireRoom(const Context& context) {
  int running = 0;
  const auto& all = context.state.records().of<tables::Operations>();
  for (auto known = all.Begin(); known.Valid(); known.Next()) {
    if (known->state() == pb::Operation::STATE_RUNNING) ++running;
  }
  if (running < limits::kRunningOperations) return absl::OkStatus();
  return LimitReached("running_operations", limits::kRunningOperations,
                      absl::StrCat(limits::kRunningOperations, " operations are under way"));
}

}  // namespace

absl::StatusOr<std::string> AddOperation(Context& context, const BeginOperation& begin) {
  COORDHUB_RETURN_IF_ERROR(RequireRoom(context));
  // The highest number is among the records: more that ended are kept than may run.
  const auto last = context.state.records().of<tables::Operations>().Last();
  pb::Operation operation;
  operation.set_operation_id(OperationId(last.Valid() ? last.key() + 1 : 1));
  operation.set_kind(begin.kind);
  operation.set_state(pb::Operation::STATE_RUNNING);
  operation.set_actor(context.draft.actor());
  operation.set_subject(begin.subject);
  std::string operation_id = operation.operation_id();
  context.draft.Put(context.draft.Add(pb::EVENT_KIND_OPERATION_STARTED), std::move(operation));
  return operation_id;
}

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
