#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/convergence.pb.h"
#include "hub/engine/workspace.h"
#include "hub/operations/gate_runner.h"
#include "hub/operations/operation_kind.h"

namespace coordhub::operations {

struct GateKindOptions {
  // Not owned; outlives the kind.
  engine::Workspace* workspace = nullptr;
  std::string common_dir;
  // See gate_scratch.h.
  std::string scratch_dir;
  // See GateRun.
  std::vector<std::string> supervisor = GateRun().supervisor;
};

// RunGate, and what runs when a target moves. The subject is the gate. It runs on the target's head
// as it is when its turn comes, and what it finds is recorded (core::RecordGateRun) before the
// operation ends: which is DONE whether the gate passed or not. Of one gate there is one run at a
// time; whoever waited meanwhile takes that one's verdict, if the target still is where it ran.
class GateKind final : public OperationKind {
 public:
  explicit GateKind(GateKindOptions options) : options_(std::move(options)) {}

  v1::Operation::Kind kind() const override { return v1::Operation::KIND_GATE; }
  // Errors: GATE_NOT_FOUND, INVALID_FIELD (it has no target), BRANCH_NOT_FOUND, IO_FAILED (there
  // was no tree), those of RunGate and of Workspace::Submit.
  absl::StatusOr<OperationResult> Run(OperationContext& context) override;
  Recovery Recover(OperationContext& context) override;
  bool TakesLong() const override { return true; }

 private:
  // Holds a gate's turn.
  class Turn;

  absl::StatusOr<OperationResult> RunOnTarget(OperationContext& context);
  absl::StatusOr<OperationResult> RunAt(const v1::Gate& gate, const std::string& commit,
                                        OperationContext& context);
  void PruneLogs() const;

  const GateKindOptions options_;
  base::Mutex mu_;
  base::CondVar turn_over_;
  // Gates that run.
  std::set<std::string> running_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::operations
