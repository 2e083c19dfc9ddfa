// Time and leases, on a virtual clock.
#include "gmock/gmock.h"
#include "tests/engine/writer_harness.h"

namespace coordhub::engine {
namespace {

using ReplyPtr = WriterHarness::ReplyPtr;
constexpr absl::Duration kTtl = absl::Seconds(30);

class LeaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    hub_.Register("a", "uid-a", kTtl);
    id_ = hub_.CreateTicket("one");
    fence_ = hub_.RunOne(CommandOf(Session("uid-a"), ClaimNext()))->ticket().claim().fence();
  }
  bool Held() const { return hub_.Ticket(id_).has_claim(); }
  bool Touch() { return hub_.sessions_->Touch(SessionLease("uid-a"), hub_.lease_clock_->Now()); }

  WriterHarness hub_;
  std::string id_;
  int64_t fence_ = 0;
};

TEST_F(LeaseTest, ADeadAgentsClaimsReturnBetweenTtlAndTtlPlusOneSecond) {
  ASSERT_TRUE(Touch());
  const base::MonoTime last = hub_.clock_.Mono();
  hub_.Advance(kTtl - absl::Milliseconds(1));
  EXPECT_TRUE(Held()) << "earlier than TTL";
  hub_.Advance(absl::Milliseconds(1) + absl::Seconds(1));
  EXPECT_FALSE(Held()) << "later than TTL + 1 s";
  const auto event = hub_.published_.back();
  EXPECT_LE(hub_.clock_.Mono() - last, kTtl + absl::Seconds(1));
  EXPECT_EQ(hub_.state_->FindAgent("a")->state(), v1::Agent::STATE_EXPIRED);
  EXPECT_GE(core::FromProto(hub_.state_->FindAgent("a")->silent_for()), kTtl);
  EXPECT_LE(core::FromProto(hub_.state_->FindAgent("a")->silent_for()), kTtl + absl::Seconds(1));
}

TEST_F(LeaseTest, TrafficRenewsAndNothingIsWrittenForIt) {
  const int64_t head = hub_.journal_->head_revision();
  for (int i = 0; i < 100; ++i) {
    hub_.Advance(kTtl - absl::Milliseconds(250));
    ASSERT_TRUE(Touch());
  }
  EXPECT_TRUE(Held());
  EXPECT_EQ(hub_.journal_->head_revision(), head);
}

TEST_F(LeaseTest, AFrozenAgentThatWakesIsRefusedAndToldWhoHoldsItsTicket) {
  hub_.Advance(kTtl + absl::Seconds(1));
  hub_.Register("b", "uid-b", kTtl);
  const int64_t fence =
      hub_.RunOne(CommandOf(Session("uid-b"), ClaimNext()))->ticket().claim().fence();
  EXPECT_GT(fence, fence_);
  EXPECT_FALSE(Touch());
  const ReplyPtr late = hub_.RunOne(CommandOf(Session("uid-a"), Complete(id_, fence_)));
  EXPECT_EQ(late->reason(), v1::ERROR_REASON_SESSION_ENDED);
  EXPECT_EQ(base::MetadataOf(late->outcome.status(), "holder"), "b");
  EXPECT_EQ(base::MetadataOf(late->outcome.status(), "current_fence"), std::to_string(fence));
}

TEST_F(LeaseTest, AWallClockThatJumpsADayExpiresNobody) {
  hub_.clock_.SetWall(hub_.clock_.Wall() + absl::Hours(24));
  hub_.Advance(kTtl / 2);
  EXPECT_TRUE(Held());
  hub_.clock_.SetWall(hub_.clock_.Wall() - absl::Hours(48));
  hub_.Advance(kTtl / 2 - absl::Milliseconds(1));
  EXPECT_TRUE(Held());
  hub_.Advance(absl::Seconds(1));
  EXPECT_FALSE(Held()) << "a wall clock that went back keeps a dead agent alive";
}

