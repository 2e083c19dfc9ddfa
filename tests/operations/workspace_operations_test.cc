// Long work: intent before it, result after it, and nothing forgotten in between.

#include "hub/operations/workspace_operations.h"

#include <atomic>

#include "hub/core/limits.h"
#include "tests/operations/operations_fixture.h"

namespace coordhub::operations {
namespace {

using engine::Waitable;

class OperationsTest : public OperationsFixture {
 protected:
  // What the engine's tests have below it, with the journal's appends under this test's hand.
  void Open() {
    OpenSqlite([this](engine::ScriptedJournal* journal) {
      journal->on_append = [this](absl::Span<const journal::Entry>) {
        return full_ ? base::MakeError(v1::ERROR_REASON_DISK_FULL, "no space") : absl::OkStatus();
      };
    });
  }
  void OpenAndStart(int threads = 2) {
    Open();
    StartOperations({}, threads);
  }
  // Leaves O-1 in the log as a process does that is killed in the middle of it.
  void LeaveOneUnderWay() {
    Open();
    ASSERT_TRUE(Do(Begin()).ok());
    Close();
  }

  std::atomic<bool> full_{false};
};

TEST_F(OperationsTest, TheIntentIsInTheLogBeforeTheWorkAndTheResultAfterIt) {
  OpenAndStart();
  v1::Operation seen;
  kind_->run = [&](OperationContext& context) {
    seen = Recorded(context.operation().operation_id());
    return OperationResult{.note = "all of it",
                           .answer = std::make_shared<v1::Operation>(context.operation())};
  };
  const auto ended = Launch()->Get();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_TRUE(ended->status.ok()) << ended->status;
  EXPECT_NE(ended->answer, nullptr);
  EXPECT_EQ(seen.state(), v1::Operation::STATE_RUNNING) << "durable before the work began";
  EXPECT_EQ(seen.subject(), "/somewhere");
  EXPECT_EQ(seen.actor(), "operator");
  EXPECT_EQ(ended->operation.state(), v1::Operation::STATE_DONE);
  EXPECT_EQ(Recorded("O-1").SerializeAsString(), ended->operation.SerializeAsString())
      << "who waits is answered once the end is durable";
  EXPECT_EQ(Recorded("O-1").note(), "all of it");
  EXPECT_EQ(Events(), "STARTED FINISHED");
}

TEST_F(OperationsTest, AFailureIsWrittenDownAndAnsweredWithItsReason) {
  OpenAndStart();
  kind_->run = [](OperationContext&) { return base::MakeFieldError("directory", "is odd"); };
  const auto ended = Launch()->Get();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ReasonOf(ended->status), "INVALID_FIELD");
  EXPECT_EQ(Recorded("O-1").state(), v1::Operation::STATE_FAILED);
  EXPECT_EQ(Recorded("O-1").error(), ended->status.message());
}

TEST_F(OperationsTest, WhatIsCancelledStopsAndIsWrittenDownAsCancelled) {
  OpenAndStart();
  Waitable<bool> begun;
  kind_->run = [&](OperationContext& context) -> absl::StatusOr<OperationResult> {
    begun.Set(true);
    AwaitCancellation(context);
    return absl::CancelledError("gave up");
  };
  const Result result = Launch();
  begun.Get();
  const auto asked = Cancel("O-1");
  ASSERT_TRUE(asked.ok()) << asked.status();
  const auto ended = result->Get();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ReasonOf(ended->status), "OPERATION_STATE");
  EXPECT_EQ(base::MetadataOf(ended->status, "state"), "CANCELLED");
  EXPECT_EQ(Recorded("O-1").state(), v1::Operation::STATE_CANCELLED);
  EXPECT_EQ(Events(), "STARTED CHANGED FINISHED");
  EXPECT_EQ(ReasonOf(Cancel("O-1").status()), "OPERATION_STATE");
}

TEST_F(OperationsTest, WorkPastThePointOfNoReturnGoesOnToItsEnd) {
  OpenAndStart();
  Waitable<bool> begun;
  kind_->run = [&](OperationContext& context) {
    begun.Set(true);
    AwaitCancellation(context);
    return OperationResult();
  };
  const Result result = Launch();
  begun.Get();
  ASSERT_TRUE(Cancel("O-1").ok());
  EXPECT_TRUE(result->Get()->status.ok());
  EXPECT_EQ(Recorded("O-1").state(), v1::Operation::STATE_DONE);
}

