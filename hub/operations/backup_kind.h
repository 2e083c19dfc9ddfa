#pragma once

#include <string>

#include "hub/engine/workspace.h"
#include "hub/operations/operation_kind.h"

namespace coordhub::operations {

// BackupWorkspace. The subject is the new directory. It is filled under another name beside it, and
// renamed when it is whole: so there is a backup or nothing, and what a process left behind is told
// from what is not the hub's by its name. The answer is a BackupWorkspaceResponse without its
// workspace.
class BackupKind final : public OperationKind {
 public:
  // `workspace` outlives it; not owned.
  explicit BackupKind(engine::Workspace* workspace) : workspace_(workspace) {}

  v1::Operation::Kind kind() const override { return v1::Operation::KIND_BACKUP; }
  // Errors: INVALID_FIELD directory (there is something already, or no place for it), those of
  // Workspace::Backup.
  absl::StatusOr<OperationResult> Run(OperationContext& context) override;
  Recovery Recover(OperationContext& context) override;
  // A full disk is a reason to back up to another one.
  bool RunsUnrecorded() const override { return true; }

  // Where it is filled: of this log and operation, beside the directory.
  std::string PartialDirectory(const v1::Operation& operation) const;

 private:
  absl::StatusOr<engine::Workspace::BackupResult> Fill(const std::string& partial,
                                                       OperationContext& context);

  engine::Workspace* const workspace_;
};

}  // namespace coordhub::operations
