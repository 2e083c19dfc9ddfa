// One integration under way. Private to this folder.

#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hub/core/command.h"
#include "hub/operations/integrate_kind.h"
#include "hub/operations/round_work.h"

namespace coordhub::operations {

// Lives for one Run or Recover. Blocks; the operation's thread.
class RoundIntegration {
 public:
  // `round` is INTEGRATING by the context's operation. All outlive this.
  RoundIntegration(const IntegrateKind::Options& options, OperationContext& context,
                   git::Integrator* git, engine::ViewPtr view, const v1::Round& round);

  // Does it, and concludes the round. An error: nothing was changed, and the round is as it was
  // (the caller gives it back).
  absl::StatusOr<OperationResult> Run();

  // After a crash: the target was moved, or it was not. True: it was, and the round is concluded.
  // False: the target is where it was.
  absl::StatusOr<bool> FinishMoved();

  // Gives the round back to who waits for it; `why` for people.
  absl::Status GiveBack(const std::string& why);

 private:
  absl::Status CheckCheckouts();
  // Plans and runs the gate until what is left passes. Empty steps: nothing is left.
  absl::StatusOr<IntegrationPlan> PlanWithGate(const std::string& head);
  absl::StatusOr<IntegrationPlan> PlanWithout(const std::string& head);
  // The place of the first step at which the gate fails; nullopt: it passes.
  absl::StatusOr<std::optional<size_t>> FirstFailing(const v1::Gate& gate, const std::string& head,
                                                     const IntegrationPlan& plan);
  absl::StatusOr<bool> Passes(const v1::Gate& gate, const std::string& commit);
  // Moves the target and its checkouts. False: somebody else moved it meanwhile.
  absl::StatusOr<bool> Move(const std::string& head, const std::string& tip);
  absl::StatusOr<OperationResult> Conclude(const IntegrationPlan& plan, const std::string& tip);
  absl::StatusOr<std::vector<core::IntegratedTicket>> ProvenTickets(
      const std::set<std::string>& agents, const std::string& tip);
  absl::Status Cancelled() const;
  // For tests: here a process may end.
  void Pass(const char* point) const {
    if (options_.at_point) options_.at_point(point);
  }

  const IntegrateKind::Options& options_;
  OperationContext& context_;
  git::Integrator& git_;
  const engine::ViewPtr view_;
  const v1::Round& round_;
  GitTrial trial_;
  std::vector<PlanMember> members_;
  // Those that break the gate.
  std::vector<LeftOut> broken_;
  std::vector<std::string> checkouts_;
  int gate_steps_ = 0;
  std::string gate_note_;
};

}  // namespace coordhub::operations