TEST_F(LeaseTest, EventTimeNeverGoesBack) {
  hub_.clock_.SetWall(hub_.clock_.Wall() - absl::Hours(24));
  hub_.CreateTicket("two");
  const auto events = hub_.AllEvents();
  for (size_t i = 1; i < events.size(); ++i) {
    EXPECT_GE(core::FromProto(events[i]->event_time()),
              core::FromProto(events[i - 1]->event_time()));
  }
}

TEST_F(LeaseTest, AHubThatWasSuspendedForTenMinutesExpiresNobodyByIt) {
  hub_.Advance(kTtl / 2);
  // One step: nobody observed the clock meanwhile.
  hub_.clock_.Advance(absl::Minutes(10));
  hub_.Run();
  EXPECT_TRUE(Held());
  hub_.Advance(kTtl / 2 - absl::Milliseconds(1));
  EXPECT_TRUE(Held()) << "the gap counted";
  hub_.Advance(absl::Seconds(1) + absl::Milliseconds(1));
  EXPECT_FALSE(Held());
}

TEST_F(LeaseTest, TrafficRightAfterASuspensionGetsItsTtlAndNoMore) {
  hub_.clock_.Advance(absl::Minutes(10));
  ASSERT_TRUE(Touch());
  hub_.Advance(kTtl - absl::Milliseconds(1));
  EXPECT_TRUE(Held());
  hub_.Advance(absl::Seconds(1) + absl::Milliseconds(1));
  EXPECT_FALSE(Held());
}

TEST_F(LeaseTest, AfterARestartEveryLeaseGetsItsFullTime) {
  hub_.Advance(kTtl - absl::Seconds(1));
  hub_.Restart();
  hub_.Advance(kTtl - absl::Milliseconds(1));
  EXPECT_TRUE(Held()) << "earlier than TTL after the start";
  hub_.Advance(absl::Seconds(1) + absl::Milliseconds(1));
  EXPECT_FALSE(Held());
}

TEST_F(LeaseTest, NoLeaseRunsBeforeAgentsCanReachTheHub) {
  hub_.Restart(/*serves=*/false);
  hub_.Advance(10 * kTtl);
  EXPECT_TRUE(Held()) << "nobody could have renewed it";
  hub_.writer_->BeginLeases();
  hub_.Advance(kTtl - absl::Milliseconds(1));
  EXPECT_TRUE(Held()) << "not its full time";
  hub_.Advance(absl::Seconds(1) + absl::Milliseconds(1));
  EXPECT_FALSE(Held());
}

TEST_F(LeaseTest, NoLeaseRunsOutWhileTheHubStops) {
  hub_.writer_->EndWaits(base::MakeError(v1::ERROR_REASON_HUB_DRAINING, "the hub is stopping"));
  EXPECT_FALSE(hub_.writer_->NextDue().has_value()) << "due, and yet nothing to do: it would spin";
  hub_.Advance(10 * kTtl);
  EXPECT_TRUE(Held());
  hub_.Restart();
  EXPECT_TRUE(Held());
  EXPECT_TRUE(Touch());
}

TEST_F(LeaseTest, AClaimTimeoutFreesWorkOfAnAgentThatBreathesButDoesNothing) {
  const std::string id = hub_.CreateTicket("slow");
  v1::ClaimTicketRequest claim;
  claim.set_ticket_id(id);
  *claim.mutable_claim_timeout() = core::ToProto(absl::Seconds(10));
  const int64_t fence = hub_.RunOne(CommandOf(Session("uid-a"), claim))->ticket().claim().fence();
  hub_.Advance(absl::Seconds(9));
  ASSERT_TRUE(Touch());
  ASSERT_TRUE(hub_.rights_->Touch(ClaimLease(id, fence), hub_.lease_clock_->Now()));
  hub_.Advance(absl::Seconds(9));
  ASSERT_TRUE(Touch());
  EXPECT_TRUE(hub_.Ticket(id).has_claim());
  hub_.Advance(absl::Seconds(2));
  EXPECT_FALSE(hub_.Ticket(id).has_claim());
  EXPECT_TRUE(Held()) << "a claim without a timeout went too";
}

