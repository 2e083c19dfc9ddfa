#include "hub/core/conflict_changes.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "agent/base/mutant.h"
#include "hub/core/limits.h"

namespace coordhub::core {
namespace {

// Fills commands one after the other.
class Packer {
 public:
  ObserveConflicts& Next() {
    if (commands_.empty() || count_ == limits::kConflictsPerCommand) {
      commands_.emplace_back();
      count_ = 0;
    }
    ++count_;
    return commands_.back();
  }
  std::vector<ObserveConflicts> Take() && { return std::move(commands_); }

 private:
  std::vector<ObserveConflicts> commands_;
  size_t count_ = 0;
};

template <class List>
bool SameList(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

bool SameConflict(const pb::Conflict& a, const pb::Conflict& b) {
  const auto facts = [](const pb::Conflict& conflict) {
    return std::tie(conflict.branch_a(), conflict.branch_b(), conflict.commit_a(),
                    conflict.commit_b(), conflict.problem(), conflict.owner_a_agent_id(),
                    conflict.owner_b_agent_id());
  };
  return facts(a) == facts(b) && a.path_count() == b.path_count() && a.kind() == b.kind() &&
         SameList(a.paths(), b.paths()) && SameList(a.path_kinds(), b.path_kinds());
}

std::vector<ObserveConflicts> ConflictChanges(const View& view, const ComparedBranches& found) {
  Packer packer;
  std::set<std::string_view> compared;
  for (const auto& branch : found.compared) compared.insert(branch.branch);
  std::set<tables::Conflicts::Key> open;
  for (const pb::Conflict& conflict : found.conflicts) {
    if (open.size() == limits::kConflicts) {
      // One that cannot be recorded must not look like none.
      compared.erase(conflict.branch_a());
      compared.erase(conflict.branch_b());
      continue;
    }
    open.insert(tables::Conflicts::KeyOf(conflict));
    const pb::Conflict* known =
        view.records.Find<tables::Conflicts>(tables::Conflicts::KeyOf(conflict));
    pb::Conflict asked = conflict;
    if (known != nullptr) {
      // Whose it is, the decision finds out; here it is only asked whether git says the same.
      asked.set_owner_a_agent_id(known->owner_a_agent_id());
      asked.set_owner_b_agent_id(known->owner_b_agent_id());
    }
    if (known == nullptr || !SameConflict(*known, asked)) {
      packer.Next().opened.push_back(conflict);
    }
  }
  const auto& all = view.records.of<tables::Conflicts>();
  for (auto known = all.Begin(); known.Valid(); known.Next()) {
    const auto& [a, b] = known.key();
    if (open.contains(known.key()) || !compared.contains(a) || !compared.contains(b)) continue;
    if (base::MutantActive("conflict_never_cleared")) continue;
    packer.Next().cleared.push_back(known.key());
  }
  for (const auto& branch : found.compared) {
    const pb::Branch* known = view.records.FindBranch(branch.branch);
    const bool is_news = known != nullptr && known->commit() == branch.commit &&
                         known->compared_commit() != branch.commit &&
                         compared.contains(branch.branch);
    if (is_news) packer.Next().compared.push_back(branch);
  }
  return std::move(packer).Take();
}

}  // namespace coordhub::core