TEST_F(OperationsTest, WhatWaitsForAThreadIsCancelledWithoutBegun) {
  OpenAndStart(/*threads=*/1);
  Waitable<bool> go_on;
  kind_->run = [&](OperationContext&) {
    go_on.Get();
    return OperationResult();
  };
  const Result first = Launch();
  const Result second = Launch();
  while (!operations_->IsUnderWay("O-2")) base::GiveWay();
  ASSERT_TRUE(Cancel("O-2").ok());
  go_on.Set(true);
  EXPECT_TRUE(first->Get()->status.ok());
  EXPECT_EQ(second->Get()->operation.state(), v1::Operation::STATE_CANCELLED);
  EXPECT_EQ(kind_->runs, 1);
}

TEST_F(OperationsTest, LongWorkLeavesAThreadToTheRest) {
  Open();
  std::vector<std::unique_ptr<OperationKind>> kinds;
  auto long_kind = std::make_unique<ScriptedKind>(v1::Operation::KIND_GATE);
  ScriptedKind* const gates = long_kind.get();
  gates->takes_long = true;
  gates->run = [](OperationContext& context) -> absl::StatusOr<OperationResult> {
    AwaitCancellation(context);
    return absl::CancelledError("gave up");
  };
  kinds.push_back(std::move(long_kind));
  auto short_kind = std::make_unique<ScriptedKind>();
  ScriptedKind* const kind = short_kind.get();
  kinds.push_back(std::move(short_kind));
  StartOperations(std::move(kinds), /*threads=*/2);
  const auto gate = [] {
    return std::make_unique<core::Command>(
        core::Command{.caller = core::Caller::Operator(),
                      .body = core::BeginOperation{v1::Operation::KIND_GATE, "tests"}});
  };
  const Result first = Launch(gate());
  const Result second = Launch(gate());
  std::atomic<bool> other_ran = false;
  kind->run = [&](OperationContext&) {
    other_ran = true;
    return OperationResult();
  };
  const Result other = Launch();
  while (!other_ran && gates->runs < 2) base::GiveWay();
  EXPECT_TRUE(other_ran) << "while both wait";
  EXPECT_EQ(gates->runs, 1);
  ASSERT_TRUE(Cancel("O-1").ok());
  EXPECT_EQ(first->Get()->operation.state(), v1::Operation::STATE_CANCELLED);
  while (gates->runs < 2) base::GiveWay();
  ASSERT_TRUE(Cancel("O-2").ok());
  EXPECT_EQ(second->Get()->operation.state(), v1::Operation::STATE_CANCELLED);
  EXPECT_TRUE(other->Get()->status.ok());
}

TEST_F(OperationsTest, OfManyNotesOfProgressOneAnIntervalIsAnEvent) {
  OpenAndStart();
  constexpr int kIntervals = 5;
  kind_->run = [&](OperationContext& context) {
    for (int interval = 1; interval <= kIntervals; ++interval) {
      note_clock_.Advance(absl::Seconds(1));
      for (int i = 0; i < 1000; ++i) context.Progress(interval, "note");
      // The next is not held back by one that is on its way.
      while (Recorded("O-1").percent() != interval) base::GiveWay();
    }
    for (int i = 0; i < 1000; ++i) context.Progress(90, "within the interval");
    return OperationResult();
  };
  EXPECT_TRUE(Launch()->Get()->status.ok());
  EXPECT_EQ(Events(), "STARTED CHANGED CHANGED CHANGED CHANGED CHANGED FINISHED");
}

