// The context of one operation as WorkspaceOperations gives it.

#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "hub/engine/workspace.h"
#include "hub/operations/operation_kind.h"

namespace coordhub::operations {

// Cancelled by either of two flags; progress becomes commands, one at a time and at most one every
// `note_every`. Threads as OperationContext says.
class CommandContext final : public OperationContext {
 public:
  // What outlives the context; not owned.
  struct Surroundings {
    engine::Workspace* workspace = nullptr;
    const base::Clock* clock = nullptr;
    absl::Duration note_every;
    // This operation was cancelled; all are.
    const std::atomic<bool>* asked_to_stop = nullptr;
    const std::atomic<bool>* all_stop = nullptr;
  };
  CommandContext(const v1::Operation& operation, const Surroundings& surroundings);

  const v1::Operation& operation() const override { return operation_; }
  bool cancelled() const override {
    return *surroundings_.asked_to_stop || *surroundings_.all_stop;
  }
  void Progress(int percent, std::string_view note) override;

 private:
  const v1::Operation& operation_;
  const Surroundings surroundings_;
  // A note is on its way to the log. Shared with the answer, which may come after the end.
  const std::shared_ptr<std::atomic<bool>> noting_ = std::make_shared<std::atomic<bool>>(false);
  base::MonoTime next_note_;
  int percent_ = 0;
  std::string note_;
};

}  // namespace coordhub::operations
