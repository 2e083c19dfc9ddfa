// A writer without threads, network and disk: what deciding costs, and nothing else.

#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/manual_clock.h"
#include "hub/engine/writer.h"

namespace coordhub::bench {

// A workspace whose batches are run by hand, on a virtual clock and a journal in memory. One
// thread.
class Workbench final : private engine::WriterObserver {
 public:
  explicit Workbench(std::unique_ptr<journal::Journal> journal);

  // Sessions `session-0` on, all live.
  void RegisterAgents(int count);
  void CreateTickets(int count);
  // Claims and completes a ticket for each agent, all claims in one batch and all ends in another.
  void ClaimAndCompleteOnce();
  // One batch of these.
  void Run(std::vector<std::unique_ptr<core::Command>> commands);
  void RunOne(std::unique_ptr<core::Command> command);

  const core::State& state() const { return *state_; }
  core::State& state() { return *state_; }
  base::Now now() const { return clock_.Now(); }
  int agents() const { return agents_; }
  // What the last batch committed.
  const std::vector<engine::EncodedEvent>& committed() const { return committed_; }

  // A claim of the agent's, as hub/rpc would make it.
  static std::unique_ptr<core::Command> ClaimOf(int agent);

 private:
  // WriterObserver
  void OnView(std::shared_ptr<const core::View> view) override { view_ = std::move(view); }
  void OnCommitted(const std::vector<engine::EncodedEvent>& events) override {
    committed_ = events;
  }
  void OnWriteRefusal(const std::string& reason) override;
  void OnFatal(const absl::Status& status) override;
  void FetchCommit(journal::CommitRange range, engine::Done done) override;

  base::ManualClock clock_;
  const std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<core::State> state_;
  engine::LeaseClock lease_clock_;
  engine::LeaseTable sessions_;
  engine::LeaseTable rights_;
  std::unique_ptr<engine::Writer> writer_;
  std::shared_ptr<const core::View> view_;
  std::vector<engine::EncodedEvent> committed_;
  int agents_ = 0;
  int tickets_ = 0;
};

// Ends the process with what went wrong: a benchmark of failures would measure nothing.
void CheckOk(const absl::Status& status, const char* what);

}  // namespace coordhub::bench
