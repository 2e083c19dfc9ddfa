#include "hub/operations/integration_plan.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"

namespace coordhub::operations {
namespace {

using Paths = std::vector<std::string>;

// Which members conflict with each other and with the target, by their places.
class ConflictGraph {
 public:
  explicit ConflictGraph(size_t size) : edges_(size) {}

  void Add(int a, int b, Paths paths) {
    edges_[a].push_back(b);
    edges_[b].push_back(a);
    paths_[std::minmax(a, b)] = std::move(paths);
  }
  void Remove(int a, int b) {
    std::erase(edges_[a], b);
    std::erase(edges_[b], a);
  }
  bool Conflict(int a, int b) const {
    return std::find(edges_[a].begin(), edges_[a].end(), b) != edges_[a].end();
  }
  const Paths& PathsOf(int a, int b) const { return paths_.at(std::minmax(a, b)); }
  const std::vector<int>& Of(int member) const { return edges_[member]; }
  const std::map<std::pair<int, int>, Paths>& all() const { return paths_; }

  // Members that are connected by conflicts, in order; those alone are groups of one.
  std::vector<std::vector<int>> Groups(const std::vector<int>& members) const {
    std::vector<std::vector<int>> groups;
    std::vector<bool> seen(edges_.size(), true);
    for (const int member : members) seen[member] = false;
    for (const int member : members) {
      if (seen[member]) continue;
      std::vector<int>& group = groups.emplace_back();
      std::vector<int> open = {member};
      seen[member] = true;
      while (!open.empty()) {
        const int next = open.back();
        open.pop_back();
        group.push_back(next);
        for (const int other : edges_[next]) {
          if (!seen[other]) open.push_back(other);
          seen[other] = true;
        }
      }
      std::sort(group.begin(), group.end());
    }
    return groups;
  }

