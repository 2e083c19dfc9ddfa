// Which gates are to run because their targets moved.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "coordhub/v1/convergence.pb.h"
#include "hub/core/records.h"

namespace coordhub::loops {

// The branches that gates watch.
std::set<std::string> GateTargets(const core::View& view);

// Begins a gate's run when the head of its target is another than the one that its verdict is of,
// and no run of it is under way. One that ended without a verdict is begun again after a while,
// unless somebody cancelled it. One thread.
class GateWatch {
 public:
  // Begins an operation KIND_GATE; does not wait for anything.
  using BeginRun = std::function<void(const std::string& gate_id)>;

  // `begin_run` may be null: nothing is begun.
  explicit GateWatch(BeginRun begin_run) : begin_run_(std::move(begin_run)) {}

  // Whether a gate was set or deleted, or a run of one began or ended, since it was asked last.
  bool HasNews(const core::View& view);

  // Begins what is due by the heads that the view has.
  void BeginDue(const core::View& view, base::MonoTime now);

  static constexpr absl::Duration kRetryAfter = absl::Minutes(5);

 private:
  struct Begun {
    // The head and what runs there.
    std::string what;
    base::MonoTime time;
  };
  bool IsDue(const core::View& view, const v1::Gate& gate, const std::string& what,
             base::MonoTime now) const;

  const BeginRun begin_run_;
  // By gate: its revision, and whether it runs.
  std::map<std::string, std::pair<int64_t, bool>> known_;
  // By gate: the last that was begun here.
  std::map<std::string, Begun> begun_;
};

}  // namespace coordhub::loops
