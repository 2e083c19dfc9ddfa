#include "hub/operations/gate_kind.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/proto_time.h"
#include "hub/git/scratch_worktree.h"
#include "hub/operations/gate_scratch.h"
#include "hub/operations/recorded_end.h"

namespace coordhub::operations {
namespace {

// Between two looks whether somebody wants it to stop.
constexpr absl::Duration kLookEvery = absl::Milliseconds(100);
// The newest rounds whose gates' logs are kept.
constexpr int kRoundsWithLogs = 100;

std::string PlaceOf(const v1::Gate& gate, const std::string& commit) {
  return absl::StrCat(gate.target(), " at ", commit.substr(0, 12));
}

// Whether what is recorded was found after the operation was asked for, and where it would run.
bool AnswersIt(const v1::Gate& gate, const std::string& commit, const v1::Operation& operation) {
  return gate.verdict() != v1::Gate::VERDICT_UNSPECIFIED && gate.commit() == commit &&
         core::FromProto(gate.run_time()) >= core::FromProto(operation.create_time()) &&
         gate.operation_id() != operation.operation_id();
}

std::string VerdictOf(bool passed) { return passed ? "green" : "red"; }

}  // namespace

class GateKind::Turn {
 public:
  // Waits until nobody else runs the gate. Not held(): cancelled meanwhile.
  Turn(GateKind* kind, const OperationContext& context)
      : kind_(*kind), gate_id_(context.operation().subject()) {
    base::MutexLock lock(&kind_.mu_);
    while (!context.cancelled()) {
      held_ = kind_.running_.insert(gate_id_).second;
      if (held_) return;
      kind_.turn_over_.WaitWithTimeout(&kind_.mu_, kLookEvery);
    }
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (!held_) return;
    base::MutexLock lock(&kind_.mu_);
    kind_.running_.erase(gate_id_);
    kind_.turn_over_.SignalAll();
  }

  bool held() const { return held_; }

 private:
  GateKind& kind_;
  const std::string gate_id_;
  bool held_ = false;
};

absl::StatusOr<OperationResult> GateKind::Run(OperationContext& context) {
  const Turn turn(this, context);
  if (!turn.held()) return absl::CancelledError("cancelled before its turn came");
  return RunOnTarget(context);
}

absl::StatusOr<OperationResult> GateKind::RunOnTarget(OperationContext& context) {
  const engine::ViewPtr view = options_.workspace->view();
  const std::string& gate_id = context.operation().subject();
  const v1::Gate* gate = view->records.Find<core::tables::Gates>(gate_id);
  if (gate == nullptr) return core::GateNotFound(gate_id);
  if (gate->target().empty()) {
    return base::MakeFieldError("gate_id", "names a gate that watches no target");
  }
  // Git's own word: what is observed may be a little behind.
  COORDHUB_ASSIGN_OR_RETURN(const std::string commit,
                            git::ResolveBranch(options_.common_dir, gate->target()));
  if (AnswersIt(*gate, commit, context.operation())) {
    const bool passed = gate->verdict() == v1::Gate::VERDICT_GREEN;
    return OperationResult{.note = absl::StrCat(VerdictOf(passed), ": ", PlaceOf(*gate, commit),
                                                ", as ", gate->operation_id(), " found"),
                           .answer = nullptr};
  }
  return RunAt(*gate, commit, context);
}

absl::StatusOr<OperationResult> GateKind::RunAt(const v1::Gate& gate, const std::string& commit,
                                                OperationContext& context) {
  const std::string place = PlaceOf(gate, commit);
  const std::string operation_id = context.operation().operation_id();
  GateRun run;
  run.command = {gate.command().begin(), gate.command().end()};
  run.timeout = core::FromProto(gate.timeout());
  run.common_dir = options_.common_dir;
  run.commit = commit;
  run.scratch_dir = options_.scratch_dir;
  run.id = operation_id;
  run.supervisor = options_.supervisor;
  run.cancelled = [&context, &place] {
    context.Progress(0, place);
    return context.cancelled();
  };
  COORDHUB_ASSIGN_OR_RETURN(const GateResult result, RunGate(run));
  if (result.end == GateResult::End::kCancelled) return absl::CancelledError("cancelled");
  if (result.end == GateResult::End::kNotRun) {
    return base::MakeError(v1::ERROR_REASON_IO_FAILED, result.note,
                           {{"operation", "make a tree"}, {"path", options_.scratch_dir}});
  }
  const bool passed = result.end == GateResult::End::kPassed;
  const std::string note = absl::StrCat(VerdictOf(passed), ": ", place, ": ", result.note);
  COORDHUB_RETURN_IF_ERROR(
      SubmitAndWait(
          options_.workspace,
          core::RecordGateRun{.gate_id = gate.gate_id(),
                              .operation_id = operation_id,
                              .commit = commit,
                              .passed = passed,
                              .note = absl::StrCat("`coordctl gate log ", gate.gate_id(),
                                                   "` has what it wrote. It closes itself when ",
                                                   gate.target(), " passes again. ", result.note)})
          .status());
  PruneLogs();
  return OperationResult{.note = note, .answer = nullptr};
}

void GateKind::PruneLogs() const {
  const engine::ViewPtr view = options_.workspace->view();
  std::set<std::string> kept;
  for (auto gate = view->records.of<core::tables::Gates>().Begin(); gate.Valid(); gate.Next()) {
    kept.insert(gate->operation_id());
  }
  int rounds = 0;
  for (auto round = view->records.of<core::tables::Rounds>().Last();
       round.Valid() && rounds < kRoundsWithLogs; round.Prev()) {
    kept.insert(round->operation_id());
    ++rounds;
  }
  for (auto operation = view->records.of<core::tables::Operations>().Begin(); operation.Valid();
       operation.Next()) {
    if (operation->state() == v1::Operation::STATE_RUNNING) kept.insert(operation->operation_id());
  }
  PruneGateLogs(options_.scratch_dir, kept);
}

Recovery GateKind::Recover(OperationContext& context) {
  const absl::Status removed = RemoveGateLeftovers(options_.common_dir, options_.scratch_dir,
                                                   context.operation().operation_id());
  Recovery recovery;
  recovery.error = "the hub ended while it was under way";
  if (!removed.ok()) {
    absl::StrAppend(&recovery.error, "; some of it is left: ", removed.message());
  }
  return recovery;
}

}  // namespace coordhub::operations
