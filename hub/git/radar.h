// Which of many branches do not merge with each other, kept up to date as they move.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "hub/git/merger.h"

namespace coordhub::git {

// Where a branch stands.
struct RadarHead {
  std::string branch;
  // Hex, whole.
  std::string commit;

  friend bool operator==(const RadarHead&, const RadarHead&) = default;
};

struct PairVerdict {
  // The lesser name first.
  std::string branch_a;
  std::string branch_b;
  std::string commit_a;
  std::string commit_b;
  // Never null. Names up to Radar::kMaxPaths paths. As long as neither commit moves, and whatever
  // the branches' names, it is the same object.
  std::shared_ptr<const MergeVerdict> verdict;
};

struct RadarResult {
  // Pairs that conflict and pairs of which nobody can tell, in order of branch_a, then branch_b.
  // Never null; the same object as long as nothing moved.
  std::shared_ptr<const std::vector<PairVerdict>> findings;
  // Pairs of branches there are.
  int64_t pairs = 0;
  // Of them, those that were compared in this call; the others were known.
  int64_t compared = 0;
  // All pairs were. False: it was told to stop, or there are more than kMaxHeads heads; pairs that
  // were not compared are not among the findings.
  bool complete = true;
  // The branches that have a pair which was not compared, in order.
  std::vector<std::string> unfinished;
};

// Compares all pairs of heads and remembers verdicts by commits, so that a look costs in proportion
// to the heads that moved, and almost nothing when none did. What is remembered lives as long as
// the heads: after a restart everything is compared anew (some seconds for 200 branches that differ
// in 200 files each; see tests/bench/radar_bench). One thread at a time; blocks.
class Radar {
 public:
  // More heads than these, in order of their names, are not looked at; the target always is.
  static constexpr size_t kMaxHeads = 1000;
  // How many paths of a pair are remembered; of all pairs together up to kMaxAllPaths, and one of
  // each beyond. With them, all verdicts of kMaxHeads heads in conflict take up to 150 MiB; of 200
  // heads, 10 MiB.
  static constexpr size_t kMaxPaths = 100;
  static constexpr size_t kMaxAllPaths = 100000;

  explicit Radar(std::unique_ptr<Merger> merger);
  ~Radar();

  // Looks at all pairs of `heads` and at each with `target`, which is a head like the others and
  // need not be among them; nullopt: there is none. Of heads of one branch the first counts. Pairs
  // of which nobody could tell are tried again when objects came. Asks `should_stop` now and then;
  // what was compared by then is remembered.
  RadarResult Look(const std::vector<RadarHead>& heads, const std::optional<RadarHead>& target,
                   const std::function<bool()>& should_stop);

  // Ends git where it runs; a look then returns soon. Any thread.
  void Stop() { merger_->Stop(); }

 private:
  using CommitNumber = uint32_t;
  using VerdictPtr = std::shared_ptr<const MergeVerdict>;
  // Two commits' numbers, the lesser first.
  using Key = uint64_t;
  // Indexes of two heads.
  using Pair = std::pair<size_t, size_t>;

  static Key KeyOf(CommitNumber a, CommitNumber b);
  // Forgets what is of commits that are no head any more, and all that `circumstances` make
  // doubtful.
  void Forget(const MergeCircumstances& circumstances);
  void NumberHeads();
  void CompareOpen(const std::optional<RadarHead>& target,
                   const std::function<bool()>& should_stop);
  // Pairs without a verdict, those with the target first; one of each two commits.
  std::vector<Pair> ListOpen(const std::optional<RadarHead>& target) const;
  void Remember(Key key, MergeVerdict verdict);
  void Collect();

  const std::unique_ptr<Merger> merger_;
  // Of the commits that are heads. A number is never given twice.
  absl::flat_hash_map<std::string, CommitNumber> numbers_;
  CommitNumber next_number_ = 0;
  // Null: they merge.
  absl::flat_hash_map<Key, VerdictPtr> verdicts_;
  size_t all_paths_ = 0;

  // The last look.
  MergeCircumstances circumstances_;
  // In order of names, and the number of each one's commit.
  std::vector<RadarHead> heads_;
  std::vector<CommitNumber> head_numbers_;
  // All pairs of `heads_` were compared.
  bool finished_ = false;
  RadarResult result_;
};

}  // namespace coordhub::git
