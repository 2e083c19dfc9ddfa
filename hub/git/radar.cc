#include "hub/git/radar.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"

namespace coordhub::git {
namespace {

// Keeps the lists of pairs short that are handed to the merger.
constexpr size_t kPairsAtOnce = 4096;

// In order of names, one of each; the target among them.
std::vector<RadarHead> Arrange(const std::vector<RadarHead>& heads,
                               const std::optional<RadarHead>& target, bool* all) {
  std::vector<RadarHead> arranged;
  arranged.reserve(heads.size() + 1);
  if (target.has_value()) arranged.push_back(*target);
  arranged.insert(arranged.end(), heads.begin(), heads.end());
  const auto by_name = [](const RadarHead& a, const RadarHead& b) { return a.branch < b.branch; };
  std::stable_sort(arranged.begin(), arranged.end(), by_name);
  const auto same_name = [](const RadarHead& a, const RadarHead& b) {
    return a.branch == b.branch;
  };
  arranged.erase(std::unique(arranged.begin(), arranged.end(), same_name), arranged.end());
  *all = arranged.size() <= Radar::kMaxHeads;
  if (*all) return arranged;
  arranged.resize(Radar::kMaxHeads);
  if (target.has_value() && arranged.back().branch < target->branch) arranged.back() = *target;
  return arranged;
}

}  // namespace

Radar::Radar(std::unique_ptr<Merger> merger) : merger_(std::move(merger)) {}

Radar::~Radar() = default;

RadarResult Radar::Look(const std::vector<RadarHead>& heads, const std::optional<RadarHead>& target,
                        const std::function<bool()>& should_stop) {
  bool all = true;
  std::vector<RadarHead> arranged = Arrange(heads, target, &all);
  MergeCircumstances circumstances = merger_->Circumstances();
  result_.compared = 0;
  if (finished_ && arranged == heads_ && circumstances == circumstances_) return result_;
  heads_ = std::move(arranged);
  NumberHeads();
  Forget(circumstances);
  circumstances_ = std::move(circumstances);
  CompareOpen(target, should_stop);
  Collect();
  result_.complete = finished_ && all;
  return result_;
}

Radar::Key Radar::KeyOf(CommitNumber a, CommitNumber b) {
  return static_cast<Key>(std::min(a, b)) << 32 | std::max(a, b);
}

void Radar::NumberHeads() {
  absl::flat_hash_map<std::string, CommitNumber> numbers;
  head_numbers_.clear();
  for (const RadarHead& head : heads_) {
    const auto known = numbers_.find(head.commit);
    const auto [entry, is_new] =
        numbers.emplace(head.commit, known != numbers_.end() ? known->second : next_number_);
    if (is_new && known == numbers_.end()) ++next_number_;
    head_numbers_.push_back(entry->second);
  }
  numbers_ = std::move(numbers);
}

void Radar::Forget(const MergeCircumstances& circumstances) {
  const bool forgets_all = circumstances.of_all != circumstances_.of_all;
  const bool forgets_unknown = circumstances.of_unknown != circumstances_.of_unknown;
  const absl::flat_hash_set<CommitNumber> live(head_numbers_.begin(), head_numbers_.end());
  const auto is_live = [&live](Key key) {
    return live.contains(static_cast<CommitNumber>(key >> 32)) &&
           live.contains(static_cast<CommitNumber>(key));
  };
  for (auto i = verdicts_.begin(); i != verdicts_.end();) {
    const VerdictPtr& verdict = i->second;
    const bool is_unknown = verdict != nullptr && verdict->unknown();
    if (!forgets_all && !(forgets_unknown && is_unknown) && is_live(i->first)) {
      ++i;
      continue;
    }
    if (verdict != nullptr) all_paths_ -= verdict->conflicts.size();
    verdicts_.erase(i++);
  }
}

void Radar::CompareOpen(const std::optional<RadarHead>& target,
                        const std::function<bool()>& should_stop) {
  const std::vector<Pair> open = ListOpen(target);
  finished_ = false;
  for (size_t begin = 0; begin < open.size(); begin += kPairsAtOnce) {
    const size_t end = std::min(open.size(), begin + kPairsAtOnce);
    std::vector<CommitPair> pairs;
    for (size_t i = begin; i < end; ++i)
      pairs.push_back({heads_[open[i].first].commit, heads_[open[i].second].commit});
    const std::string trunk = target.has_value() ? target->commit : heads_.front().commit;
    auto verdicts = merger_->CompareAll(pairs, trunk, should_stop);
    bool reached_all = true;
    for (size_t i = 0; i < verdicts.size(); ++i) {
      reached_all = reached_all && verdicts[i].has_value();
      if (!verdicts[i].has_value()) continue;
      const Pair& pair = open[begin + i];
      Remember(KeyOf(head_numbers_[pair.first], head_numbers_[pair.second]),
               *std::move(verdicts[i]));
      ++result_.compared;
    }
    if (!reached_all) return;
  }
  finished_ = true;
}

std::vector<Radar::Pair> Radar::ListOpen(const std::optional<RadarHead>& target) const {
  std::vector<Pair> open;
  absl::flat_hash_set<Key> listed;
  const auto add = [&](size_t i, size_t j) {
    const Key key = KeyOf(head_numbers_[i], head_numbers_[j]);
    if (head_numbers_[i] == head_numbers_[j] || verdicts_.contains(key)) return;
    if (listed.insert(key).second) open.emplace_back(i, j);
  };
  for (size_t i = 0; target.has_value() && i < heads_.size(); ++i) {
    if (heads_[i].branch != target->branch) continue;
    for (size_t j = 0; j < heads_.size(); ++j) add(i, j);
  }
  for (size_t i = 0; i < heads_.size(); ++i) {
    for (size_t j = i + 1; j < heads_.size(); ++j) add(i, j);
  }
  return open;
}

void Radar::Remember(Key key, MergeVerdict verdict) {
  if (verdict.clean()) {
    verdicts_[key] = nullptr;
    return;
  }
  const size_t most = all_paths_ < kMaxAllPaths ? kMaxPaths : 1;
  if (verdict.conflicts.size() > most) verdict.conflicts.resize(most);
  verdict.conflicts.shrink_to_fit();
  all_paths_ += verdict.conflicts.size();
  verdicts_[key] = std::make_shared<const MergeVerdict>(std::move(verdict));
}

void Radar::Collect() {
  auto findings = std::make_shared<std::vector<PairVerdict>>();
  std::vector<bool> is_unfinished(heads_.size(), false);
  for (size_t i = 0; i < heads_.size(); ++i) {
    for (size_t j = i + 1; j < heads_.size(); ++j) {
      const auto known = verdicts_.find(KeyOf(head_numbers_[i], head_numbers_[j]));
      if (known == verdicts_.end() && head_numbers_[i] != head_numbers_[j]) {
        is_unfinished[i] = is_unfinished[j] = true;
      }
      if (known == verdicts_.end() || known->second == nullptr) continue;
      findings->push_back(
          {heads_[i].branch, heads_[j].branch, heads_[i].commit, heads_[j].commit, known->second});
    }
  }
  result_.pairs =
      static_cast<int64_t>(heads_.size() * (heads_.size() - (heads_.empty() ? 0 : 1)) / 2);
  result_.findings = std::move(findings);
  result_.unfinished.clear();
  for (size_t i = 0; i < heads_.size(); ++i) {
    if (is_unfinished[i]) result_.unfinished.push_back(heads_[i].branch);
  }
}

}  // namespace coordhub::git