TEST_F(LeaseTest, ATakeoverEndsTheOldLeaseOnly) {
  auto command = RegisterCommand("a", "uid-a2", kTtl);
  std::get<core::RegisterAgent>(command->body).request.set_takeover(true);
  ASSERT_TRUE(hub_.RunOne(std::move(command))->outcome.ok());
  EXPECT_FALSE(Touch());
  EXPECT_TRUE(hub_.sessions_->Touch(SessionLease("uid-a2"), hub_.lease_clock_->Now()));
  EXPECT_FALSE(Held());
}

TEST(LeaseTableTest, ARenewalThatWasLongOnItsWayTakesNoTouchBack) {
  LeaseTable table;
  table.Add(SessionLease("k"), "owner", absl::Seconds(10), {0});
  const base::MonoTime begun = base::MonoTime{0} + absl::Seconds(5);
  const base::MonoTime touched = begun + absl::Milliseconds(700);
  ASSERT_TRUE(table.Touch(SessionLease("k"), touched));
  table.Add(SessionLease("k"), "owner", absl::Seconds(10), begun);
  EXPECT_TRUE(table.TakeExpired(touched + absl::Seconds(9)).empty());
  EXPECT_EQ(table.TakeExpired(touched + absl::Seconds(10)).size(), 1u);
}

TEST(LeaseTableTest, AnExpiryThatIsNotWrittenDownYetIsTriedAgainLaterAndNotAtOnce) {
  LeaseTable table;
  table.Add(SessionLease("k"), "owner", absl::Seconds(10), {0});
  const base::MonoTime now = base::MonoTime{0} + absl::Seconds(10);
  ASSERT_EQ(table.TakeExpired(now).size(), 1u);
  ASSERT_TRUE(table.NextDeadline().has_value());
  EXPECT_GT(*table.NextDeadline(), now) << "whoever waits for deadlines would spin";
  EXPECT_EQ(table.TakeExpired(*table.NextDeadline()).size(), 1u);
  table.Remove(SessionLease("k"));
  EXPECT_FALSE(table.NextDeadline().has_value());
}

TEST(LeaseTableTest, LeasesOfOneIdAreToldApartByKindAndFence) {
  LeaseTable table;
  table.Add(ClaimLease("T-1", 7), "a", absl::Seconds(10), {0});
  table.Add(ClaimLease("T-1", 9), "b", absl::Seconds(10), {0});
  EXPECT_EQ(table.OwnerOf(ClaimLease("T-1", 7)), "a");
  EXPECT_EQ(table.OwnerOf(ClaimLease("T-1", 9)), "b");
  EXPECT_EQ(table.OwnerOf(SessionLease("T-1")), "");
  table.Remove(ClaimLease("T-1", 7));
  EXPECT_EQ(table.OwnerOf(ClaimLease("T-1", 7)), "");
  EXPECT_EQ(table.OwnerOf(ClaimLease("T-1", 9)), "b");
}

TEST_F(LeaseTest, NothingIsGivenToASessionThatEndsInTheSameBatch) {
  hub_.Register("b", "uid-b", kTtl);
  const ReplyPtr waiting = hub_.RunOne(CommandOf(Session("uid-b"), ClaimNext(absl::Hours(1))));
  hub_.Advance(kTtl + absl::Seconds(1));
  EXPECT_EQ(waiting->reason(), v1::ERROR_REASON_SESSION_ENDED);
  EXPECT_EQ(hub_.Ticket(id_).attempt(), 1) << "an attempt was burnt on a dead session";
}

TEST(LeaseTableTest, ATouchInTimeAlwaysWinsAgainstTheExpiry) {
  // Touch at every distance from the deadline; the table must agree with itself.
  for (int ms = 990; ms <= 1010; ++ms) {
    LeaseTable table;
    table.Add(SessionLease("k"), "owner", absl::Seconds(1), {0});
    const base::MonoTime at = base::MonoTime{0} + absl::Milliseconds(ms);
    const bool touched = table.Touch(SessionLease("k"), at);
    EXPECT_EQ(touched, ms < 1000) << ms;
    EXPECT_EQ(table.TakeExpired(base::MonoTime{0} + absl::Milliseconds(1015)).empty(), touched)
        << ms;
  }
}

}  // namespace
}  // namespace coordhub::engine
