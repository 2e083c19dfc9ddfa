// A workspace with its operations, and calls that wait for their end.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/give_way.h"
#include "hub/core/operation_id.h"
#include "hub/operations/workspace_operations.h"
#include "tests/engine/workspace_fixture.h"

namespace coordhub::operations {

// Work that does what the test says.
class ScriptedKind final : public OperationKind {
 public:
  explicit ScriptedKind(v1::Operation::Kind kind = v1::Operation::KIND_BACKUP) : kind_(kind) {}

  std::function<absl::StatusOr<OperationResult>(OperationContext&)> run;
  std::function<Recovery(OperationContext&)> recover;
  bool runs_unrecorded = false;
  bool takes_long = false;
  std::atomic<int> runs{0};
  std::atomic<int> recoveries{0};

  v1::Operation::Kind kind() const override { return kind_; }
  absl::StatusOr<OperationResult> Run(OperationContext& context) override {
    ++runs;
    return run ? run(context) : OperationResult();
  }
  Recovery Recover(OperationContext& context) override {
    ++recoveries;
    return recover ? recover(context) : Recovery{.note = "", .error = "undone"};
  }
  bool RunsUnrecorded() const override { return runs_unrecorded; }
  bool TakesLong() const override { return takes_long; }

 private:
  const v1::Operation::Kind kind_;
};

// What the notes of progress go by, moved by hand.
class HandClock final : public base::Clock {
 public:
  base::MonoTime Mono() const override { return {nanos_}; }
  absl::Time Wall() const override { return absl::FromUnixSeconds(1'753'790'400); }
  void Advance(absl::Duration duration) { nanos_ += absl::ToInt64Nanoseconds(duration); }

 private:
  std::atomic<int64_t> nanos_{1'000'000'000};
};

class OperationsFixture : public engine::WorkspaceTest {
 protected:
  void TearDown() override {
    Close();
    WorkspaceTest::TearDown();
  }
  // As a process does that ends in order.
  void Close() {
    if (operations_ != nullptr) {
      EXPECT_TRUE(operations_->Stop(absl::InfiniteDuration()));
    }
    if (workspace_ != nullptr) workspace_->Stop();
    operations_.reset();
    workspace_.reset();
  }
  // `kinds` are what the workspace can do; without any, the scripted one.
  void StartOperations(std::vector<std::unique_ptr<OperationKind>> kinds = {}, int threads = 2) {
    if (kinds.empty()) {
      auto scripted = std::make_unique<ScriptedKind>();
      kind_ = scripted.get();
      if (script_) script_(kind_);
      kinds.push_back(std::move(scripted));
    }
    operations_ = std::make_unique<WorkspaceOperations>(OperationsOptions{
        .workspace = workspace_.get(),
        .clock = &note_clock_,
        .kinds = std::move(kinds),
        .threads = threads,
    });
    operations_->Start();
  }

  static std::unique_ptr<core::Command> Begin(const std::string& request_id = "",
                                              const std::string& subject = "/somewhere") {
    auto command = std::make_unique<core::Command>(core::Command{
        .caller = core::Caller::Operator(),
        .body = core::BeginOperation{.kind = v1::Operation::KIND_BACKUP, .subject = subject},
        .request_id = request_id});
    if (!request_id.empty()) command->fingerprint = "of " + request_id;
    return command;
  }
  using Result = std::shared_ptr<engine::Waitable<absl::StatusOr<Ended>>>;
  Result Launch(std::unique_ptr<core::Command> begin = Begin()) {
    auto result = std::make_shared<engine::Waitable<absl::StatusOr<Ended>>>();
    operations_->Run(std::move(begin), base::MonoTime::InfiniteFuture(),
                     [result](absl::StatusOr<Ended> ended) { result->Set(std::move(ended)); });
    return result;
  }
  // As hub/rpc does.
  absl::StatusOr<engine::Outcome> Cancel(const std::string& operation_id) {
    v1::CancelOperationRequest request;
    request.set_operation_id(operation_id);
    absl::StatusOr<engine::Outcome> outcome = Do(std::make_unique<core::Command>(
        core::Command{.caller = core::Caller::Operator(), .body = request}));
    if (outcome.ok()) operations_->AskToStop(operation_id);
    return outcome;
  }

  // As it is in the log now; an empty one: there is none.
  v1::Operation Recorded(const std::string& operation_id) const {
    const engine::ViewPtr view = workspace_->view();
    const auto* known =
        view->records.Find<core::tables::Operations>(core::OperationNumber(operation_id));
    return known == nullptr ? v1::Operation() : *known;
  }
  size_t RecordCount() const {
    return workspace_->view()->records.of<core::tables::Operations>().size();
  }
  // Waits until nothing of it is under way any more; returns its record.
  v1::Operation AwaitEnd(const std::string& operation_id) const {
    while (operations_->IsUnderWay(operation_id)) base::GiveWay();
    return Recorded(operation_id);
  }
  // The kinds of all events of operations, as "STARTED CHANGED FINISHED".
  std::string Events() {
    std::string text;
    const auto events = ReadEvents(0);
    EXPECT_TRUE(events.ok()) << events.status();
    for (const engine::EncodedEvent& encoded : *events) {
      const std::string name = v1::EventKind_Name(encoded.event->kind());
      const std::string prefix = "EVENT_KIND_OPERATION_";
      if (name.rfind(prefix, 0) != 0) continue;
      text += (text.empty() ? "" : " ") + name.substr(prefix.size());
    }
    return text;
  }

  HandClock note_clock_;
  std::function<void(ScriptedKind*)> script_;
  ScriptedKind* kind_ = nullptr;
  std::unique_ptr<WorkspaceOperations> operations_;
};

inline std::string ReasonOf(const absl::Status& status) {
  return status.ok() ? "OK" : std::string(base::ReasonName(base::ReasonOf(status)));
}

// Blocks until it is told to stop.
inline void AwaitCancellation(const OperationContext& context) {
  while (!context.cancelled()) base::GiveWay();
}

}  // namespace coordhub::operations