TEST_F(OperationsTest, ADrainStopsTheWorkAndItsEndIsStillWrittenDown) {
  OpenAndStart();
  Waitable<bool> begun;
  kind_->run = [&](OperationContext& context) -> absl::StatusOr<OperationResult> {
    begun.Set(true);
    AwaitCancellation(context);
    return absl::CancelledError("gave up");
  };
  const Result result = Launch();
  begun.Get();
  workspace_->Drain();
  EXPECT_EQ(ReasonOf(result->Get()->status), "HUB_DRAINING");
  EXPECT_EQ(ReasonOf(Launch()->Get().status()), "HUB_DRAINING") << "none begins any more";
  Close();
  Open();
  EXPECT_EQ(Recorded("O-1").state(), v1::Operation::STATE_CANCELLED);
  EXPECT_EQ(Recorded("O-1").note(), "the hub stopped");
}

TEST_F(OperationsTest, AStopWaitsAsLongAsItMayAndWhatGoesOnStaysForTheNextStart) {
  OpenAndStart(/*threads=*/1);
  Waitable<bool> begun;
  Waitable<bool> go_on;
  kind_->run = [&](OperationContext&) -> absl::StatusOr<OperationResult> {
    begun.Set(true);
    go_on.Get();  // hears of nothing
    return absl::CancelledError("gave up at last");
  };
  const Result stubborn = Launch();
  const Result waiting = Launch();
  begun.Get();
  while (!operations_->IsUnderWay("O-2")) base::GiveWay();
  EXPECT_FALSE(operations_->Stop(absl::ZeroDuration()));
  EXPECT_EQ(Recorded("O-1").state(), v1::Operation::STATE_RUNNING);
  go_on.Set(true);
  EXPECT_TRUE(operations_->Stop(absl::InfiniteDuration()));
  EXPECT_EQ(ReasonOf(stubborn->Get()->status), "HUB_DRAINING");
  EXPECT_EQ(ReasonOf(waiting->Get()->status), "HUB_DRAINING");
  EXPECT_EQ(Recorded("O-2").state(), v1::Operation::STATE_CANCELLED);
  EXPECT_EQ(kind_->runs, 1);
}

TEST_F(OperationsTest, WhatAProcessLeftUnderWayIsUndoneAtTheNextStart) {
  LeaveOneUnderWay();
  script_ = [](ScriptedKind* kind) {
    kind->recover = [](OperationContext& context) {
      EXPECT_EQ(context.operation().subject(), "/somewhere");
      return Recovery{.note = "", .error = "undone"};
    };
  };
  OpenAndStart();
  const v1::Operation record = AwaitEnd("O-1");
  EXPECT_EQ(record.state(), v1::Operation::STATE_FAILED);
  EXPECT_EQ(record.error(), "undone");
  EXPECT_EQ(kind_->recoveries, 1);
  EXPECT_EQ(kind_->runs, 0);
  Close();
  OpenAndStart();
  EXPECT_FALSE(operations_->IsUnderWay("O-1"));
  EXPECT_EQ(Events(), "STARTED FINISHED") << "once";
}

TEST_F(OperationsTest, WhatWasAtItsEndIsFinishedAtTheNextStart) {
  LeaveOneUnderWay();
  script_ = [](ScriptedKind* kind) {
    kind->recover = [](OperationContext&) {
      return Recovery{.state = v1::Operation::STATE_DONE, .note = "it was whole", .error = ""};
    };
  };
  OpenAndStart();
  EXPECT_EQ(AwaitEnd("O-1").state(), v1::Operation::STATE_DONE);
  EXPECT_EQ(Recorded("O-1").note(), "it was whole");
}

TEST_F(OperationsTest, WhatCannotBeUndoneNowIsTriedAgainAtTheStartAfter) {
  LeaveOneUnderWay();
  script_ = [](ScriptedKind* kind) {
    kind->recover = [](OperationContext&) {
      return Recovery{.state = v1::Operation::STATE_RUNNING, .note = "", .error = "busy"};
    };
  };
  OpenAndStart();
  EXPECT_EQ(AwaitEnd("O-1").state(), v1::Operation::STATE_RUNNING);
  Close();
  script_ = nullptr;
  OpenAndStart();
  EXPECT_EQ(AwaitEnd("O-1").state(), v1::Operation::STATE_FAILED);
}