 private:
  std::vector<std::vector<int>> edges_;
  std::map<std::pair<int, int>, Paths> paths_;
};

// The largest set of a group without a conflict in it; the first in order of several.
std::vector<int> LargestExact(const ConflictGraph& graph, const std::vector<int>& group) {
  const int size = static_cast<int>(group.size());
  std::vector<uint32_t> against(size, 0);
  for (int i = 0; i < size; ++i) {
    for (const int other : graph.Of(group[i])) {
      const auto place = std::lower_bound(group.begin(), group.end(), other);
      if (place != group.end() && *place == other) {
        against[i] |= 1u << (place - group.begin());
      }
    }
  }
  uint32_t best = 0;
  // From all downwards, and the earlier members are the higher bits: of equals the first comes
  // first.
  const auto bit_of = [size](int place) { return 1u << (size - 1 - place); };
  for (uint32_t set = (1u << size) - 1; set > 0; --set) {
    if (std::popcount(set) <= std::popcount(best)) continue;
    bool fits = true;
    for (int i = 0; i < size && fits; ++i) {
      if ((set & bit_of(i)) == 0) continue;
      for (int j = 0; j < size && fits; ++j) {
        fits = (set & bit_of(j)) == 0 || (against[i] & (1u << j)) == 0;
      }
    }
    if (fits) best = set;
  }
  std::vector<int> chosen;
  for (int i = 0; i < size; ++i) {
    if ((best & bit_of(i)) != 0) chosen.push_back(group[i]);
  }
  return chosen;
}

// Takes the member that the fewest of the others conflict with, again and again.
std::vector<int> LargestByDegree(const ConflictGraph& graph, std::vector<int> group) {
  std::vector<int> chosen;
  while (!group.empty()) {
    const auto degree = [&](int member) {
      return std::count_if(graph.Of(member).begin(), graph.Of(member).end(), [&](int other) {
        return std::binary_search(group.begin(), group.end(), other);
      });
    };
    const int next = *std::min_element(group.begin(), group.end(),
                                       [&](int a, int b) { return degree(a) < degree(b); });
    chosen.push_back(next);
    std::erase_if(group, [&](int other) { return other == next || graph.Conflict(next, other); });
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

class Planner {
 public:
  Planner(const std::string& target, const std::string& target_commit,
          const std::vector<PlanMember>& members, PlanTrial& trial,
          const std::function<bool()>& is_late)
      : target_(target),
        target_commit_(target_commit),
        members_(members),
        trial_(trial),
        is_late_(is_late),
        graph_(members.size()) {}

  absl::StatusOr<IntegrationPlan> Plan() && {
    COORDHUB_RETURN_IF_ERROR(CompareWithTarget());
    COORDHUB_RETURN_IF_ERROR(CompareWithEachOther());
    const std::vector<int> chosen = Choose(fit_, &plan_.exact);
    LeaveOutOthers(chosen);
    FindCostliest(chosen.size());
    COORDHUB_RETURN_IF_ERROR(StackAll(chosen));
    return std::move(plan_);
  }

 private:
  absl::Status CompareWithTarget() {
    for (int i = 0; i < Size(); ++i) {
      COORDHUB_ASSIGN_OR_RETURN(Paths paths, trial_.Conflicts(target_commit_, members_[i].commit));
      if (paths.empty()) {
        fit_.push_back(i);
        continue;
      }
      plan_.left_out.push_back(
          {members_[i], target_, paths, absl::StrCat("does not merge with the target ", target_)});
      against_target_.emplace_back(i, std::move(paths));
    }
    return absl::OkStatus();
  }

  absl::Status CompareWithEachOther() {
    for (size_t i = 0; i < fit_.size(); ++i) {
      for (size_t j = i + 1; j < fit_.size(); ++j) {
        COORDHUB_ASSIGN_OR_RETURN(
            Paths paths, trial_.Conflicts(members_[fit_[i]].commit, members_[fit_[j]].commit));
        if (!paths.empty()) graph_.Add(fit_[i], fit_[j], std::move(paths));
      }
    }
    return absl::OkStatus();
  }

  std::vector<int> Choose(const std::vector<int>& members, bool* exact) const {
    std::vector<int> chosen;
    for (const std::vector<int>& group : graph_.Groups(members)) {
      const bool small = group.size() <= kExactGroup && !is_late_();
      if (!small && group.size() > 1) *exact = false;
      const std::vector<int> best =
          small ? LargestExact(graph_, group) : LargestByDegree(graph_, group);
      chosen.insert(chosen.end(), best.begin(), best.end());
    }
    std::sort(chosen.begin(), chosen.end());
    return chosen;
  }

  void LeaveOutOthers(const std::vector<int>& chosen) {
    for (const int member : fit_) {
      if (std::binary_search(chosen.begin(), chosen.end(), member)) continue;
      // There is one: it would be among the chosen otherwise.
      const auto other = std::find_if(chosen.begin(), chosen.end(), [&](int candidate) {
        return graph_.Conflict(member, candidate);
      });
      const std::string with = other == chosen.end() ? std::string() : members_[*other].branch;
      plan_.left_out.push_back({members_[member], with,
                                other == chosen.end() ? Paths() : graph_.PathsOf(member, *other),
                                absl::StrCat("does not merge with ", with, ", which comes along")});
    }
  }

  // By trying what would be without each conflict.
  void FindCostliest(size_t now) {
    const auto offer = [&](const std::string& a, const std::string& b, size_t then,
                           const Paths& paths) {
      const int gain = static_cast<int>(then) - static_cast<int>(now);
      const int best = plan_.costliest.has_value() ? plan_.costliest->branches : 0;
      if (gain > best) plan_.costliest = CostlyConflict{a, b, gain, paths};
    };
    bool unused = true;
    for (const auto& [pair, paths] : std::map(graph_.all())) {
      if (is_late_()) return;
      ConflictGraph kept = graph_;
      graph_.Remove(pair.first, pair.second);
      offer(members_[pair.first].branch, members_[pair.second].branch, Choose(fit_, &unused).size(),
            paths);
      graph_ = std::move(kept);
    }
    for (const auto& [member, paths] : against_target_) {
      if (!plan_.costliest.has_value()) offer(members_[member].branch, target_, now + 1, paths);
    }
  }

  absl::Status StackAll(const std::vector<int>& chosen) {
    std::string tip = target_commit_;
    std::vector<int> again;
    for (const int member : chosen) {
      COORDHUB_ASSIGN_OR_RETURN(const PlanTrial::Stacked stacked,
                                trial_.Stack(tip, members_[member]));
      if (stacked.tip.empty()) {
        again.push_back(member);
      } else {
        tip = Step(member, stacked);
      }
    }
    for (const int member : again) {
      COORDHUB_ASSIGN_OR_RETURN(const PlanTrial::Stacked stacked,
                                trial_.Stack(tip, members_[member]));
      if (!stacked.tip.empty()) {
        tip = Step(member, stacked);
        continue;
      }
      plan_.exact = false;
      plan_.left_out.push_back({members_[member], "", stacked.paths, stacked.reason});
    }
    return absl::OkStatus();
  }

  const std::string& Step(int member, const PlanTrial::Stacked& stacked) {
    plan_.steps.push_back({members_[member], stacked.tip});
    return plan_.steps.back().tip;
  }

  int Size() const { return static_cast<int>(members_.size()); }

  const std::string& target_;
  const std::string& target_commit_;
  const std::vector<PlanMember>& members_;
  PlanTrial& trial_;
  const std::function<bool()>& is_late_;
  // Places of those that merge with the target.
  std::vector<int> fit_;
  std::vector<std::pair<int, Paths>> against_target_;
  ConflictGraph graph_;
  IntegrationPlan plan_;
};

}  // namespace

absl::StatusOr<IntegrationPlan> PlanOrder(const std::string& target,
                                          const std::string& target_commit,
                                          const std::vector<PlanMember>& members, PlanTrial& trial,
                                          const std::function<bool()>& is_late) {
  return Planner(target, target_commit, members, trial, is_late).Plan();
}

}  // namespace coordhub::operations
