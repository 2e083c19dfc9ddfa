// Calls that wait for several things at once: what the wait list promises to every kind of call,
// shown with one that is not a claim.
#include "gmock/gmock.h"
#include "tests/engine/reserving.h"
#include "tests/engine/writer_harness.h"

namespace coordhub::engine {
namespace {

using ReplyPtr = WriterHarness::ReplyPtr;

class NameWaitingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"x", "y", "z"}) hub_.Register(name, Uid(name), absl::Hours(1));
  }
  static std::string Uid(const std::string& agent) { return "uid-" + agent; }
  ReplyPtr Ask(const std::string& agent, const std::string& names) {
    return hub_.RunOne(Reserving::Reserve(Uid(agent), names));
  }
  ReplyPtr Wait(const std::string& agent, const std::string& names,
                absl::Duration span = absl::Minutes(1)) {
    return hub_.RunOne(Reserving::Reserve(Uid(agent), names, span));
  }
  // Id of the reservation that was granted; empty: none was.
  static std::string Granted(const ReplyPtr& reply) {
    if (!reply->answered || !reply->outcome.ok() || reply->outcome->events.empty()) return "";
    return reply->outcome->events.front()->changes(0).reservation().reservation_id();
  }
  ReplyPtr Release(const std::string& agent, const ReplyPtr& held) {
    return hub_.RunOne(Reserving::Release(Uid(agent), Granted(held)));
  }

  Reserving reserving_;
  WriterHarness hub_{
      /*waiters_capacity=*/2000,
      [this](const core::State& state, const core::Command& command, const base::Now& now,
             const core::Turn& turn) { return reserving_.Decide(state, command, now, turn); }};
};

TEST_F(NameWaitingTest, WhoComesLaterDoesNotOvertakeByTakingAPart) {
  const ReplyPtr x = Ask("x", "a");
  ASSERT_NE(Granted(x), "");
  const ReplyPtr y = Wait("y", "a b");
  EXPECT_FALSE(y->answered);
  // b is free, but y waits for it.
  EXPECT_EQ(Ask("z", "b")->reason(), v1::ERROR_REASON_RESERVATION_HELD);
  const ReplyPtr z = Wait("z", "b");
  EXPECT_FALSE(z->answered);
  Release("x", x);
  ASSERT_NE(Granted(y), "");
  EXPECT_FALSE(z->answered);
  Release("y", y);
  EXPECT_NE(Granted(z), "");
}

TEST_F(NameWaitingTest, WhatNobodyWaitsForIsGivenAtOnce) {
  Ask("x", "a");
  Wait("y", "a b");
  EXPECT_NE(Granted(Ask("z", "c")), "");
}

TEST_F(NameWaitingTest, WaitersAreServedInTheBatchThatFreedWhatTheyWant) {
  const ReplyPtr x = Ask("x", "a b");
  const ReplyPtr y = Wait("y", "a");
  const ReplyPtr z = Wait("z", "b");
  int appends = 0;
  hub_.journal_->on_append = [&](absl::Span<const journal::Entry>) {
    ++appends;
    return absl::OkStatus();
  };
  Release("x", x);
  EXPECT_EQ(appends, 1) << "the waiters were served in a batch of their own";
  EXPECT_NE(Granted(y), "");
  EXPECT_NE(Granted(z), "");
}

TEST_F(NameWaitingTest, ADeadlockIsRefusedAndNamed) {
  Ask("x", "a");
  Ask("y", "b");
  EXPECT_FALSE(Wait("y", "a")->answered);
  const ReplyPtr x = Wait("x", "b");
  EXPECT_EQ(x->reason(), v1::ERROR_REASON_DEADLOCK);
  EXPECT_EQ(x->outcome.status().message(), "x y");
  EXPECT_FALSE(Wait("z", "b")->answered) << "who is in no circle may wait";
}

TEST_F(NameWaitingTest, ADeadlockByTheOrderOfTheQueueIsRefused) {
  Ask("x", "a");
  EXPECT_FALSE(Wait("y", "a b")->answered);
  // Nobody holds b, but x would stand behind y, who waits for x.
  EXPECT_EQ(Wait("x", "b")->reason(), v1::ERROR_REASON_DEADLOCK);
}

TEST_F(NameWaitingTest, AWaitThatEndsIsAnsweredAsTheDecisionSaysAndLetsThoseBehindGo) {
  Ask("x", "a");
  const ReplyPtr y = Wait("y", "a b", absl::Seconds(10));
  const ReplyPtr z = Wait("z", "b");
  hub_.Advance(absl::Seconds(9));
  EXPECT_FALSE(y->answered);
  hub_.Advance(absl::Seconds(2));
  EXPECT_EQ(y->reason(), v1::ERROR_REASON_RESERVATION_HELD);
  EXPECT_NE(Granted(z), "");
}

