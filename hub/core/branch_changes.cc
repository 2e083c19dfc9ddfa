#include "hub/core/branch_changes.h"

#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "hub/core/limits.h"

namespace coordhub::core {
namespace {

// As State::OwnerOfBranch, for all branches at once: branch -> (fence, agent).
using Owners = std::map<std::string, std::pair<int64_t, std::string>>;

Owners OwnersAt(const View& view) {
  Owners owners;
  for (auto agent = view.records.of<tables::Agents>().Begin(); agent.Valid(); agent.Next()) {
    if (!IsLive(*agent) || agent->branch().empty()) continue;
    const std::pair claim(agent->fence(), agent->agent_id());
    const auto [it, is_new] = owners.try_emplace(agent->branch(), claim);
    if (!is_new && claim < it->second) it->second = claim;
  }
  return owners;
}

// Fills commands one after the other.
class Packer {
 public:
  ObserveBranches& Next() {
    if (commands_.empty() || count_ == limits::kBranchesPerCommand) {
      commands_.emplace_back();
      count_ = 0;
    }
    ++count_;
    return commands_.back();
  }
  std::vector<ObserveBranches> Take() && { return std::move(commands_); }

 private:
  std::vector<ObserveBranches> commands_;
  size_t count_ = 0;
};

}  // namespace

bool SameAsObserved(const pb::Branch& a, const pb::Branch& b) {
  const auto facts = [](const pb::Branch& branch) {
    return std::tie(branch.branch(), branch.commit(), branch.target(), branch.merge_base(),
                    branch.changed_paths_digest(), branch.problem());
  };
  return facts(a) == facts(b) && a.ahead() == b.ahead() && a.behind() == b.behind() &&
         a.changed_path_count() == b.changed_path_count() && a.uncommitted() == b.uncommitted();
}

std::vector<ObserveBranches> BranchChanges(const View& view,
                                           const std::vector<const pb::Branch*>& observed) {
  const Owners owners = OwnersAt(view);
  Packer packer;
  auto known = view.records.of<tables::Branches>().Begin();
  const auto leave_those_before = [&](const std::string* name) {
    for (; known.Valid() && (name == nullptr || known.key() < *name); known.Next())
      packer.Next().gone.push_back(known.key());
  };
  for (const pb::Branch* branch : observed) {
    leave_those_before(&branch->branch());
    const bool is_known = known.Valid() && known.key() == branch->branch();
    const auto owner = owners.find(branch->branch());
    const std::string& owner_id = owner == owners.end() ? std::string() : owner->second.second;
    const bool same =
        is_known && SameAsObserved(*known, *branch) && known->owner_agent_id() == owner_id;
    if (!same) packer.Next().seen.push_back(*branch);
    if (is_known) known.Next();
  }
  leave_those_before(nullptr);
  return std::move(packer).Take();
}

}  // namespace coordhub::core
