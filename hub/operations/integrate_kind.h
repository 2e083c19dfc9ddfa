#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/engine/workspace.h"
#include "hub/git/integrator.h"
#include "hub/operations/operation_kind.h"

namespace coordhub::operations {

// How a gate judged a commit.
struct GateVerdict {
  bool passed = false;
  // Why not, one line.
  std::string note;
};

// IntegrateRound. The subject is the round. Merges the members in the planned order, has the gate
// judge what came of it, and moves the target by compare-and-swap; then the round is concluded, and
// what it brought is marked, in one commit (core::ConcludeRound). What the target is moved to is in
// the log before it is moved: so after a crash the target is where it was or where it was to be,
// and the next start tells which, and goes on from there. Branches are never deleted or moved, but
// the target.
class IntegrateKind final : public OperationKind {
 public:
  struct Options {
    // Outlives the kind; not owned.
    engine::Workspace* workspace = nullptr;
    std::string common_dir;
    // Empty: bare.
    std::string main_worktree;
    // Runs a gate on a commit. `step` tells apart what one operation runs. Null: there are none.
    std::function<absl::StatusOr<GateVerdict>(OperationContext& context, const v1::Gate& gate,
                                              const std::string& commit, int step)>
        run_gate;
    // Where gates have their trees (gate_scratch.h). Empty: none are left there.
    std::string gate_scratch_dir;
    // Called where a crash leaves something behind; for tests. Null: nobody asks.
    std::function<void(std::string_view point)> at_point;
  };
  explicit IntegrateKind(Options options) : options_(std::move(options)) {}

  v1::Operation::Kind kind() const override { return v1::Operation::KIND_INTEGRATE; }
  absl::StatusOr<OperationResult> Run(OperationContext& context) override;
  Recovery Recover(OperationContext& context) override;
  bool TakesLong() const override { return true; }

 private:
  const Options options_;
};

}  // namespace coordhub::operations