TEST_F(NameWaitingTest, ACallerThatGoesLetsThoseBehindGo) {
  Ask("x", "a");
  Wait("y", "a b");
  const CallId gone = hub_.last_call_;
  const ReplyPtr z = Wait("z", "b");
  ASSERT_TRUE(hub_.writer_->CancelWaiter(gone));
  ASSERT_TRUE(hub_.writer_->NextDue().has_value());
  EXPECT_LE(*hub_.writer_->NextDue(), hub_.lease_clock_->Now());
  hub_.Run();
  EXPECT_NE(Granted(z), "");
}

TEST_F(NameWaitingTest, ASessionThatEndsLetsThoseBehindGo) {
  Ask("x", "a");
  const ReplyPtr y = Wait("y", "a b");
  const ReplyPtr z = Wait("z", "b");
  hub_.RunOne(CommandOf(Session("uid-y"), v1::DeregisterAgentRequest()));
  EXPECT_EQ(y->reason(), v1::ERROR_REASON_SESSION_ENDED);
  EXPECT_NE(Granted(z), "");
}

TEST_F(NameWaitingTest, WhatASessionHoldsEndsWithItAndGoesToWhoWaits) {
  const ReplyPtr x = Ask("x", "a");
  const ReplyPtr y = Wait("y", "a");
  hub_.RunOne(CommandOf(Session("uid-x"), v1::DeregisterAgentRequest()));
  const auto state_of = [this](const ReplyPtr& reply) {
    const auto* held = hub_.state_->records().Find<core::tables::Reservations>(Granted(reply));
    return held == nullptr ? v1::Reservation::STATE_UNSPECIFIED : held->state();
  };
  EXPECT_EQ(state_of(x), v1::Reservation::STATE_RELEASED);
  ASSERT_NE(Granted(y), "");
  const ReplyPtr z = Wait("z", "a", absl::Hours(2));
  for (int i = 0; i < 61; ++i) {
    hub_.sessions_->Touch(SessionLease("uid-z"), hub_.lease_clock_->Now());
    hub_.Advance(absl::Minutes(1));
  }
  EXPECT_EQ(state_of(y), v1::Reservation::STATE_LOST) << "its holder was silent";
  EXPECT_NE(Granted(z), "");
}

TEST_F(NameWaitingTest, WhatIsFreedIsNotDecidedForAllWhoWaitForIt) {
  const ReplyPtr x = Ask("x", "a");
  const ReplyPtr first = Wait("y", "a");
  std::vector<ReplyPtr> others;
  for (int i = 0; i < 1000; ++i) others.push_back(Wait("z", "a"));
  reserving_.decisions = 0;
  Release("x", x);
  EXPECT_NE(Granted(first), "");
  EXPECT_FALSE(others.front()->answered);
  EXPECT_LE(reserving_.decisions, 3) << "the release, the first, and who is first then";
}

TEST_F(NameWaitingTest, BothKindsWaitBesideEachOther) {
  Ask("x", "a");
  const ReplyPtr name = Wait("y", "a");
  const ReplyPtr work = hub_.RunOne(CommandOf(Session("uid-z"), ClaimNext(absl::Minutes(1))));
  EXPECT_EQ(hub_.writer_->waiting(), 2u);
  hub_.CreateTicket("one");
  EXPECT_TRUE(work->answered);
  EXPECT_FALSE(name->answered);
  hub_.RunOne(CommandOf(Session("uid-y"), v1::DeregisterAgentRequest()));
  EXPECT_TRUE(name->answered);
  EXPECT_EQ(hub_.writer_->waiting(), 0u);
}

TEST_F(NameWaitingTest, AFullDiskThatUndoesAGrantLetsThoseBehindGo) {
  const ReplyPtr x = Ask("x", "a");
  const ReplyPtr y = Wait("y", "a b");
  const ReplyPtr z = Wait("z", "b");
  hub_.journal_->on_append = [](absl::Span<const journal::Entry>) {
    return base::MakeError(v1::ERROR_REASON_DISK_FULL, "no space");
  };
  Release("x", x);
  EXPECT_EQ(y->reason(), v1::ERROR_REASON_DISK_FULL);
  EXPECT_FALSE(z->answered);
  hub_.journal_->on_append = nullptr;
  hub_.Advance(absl::Seconds(1));
  EXPECT_NE(Granted(z), "") << "b is free, and nobody is ahead any more";
}

}  // namespace
}  // namespace coordhub::engine
