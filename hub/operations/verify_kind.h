#pragma once

#include "hub/engine/workspace.h"
#include "hub/operations/operation_kind.h"

namespace coordhub::operations {

// VerifyWorkspace. No subject; leaves nothing. The answer is a VerifyWorkspaceResponse without its
// workspace.
class VerifyKind final : public OperationKind {
 public:
  // `workspace` outlives it; not owned.
  explicit VerifyKind(engine::Workspace* workspace) : workspace_(workspace) {}

  v1::Operation::Kind kind() const override { return v1::Operation::KIND_VERIFY; }
  // Errors: those of Workspace::Verify.
  absl::StatusOr<OperationResult> Run(OperationContext& context) override;
  Recovery Recover(OperationContext& context) override;
  // It needs no room.
  bool RunsUnrecorded() const override { return true; }

 private:
  engine::Workspace* const workspace_;
};

}  // namespace coordhub::operations
