#include "hub/loops/radar_step.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"

namespace coordhub::loops {
namespace {

// What one conflict says of its paths, in all: a few may be very long.
constexpr size_t kPathBytes = 4096;
constexpr size_t kProblemBytes = 512;

// The target is looked at besides.
constexpr size_t kMaxHeads = git::Radar::kMaxHeads - 1;

// Why a branch is compared, the weightier first.
enum class Reason { kRound, kOwner, kMoved, kNone };

class Choice {
 public:
  Choice(const core::View& view, absl::Time now) : view_(view), now_(now) {
    for (auto round = view.records.active_rounds.Begin(); round.Valid(); round.Next()) {
      targets_.insert(round->target());
    }
  }

  Reason ReasonFor(const std::string& branch) const {
    if (targets_.contains(branch) || view_.records.ActiveRoundOf(branch) != nullptr) {
      return Reason::kRound;
    }
    const v1::Branch* known = view_.records.FindBranch(branch);
    if (known == nullptr) return Reason::kNone;
    if (!known->owner_agent_id().empty()) return Reason::kOwner;
    const bool moved = now_ - core::FromProto(known->observe_time()) <= kOpenBranchAge;
    return moved ? Reason::kMoved : Reason::kNone;
  }

 private:
  const core::View& view_;
  const absl::Time now_;
  std::set<std::string> targets_;
};

v1::Conflict ToConflict(const git::PairVerdict& pair) {
  v1::Conflict conflict;
  conflict.set_branch_a(pair.branch_a);
  conflict.set_branch_b(pair.branch_b);
  conflict.set_commit_a(pair.commit_a);
  conflict.set_commit_b(pair.commit_b);
  FillVerdict(*pair.verdict, &conflict);
  return conflict;
}

// Branches that stand in conflicts and are not compared any more: they are gone, or nobody cares.
std::set<std::string> Forgotten(const core::View& view,
                                const std::map<std::string, std::string>& compared) {
  std::set<std::string> forgotten;
  const auto& all = view.records.of<core::tables::Conflicts>();
  for (auto conflict = all.Begin(); conflict.Valid(); conflict.Next()) {
    const auto& [a, b] = conflict.key();
    if (!compared.contains(a)) forgotten.insert(a);
    if (!compared.contains(b)) forgotten.insert(b);
  }
  return forgotten;
}

std::optional<git::RadarHead> TargetOf(const git::Observation& seen) {
  if (seen.target.empty()) return std::nullopt;
  return git::RadarHead{seen.target, seen.target_commit};
}

}  // namespace

void FillVerdict(const git::MergeVerdict& verdict, v1::Conflict* conflict) {
  conflict->set_problem(base::OneLine(verdict.problem, kProblemBytes));
  conflict->set_path_count(
      static_cast<int32_t>(std::min<int64_t>(verdict.conflict_count, INT32_MAX)));
  if (!verdict.conflicts.empty()) conflict->set_kind(verdict.conflicts.front().kind);
  size_t bytes = 0;
  for (const git::ConflictPath& clash : verdict.conflicts) {
    bytes += clash.path.size();
    if (conflict->paths_size() == core::limits::kConflictPaths || bytes > kPathBytes) break;
    conflict->add_paths(clash.path);
    conflict->add_path_kinds(clash.kind);
  }
}

std::vector<git::RadarHead> HeadsToCompare(const core::View& view, const git::Observation& seen,
                                           absl::Time now) {
  const Choice choice(view, now);
  std::vector<std::pair<Reason, git::RadarHead>> chosen;
  for (const git::ObservedBranchPtr& observed : seen.branches) {
    const v1::Branch& branch = observed->branch;
    if (branch.branch() == seen.target) continue;
    const Reason reason = choice.ReasonFor(branch.branch());
    if (reason == Reason::kNone) continue;
    chosen.emplace_back(reason, git::RadarHead{branch.branch(), branch.commit()});
  }
  if (chosen.size() > kMaxHeads) {
    std::stable_sort(chosen.begin(), chosen.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    chosen.resize(kMaxHeads);
  }
  std::vector<git::RadarHead> heads;
  heads.reserve(chosen.size() + 1);
  for (auto& [reason, head] : chosen) heads.push_back(std::move(head));
  if (const auto target = TargetOf(seen); target.has_value()) heads.push_back(*target);
  std::sort(heads.begin(), heads.end(),
            [](const auto& a, const auto& b) { return a.branch < b.branch; });
  return heads;
}

RadarStep::RadarStep(RadarStepOptions options) : options_(std::move(options)) {}

RadarStep::~RadarStep() = default;

void RadarStep::Stop() {
  base::MutexLock lock(&mu_);
  stopped_ = true;
  if (radar_ != nullptr) radar_->Stop();
}

absl::StatusOr<git::Radar*> RadarStep::FindRadar() {
  base::MutexLock lock(&mu_);
  if (radar_ == nullptr) {
    COORDHUB_ASSIGN_OR_RETURN(auto merger, git::Merger::Open(options_.common_dir));
    radar_ = std::make_unique<git::Radar>(std::move(merger));
    if (stopped_) radar_->Stop();
  }
  return radar_.get();
}

bool RadarStep::IsStopped() {
  base::MutexLock lock(&mu_);
  return stopped_;
}

absl::StatusOr<bool> RadarStep::Step(const git::Observation& seen) {
  const std::shared_ptr<const core::View> view = options_.view();
  const std::vector<git::RadarHead> heads = HeadsToCompare(*view, seen, options_.clock->Wall());
  COORDHUB_ASSIGN_OR_RETURN(git::Radar* const radar, FindRadar());
  const base::MonoTime end = options_.clock->Mono() + options_.slice;
  const git::RadarResult result = radar->Look(heads, TargetOf(seen), [&] {
    if (options_.rest != nullptr) options_.rest();
    return IsStopped() || options_.clock->Mono() >= end;
  });
  // What was broken off says nothing of those pairs.
  if (IsStopped()) return false;
  core::ComparedBranches found;
  for (const git::PairVerdict& pair : *result.findings) found.conflicts.push_back(ToConflict(pair));
  std::map<std::string, std::string> compared;
  for (const git::RadarHead& head : heads) compared[head.branch] = head.commit;
  for (const std::string& name : Forgotten(*view, compared)) compared[name] = "";
  for (const std::string& name : result.unfinished) compared.erase(name);
  for (auto& [branch, commit] : compared) found.compared.push_back({branch, commit});
  COORDHUB_RETURN_IF_ERROR(options_.record(found));
  return !result.complete;
}

}  // namespace coordhub::loops
