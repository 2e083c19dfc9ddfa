#include "hub/core/derive.h"

#include <set>
#include <string>
#include <utility>

#include "agent/base/mutant.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/round_picture.h"

namespace coordhub::core {
namespace {

// Brings one kind of derived fact up to date, over what the draft has touched (Draft::Touched).
using Derivation = void (*)(Draft& draft);

// A conflict goes with either of its branches.
void ClearConflictsOfGoneBranches(Draft& draft) {
  std::set<tables::Conflicts::Key> gone;
  for (const std::string& branch : draft.Touched<tables::Branches>()) {
    if (draft.FindBranch(branch) != nullptr) continue;
    const auto& all = draft.state().records().conflicts_by_branch;
    for (auto conflict = all.LowerBound(std::pair(branch, std::string()));
         conflict.Valid() && conflict.key().first == branch; conflict.Next()) {
      gone.insert(tables::Conflicts::KeyOf(*conflict));
    }
  }
  if (gone.empty()) return;
  pb::Event& event = draft.Add(pb::EVENT_KIND_CONFLICTS_CHANGED);
  for (const auto& key : gone) {
    if (draft.Find<tables::Conflicts>(key) != nullptr) draft.Erase<tables::Conflicts>(event, key);
  }
}

constexpr Derivation kDerivations[] = {
    MoveBetweenOpenAndBlocked,
    ClearConflictsOfGoneBranches,
    BringRoundsUpToDate,
};

}  // namespace

void Derive(Draft& draft) {
  if (base::MutantActive("nothing_derived")) return;
  for (const Derivation derivation : kDerivations) derivation(draft);
}

}  // namespace coordhub::core