TEST_F(OperationsTest, WhatThisVersionDoesNotKnowIsNeitherBegunNorLeftForEver) {
  LeaveOneUnderWay();
  Open();
  std::vector<std::unique_ptr<OperationKind>> kinds;
  kinds.push_back(std::make_unique<ScriptedKind>(v1::Operation::KIND_GATE));
  StartOperations(std::move(kinds));
  EXPECT_EQ(AwaitEnd("O-1").state(), v1::Operation::STATE_FAILED);
  EXPECT_EQ(ReasonOf(Launch()->Get().status()), "NOT_IMPLEMENTED");
  EXPECT_EQ(RecordCount(), 1u);
}

TEST_F(OperationsTest, ARepeatedRequestFindsTheOperationUnderWayAndOver) {
  OpenAndStart();
  Waitable<bool> begun;
  Waitable<bool> go_on;
  kind_->run = [&](OperationContext& context) {
    begun.Set(true);
    go_on.Get();
    return OperationResult{.note = "",
                           .answer = std::make_shared<v1::Operation>(context.operation())};
  };
  const Result first = Launch(Begin("r1"));
  begun.Get();
  const Result again = Launch(Begin("r1"));
  // In the queue before its answer is asked for: whoever comes now finds it under way, or over.
  go_on.Set(true);
  for (const Result& result : {first, again, Launch(Begin("r1"))}) {
    const auto ended = result->Get();
    ASSERT_TRUE(ended.ok()) << ended.status();
    EXPECT_EQ(ended->operation.operation_id(), "O-1");
    EXPECT_EQ(ended->operation.state(), v1::Operation::STATE_DONE);
    EXPECT_NE(ended->answer, nullptr);
  }
  EXPECT_EQ(kind_->runs, 1);
  EXPECT_EQ(ReasonOf(Launch(std::make_unique<core::Command>(core::Command{
                                .caller = core::Caller::Operator(),
                                .body = core::BeginOperation{.kind = v1::Operation::KIND_BACKUP,
                                                             .subject = "/elsewhere"},
                                .request_id = "r1",
                                .fingerprint = "other content"}))
                         ->Get()
                         .status()),
            "REQUEST_ID_REUSED");
}

TEST_F(OperationsTest, ARequestThatIsRepeatedAfterARestartFindsItsRecord) {
  OpenAndStart();
  ASSERT_TRUE(Launch(Begin("r1"))->Get()->status.ok());
  kind_->run = [](OperationContext&) { return base::MakeFieldError("directory", "is odd"); };
  ASSERT_FALSE(Launch(Begin("r2"))->Get()->status.ok());
  Close();
  OpenAndStart();
  const auto done = Launch(Begin("r1"))->Get();
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_TRUE(done->status.ok());
  EXPECT_EQ(done->operation.operation_id(), "O-1");
  EXPECT_EQ(done->answer, nullptr) << "what it was is not known any more";
  const auto failed = Launch(Begin("r2"))->Get();
  ASSERT_TRUE(failed.ok()) << failed.status();
  EXPECT_EQ(base::MetadataOf(failed->status, "state"), "FAILED");
  EXPECT_EQ(kind_->runs, 0);
}

TEST_F(OperationsTest, OnAFullDiskOnlyThatRunsWhichNeedsNoRecord) {
  OpenAndStart();
  full_ = true;
  EXPECT_EQ(ReasonOf(Launch()->Get().status()), "DISK_FULL");
  EXPECT_EQ(kind_->runs, 0);
  kind_->runs_unrecorded = true;
  const auto ended = Launch()->Get();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_TRUE(ended->status.ok());
  EXPECT_EQ(ended->operation.operation_id(), "");
  EXPECT_EQ(kind_->runs, 1);
  EXPECT_EQ(RecordCount(), 0u);
}

TEST_F(OperationsTest, WhoWaitsIsAnsweredThoughTheDiskIsFullAndTheEndIsWrittenDownOnceItCan) {
  OpenAndStart();
  kind_->run = [&](OperationContext&) {
    full_ = true;
    return OperationResult{.note = "done", .answer = nullptr};
  };
  EXPECT_TRUE(Launch()->Get()->status.ok());
  EXPECT_EQ(Recorded("O-1").state(), v1::Operation::STATE_RUNNING);
  full_ = false;
  EXPECT_EQ(AwaitEnd("O-1").state(), v1::Operation::STATE_DONE);
}

}  // namespace
}  // namespace coordhub::operations
