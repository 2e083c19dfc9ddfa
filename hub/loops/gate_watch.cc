#include "hub/loops/gate_watch.h"

#include "absl/strings/str_cat.h"
#include "agent/base/mutant.h"

namespace coordhub::loops {
namespace {

template <class Visit>
void ForEachWatching(const core::View& view, const Visit& visit) {
  for (auto gate = view.records.of<core::tables::Gates>().Begin(); gate.Valid(); gate.Next()) {
    if (!gate->target().empty()) visit(*gate);
  }
}

// The state of the newest run of a gate; UNSPECIFIED: none is remembered.
v1::Operation::State StateOfLastRun(const core::View& view, const std::string& gate_id) {
  for (auto operation = view.records.of<core::tables::Operations>().Last(); operation.Valid();
       operation.Prev()) {
    if (operation->kind() == v1::Operation::KIND_GATE && operation->subject() == gate_id) {
      return operation->state();
    }
  }
  return v1::Operation::STATE_UNSPECIFIED;
}

// What a run would be of: the head, and the command as it is set.
std::string WhatRuns(const v1::Gate& gate, const v1::Branch& target) {
  std::string what = absl::StrCat(target.commit(), " ", target.branch());
  for (const std::string& word : gate.command()) absl::StrAppend(&what, "\n", word);
  return what;
}

}  // namespace

std::set<std::string> GateTargets(const core::View& view) {
  std::set<std::string> targets;
  ForEachWatching(view, [&targets](const v1::Gate& gate) { targets.insert(gate.target()); });
  return targets;
}

bool GateWatch::HasNews(const core::View& view) {
  std::map<std::string, std::pair<int64_t, bool>> present;
  ForEachWatching(view, [&](const v1::Gate& gate) {
    const bool runs = StateOfLastRun(view, gate.gate_id()) == v1::Operation::STATE_RUNNING;
    present[gate.gate_id()] = {gate.mod_revision(), runs};
  });
  if (present == known_) return false;
  known_ = std::move(present);
  return true;
}

void GateWatch::BeginDue(const core::View& view, base::MonoTime now) {
  if (!begin_run_ || base::MutantActive("gates_not_watched")) return;
  ForEachWatching(view, [&](const v1::Gate& gate) {
    const v1::Branch* target = view.records.Find<core::tables::Branches>(gate.target());
    if (target == nullptr || target->commit() == gate.commit()) return;
    std::string what = WhatRuns(gate, *target);
    if (!IsDue(view, gate, what, now)) return;
    begun_[gate.gate_id()] = {std::move(what), now};
    begin_run_(gate.gate_id());
  });
}

bool GateWatch::IsDue(const core::View& view, const v1::Gate& gate, const std::string& what,
                      base::MonoTime now) const {
  const v1::Operation::State last = StateOfLastRun(view, gate.gate_id());
  if (last == v1::Operation::STATE_RUNNING) return false;
  const auto begun = begun_.find(gate.gate_id());
  if (begun == begun_.end() || begun->second.what != what) return true;
  return last != v1::Operation::STATE_CANCELLED && now - begun->second.time >= kRetryAfter;
}

}  // namespace coordhub::loops
