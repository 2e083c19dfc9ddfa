// The writer's queue: who goes first.

#include "hub/engine/sequencer.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/engine/writer_harness.h"

namespace coordhub::engine {
namespace {

class SequencerTest : public ::testing::Test {
 protected:
  // Keeps the writer's thread busy until `free_` is set.
  void Block() {
    std::promise<void> blocked;
    ASSERT_TRUE(sequencer_.Post([&blocked, until = free_.get_future().share()] {
      blocked.set_value();
      until.wait();
    }));
    blocked.get_future().wait();
  }
  bool Submit(std::unique_ptr<core::Command> command, const std::string& name,
              std::function<void()> then = {}) {
    Call call;
    call.id = ++last_id_;
    call.command = std::move(command);
    call.done = [this, name, then = std::move(then)](const absl::StatusOr<Outcome>& outcome) {
      EXPECT_TRUE(outcome.ok()) << outcome.status();
      order_.push_back(name);
      if (then) then();
    };
    return sequencer_.Submit(std::move(call));
  }
  static std::unique_ptr<core::Command> Observation(const std::string& branch) {
    core::ObserveBranches body;
    body.seen.emplace_back().set_branch(branch);
    body.seen.back().set_commit("c0ffee");
    return std::make_unique<core::Command>(
        core::Command{.caller = core::Caller::Hub("coordinator"), .body = std::move(body)});
  }
  static std::unique_ptr<core::Command> Comparison(const std::string& branch) {
    core::ObserveConflicts body;
    body.compared.push_back({branch, "c0ffee"});
    return std::make_unique<core::Command>(
        core::Command{.caller = core::Caller::Hub("coordinator"), .body = std::move(body)});
  }
  bool SubmitTicket(std::function<void()> then = {}) {
    return Submit(CommandOf(Operator(), Create("work", 2)), "ticket", std::move(then));
  }
  bool SubmitTicketOf(size_t request_bytes) {
    auto command = CommandOf(Operator(), Create("work", 2));
    command->request_bytes = request_bytes;
    return Submit(std::move(command), "ticket");
  }

  static constexpr size_t kMaxBatch = 2;
  WriterHarness harness_;
  std::promise<void> free_;
  std::atomic<CallId> last_id_{0};
  // The writer's thread only, until it stopped.
  std::vector<std::string> order_;
  Sequencer sequencer_{harness_.writer_.get(),
                       harness_.lease_clock_.get(),
                       {.calls = 1000, .bytes = 1 << 20, .batch = kMaxBatch}};
};

TEST_F(SequencerTest, ObservationsYieldToWhoeverWaits) {
  Block();
  EXPECT_TRUE(Submit(Observation("a"), "a"));
  EXPECT_TRUE(Submit(Comparison("a"), "b"));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(SubmitTicket());
  EXPECT_EQ(sequencer_.queued(), 5u);
  free_.set_value();
  sequencer_.Stop();
  EXPECT_EQ(order_, (std::vector<std::string>{"ticket", "ticket", "ticket", "a", "b"}));
}

TEST_F(SequencerTest, ObservationsDoNotWaitForEver) {
  Block();
  EXPECT_TRUE(Submit(Observation("a"), "a"));
  // Each answer is followed by the next call, so every batch is full.
  int left = 200;
  std::promise<void> over;
  std::function<void()> next = [&] {
    if (left-- > 0) {
      EXPECT_TRUE(SubmitTicket(next));
    } else if (left == -1) {
      over.set_value();
    }
  };
  for (size_t i = 0; i < kMaxBatch; ++i) EXPECT_TRUE(SubmitTicket(next));
  free_.set_value();
  over.get_future().wait();
  sequencer_.Stop();
  const auto at = std::find(order_.begin(), order_.end(), "a") - order_.begin();
  EXPECT_GT(at, 2);
  EXPECT_LT(at, 50);
}

// Time passes only by what the writer does, 10 ms a call, and it never has a moment's rest: a
// thousand calls wait from the first on, and each answer is followed by another call.
TEST_F(SequencerTest, ALeaseEndsBetweenTtlAndTtlPlusOneSecondWhileTheWriterIsBusy) {
  constexpr absl::Duration kTtl = absl::Seconds(5);
  harness_.Register("quiet", "uid-quiet", kTtl);
  Block();
  const base::MonoTime last_traffic = harness_.clock_.Mono();
  std::optional<base::MonoTime> ended;
  int left = 2'000;
  std::promise<void> over;
  const std::function<void()> next = [&] {
    harness_.clock_.Advance(absl::Milliseconds(10));
    const bool expired = harness_.state_->FindAgent("quiet")->state() == v1::Agent::STATE_EXPIRED;
    if (expired && !ended.has_value()) ended = harness_.clock_.Mono();
    if (--left >= 1'000) {
      EXPECT_TRUE(SubmitTicket(next));
    } else if (left == 0) {
      over.set_value();
    }
  };
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(SubmitTicket(next));
  free_.set_value();
  over.get_future().wait();
  sequencer_.Stop();
  ASSERT_TRUE(ended.has_value()) << "nobody had time for it";
  EXPECT_GE(*ended - last_traffic, kTtl);
  EXPECT_LE(*ended - last_traffic, kTtl + absl::Seconds(1));
}

TEST_F(SequencerTest, CallsThatWaitAreBounded) {
  Block();
  int taken = 0;
  while (taken <= 1000 && SubmitTicketOf(100)) ++taken;
  EXPECT_EQ(taken, 1000);
  free_.set_value();
  sequencer_.Stop();
  EXPECT_EQ(order_.size(), 1000U) << "who was taken is answered";
}

TEST_F(SequencerTest, BytesThatWaitAreBounded) {
  Block();
  int taken = 0;
  while (taken <= 1000 && SubmitTicketOf(10'000)) ++taken;
  EXPECT_EQ(taken, (1 << 20) / 10'000);
  EXPECT_TRUE(SubmitTicketOf(1'000)) << "a small one still has room";
  free_.set_value();
  sequencer_.Stop();
}

TEST_F(SequencerTest, ARequestLargerThanTheBoundWaitsAlone) {
  Block();
  EXPECT_TRUE(SubmitTicketOf(2 << 20));
  EXPECT_FALSE(SubmitTicketOf(1));
  free_.set_value();
  sequencer_.Stop();
}

TEST_F(SequencerTest, WhatABatchTookMakesRoom) {
  for (int round = 0; round < 3; ++round) {
    free_ = std::promise<void>();
    Block();
    EXPECT_TRUE(SubmitTicketOf(1 << 19));
    EXPECT_TRUE(SubmitTicketOf(1 << 19));
    EXPECT_FALSE(SubmitTicketOf(1));
    free_.set_value();
    std::promise<void> over;
    EXPECT_TRUE(sequencer_.Post([&over] { over.set_value(); }));
    over.get_future().wait();
  }
}

TEST_F(SequencerTest, ObservationsThatWaitAreBounded) {
  Block();
  int taken = 0;
  while (Submit(Observation("a"), "a")) ASSERT_LT(++taken, 1000);
  EXPECT_TRUE(SubmitTicket()) << "others have a queue of their own";
  free_.set_value();
  sequencer_.Stop();
}

}  // namespace
}  // namespace coordhub::engine
