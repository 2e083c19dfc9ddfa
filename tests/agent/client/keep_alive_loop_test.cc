#include "agent/client/keep_alive_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "agent/base/manual_clock.h"
#include "agent/client/proto_time.h"
#include "tests/agent/client/fake_transport.h"

namespace coordhub::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kTtl = absl::Seconds(60);

class KeepAliveLoopTest : public testing::Test {
 protected:
  KeepAliveLoopTest() {
    KeepAliveLoop::Options options;
    options.workspace_id = "repo";
    options.credentials.session_token = "chs_me";
    options.backoff = {
        .initial = absl::Milliseconds(100), .max = absl::Seconds(1), .multiplier = 2, .jitter = 0};
    options.wake = [this] { ++wakes_; };
    options.callbacks = {
        .may_beat = [this] { return works_; },
        .on_claims_lost =
            [this](const std::vector<pb::LostClaim>& lost) {
              for (const auto& claim : lost) told_.push_back("lost " + claim.ticket_id());
            },
        .on_claims_found =
            [this](const std::vector<pb::HeldClaim>& found) {
              for (const auto& claim : found) told_.push_back("found " + claim.ticket_id());
            },
        .on_lease_unsafe = [this] { told_.push_back("unsafe"); },
        .on_draining = [this] { told_.push_back("draining"); },
        .on_ended =
            [this](const absl::Status& status) {
              told_.push_back(std::string("ended ") +
                              std::string(base::ReasonName(base::ReasonOf(status))));
            }};
    loop_ = std::make_unique<KeepAliveLoop>(options, LeaseTracker(kTtl, clock_.Mono()), &transport_,
                                            &ids_, ledger_);
  }

  // Steps now; returns how long until the next step.
  absl::Duration Step() { return loop_->Step(clock_.Mono()) - clock_.Mono(); }
  absl::Duration StepAfter(absl::Duration d) {
    clock_.Advance(d);
    return Step();
  }
  FakeKeepAlive& stream() { return *transport_.keep_alives.back(); }
  // Answers the newest message.
  void Answer(pb::KeepAliveResponse answer = {}) {
    answer.set_revision(100);
    *answer.mutable_ttl() = ToProto(kTtl);
    stream().Answer(stream().sent.back().sequence(), std::move(answer));
  }

  base::ManualClock clock_;
  base::SequenceIdSource ids_{1};
  FakeTransport transport_;
  std::shared_ptr<ClaimLedger> ledger_ = std::make_shared<ClaimLedger>();
  std::vector<std::string> told_;
  bool works_ = true;
  int wakes_ = 0;
  std::unique_ptr<KeepAliveLoop> loop_;
};

TEST_F(KeepAliveLoopTest, OpensAStreamAndSpeaksAtOnce) {
  Step();
  ASSERT_EQ(transport_.keep_alives.size(), 1u);
  EXPECT_EQ(stream().credentials.session_token, "chs_me");
  ASSERT_EQ(stream().sent.size(), 1u);
  EXPECT_EQ(stream().sent[0].workspace_id(), "repo");
  EXPECT_GT(stream().sent[0].sequence(), 0);
}

TEST_F(KeepAliveLoopTest, RenewsThreeTimesPerTtlAndStaysSafe) {
  absl::Duration next = Step();
  EXPECT_LE(next, absl::Seconds(20));  // at random
  for (int i = 0; i < 30; ++i) {
    Answer();
    Step();
    EXPECT_EQ(stream().sent.size(), static_cast<size_t>(i) + 1);
    next = StepAfter(next);
    EXPECT_LE(next, absl::Seconds(20));
    EXPECT_GT(next, absl::Seconds(19));  // it agrees on a tick with other agents
    EXPECT_TRUE(loop_->Safe(clock_.Mono()));
  }
  EXPECT_EQ(transport_.keep_alives.size(), 1u);
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(KeepAliveLoopTest, SendsNothingForAnAgentThatDoesNotWork) {
  absl::Duration next = Step();
  Answer();
  works_ = false;
  next = StepAfter(next);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(stream().sent.size(), 1u);
    EXPECT_EQ(next, absl::Milliseconds(500)) << "it is asked again";
    next = StepAfter(next);
  }
  works_ = true;
  StepAfter(next);
  EXPECT_EQ(stream().sent.size(), 2u);
}

TEST_F(KeepAliveLoopTest, OpensNoStreamForAnAgentThatDoesNotWork) {
  works_ = false;
  absl::Duration next = Step();
  next = StepAfter(next);
  EXPECT_TRUE(transport_.keep_alives.empty());
  EXPECT_EQ(next, absl::Milliseconds(500));
  works_ = true;
  StepAfter(next);
  EXPECT_EQ(transport_.keep_alives.size(), 1u);
}

// A hub that comes back has all agents at once; they are not to beat as one from then on.
TEST_F(KeepAliveLoopTest, AgentsThatComeTogetherDoNotStayTogether) {
  std::set<absl::Duration> second_beats;
  for (int agent = 0; agent < 200; ++agent) {
    KeepAliveLoop::Options options;
    options.wake = [] {};
    KeepAliveLoop loop(options, LeaseTracker(kTtl, clock_.Mono()), &transport_, &ids_, ledger_);
    second_beats.insert(loop.Step(clock_.Mono()) - clock_.Mono());
  }
  EXPECT_GT(second_beats.size(), 20U);  // of the forty ticks that there are
  EXPECT_LT(*second_beats.begin(), absl::Seconds(2));
  EXPECT_GT(*second_beats.rbegin(), absl::Seconds(18));
}

TEST_F(KeepAliveLoopTest, AnAnswerWakesIt) {
  Step();
  Answer();
  EXPECT_EQ(wakes_, 1);
}

TEST_F(KeepAliveLoopTest, ADeadStreamIsGivenUpAfterAThirdOfTheTtl) {
  const base::MonoTime begin = clock_.Mono();
  Step();  // no answer to the first message
  while (transport_.keep_alives[0]->open) {
    ASSERT_LT(clock_.Mono() - begin, absl::Seconds(20));
    StepAfter(loop_->Step(clock_.Mono()) - clock_.Mono());
  }
  EXPECT_EQ(clock_.Mono() - begin, absl::Seconds(20));
  EXPECT_FALSE(transport_.keep_alives[0]->open);
  EXPECT_EQ(transport_.refreshes, 1);
  ASSERT_EQ(transport_.keep_alives.size(), 1u);
  StepAfter(absl::Milliseconds(100));  // the first pause
  ASSERT_EQ(transport_.keep_alives.size(), 2u);
  EXPECT_EQ(stream().sent.size(), 1u);
}

TEST_F(KeepAliveLoopTest, ReopensABrokenStreamMoreAndMoreSlowly) {
  Step();
  for (const int pause_ms : {100, 200, 400, 800, 1000, 1000}) {
    stream().Break(Unreachable());
    EXPECT_EQ(Step(), absl::Milliseconds(pause_ms));
    StepAfter(absl::Milliseconds(pause_ms));
    EXPECT_TRUE(stream().open);
  }
  Answer();
  Step();
  stream().Break(Unreachable());
  EXPECT_EQ(Step(), absl::Milliseconds(100));  // it had worked again
}

TEST_F(KeepAliveLoopTest, ComesBackSlowlyToAHubThatAnswersOnlyToSayThatItDrains) {
  Step();
  for (const int pause_ms : {100, 200, 400}) {
    pb::KeepAliveResponse draining;
    draining.set_hub_draining(true);
    Answer(draining);
    stream().Break(base::MakeError(pb::ERROR_REASON_HUB_DRAINING, "stopping"));
    EXPECT_EQ(Step(), absl::Milliseconds(pause_ms));
    StepAfter(absl::Milliseconds(pause_ms));
  }
  EXPECT_THAT(told_, ElementsAre("draining", "draining", "draining"));  // once a stream
}

TEST_F(KeepAliveLoopTest, KnowsThatTheLeaseIsUnsafeAtTheTtlNotBefore) {
  Step();
  Answer();
  Step();
  stream().Break(Unreachable());
  const base::MonoTime unsafe_at = clock_.Mono() + kTtl;
  while (clock_.Mono() < unsafe_at) {
    EXPECT_TRUE(loop_->Safe(clock_.Mono()));
    EXPECT_THAT(told_, IsEmpty());
    const absl::Duration next = Step();
    ASSERT_GT(next, absl::ZeroDuration());
    // The stream that it opens breaks at once.
    if (!transport_.keep_alives.empty() && stream().open) stream().Break(Unreachable());
    clock_.Advance(std::min(next, unsafe_at - clock_.Mono()));
  }
  EXPECT_FALSE(loop_->Safe(clock_.Mono()));
  Step();
  StepAfter(absl::Minutes(10));
  EXPECT_THAT(told_, ElementsAre("unsafe"));  // once
}

TEST_F(KeepAliveLoopTest, IsSafeAgainOnceTheHubAnswers) {
  Step();
  StepAfter(kTtl);
  EXPECT_THAT(told_, ElementsAre("unsafe"));
  StepAfter(absl::Seconds(1));
  Answer();
  Step();
  EXPECT_TRUE(loop_->Safe(clock_.Mono()));
  EXPECT_FALSE(loop_->ended());
}

// Stopped for longer than its TTL and continued: the lease counts as lost before anything else
// happens.
TEST_F(KeepAliveLoopTest, AFrozenProcessKnowsBeforeItHearsFromTheHub) {
  Step();
  Answer();
  Step();
  clock_.Advance(3 * kTtl);
  EXPECT_FALSE(loop_->Safe(clock_.Mono()));
  stream().Break(base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "expired"));
  Step();
  EXPECT_TRUE(loop_->ended());
  EXPECT_FALSE(loop_->Safe(clock_.Mono()));
}

TEST_F(KeepAliveLoopTest, TheEndOfTheSessionComesAfterTheLossOfAllItsClaims) {
  ledger_->Granted("T-1", 10);
  ledger_->Granted("T-2", 11);
  Step();
  stream().Break(base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "taken over"));
  EXPECT_EQ(Step(), absl::InfiniteDuration());
  EXPECT_THAT(told_, ElementsAre("lost T-1", "lost T-2", "ended SESSION_ENDED"));
  EXPECT_EQ(StepAfter(absl::Hours(1)), absl::InfiniteDuration());
  EXPECT_EQ(transport_.keep_alives.size(), 1u);  // and nothing more is tried
}

TEST_F(KeepAliveLoopTest, ATokenThatIsRefusedEndsIt) {
  Step();
  stream().Break(base::MakeError(pb::ERROR_REASON_TOKEN_INVALID, "not ours"));
  Step();
  EXPECT_THAT(told_, ElementsAre("ended TOKEN_INVALID"));
}

TEST_F(KeepAliveLoopTest, TellsOfClaimsThatCameAndWent) {
  ledger_->Granted("T-1", 10);
  Step();
  pb::KeepAliveResponse answer;
  pb::HeldClaim& held = *answer.add_claims();
  held.set_ticket_id("T-2");
  held.set_fence(12);
  Answer(answer);
  Step();
  EXPECT_THAT(told_, ElementsAre("lost T-1", "found T-2"));
  ASSERT_EQ(loop_->claims().size(), 1u);
  EXPECT_EQ(loop_->claims()[0].ticket_id(), "T-2");
}

// `coordctl ticket complete` beside `coordctl agent hold`, say.
TEST_F(KeepAliveLoopTest, SaysNothingOfAClaimThatAnotherProcessOfTheSessionEnded) {
  ledger_->Granted("T-1", 10);
  Step();
  pb::KeepAliveResponse holds;
  holds.add_claims()->set_ticket_id("T-1");
  holds.mutable_claims(0)->set_fence(10);
  Answer(holds);
  for (int i = 0; i < 3; ++i) {
    StepAfter(absl::Seconds(20));
    Answer();
  }
  Step();
  EXPECT_THAT(told_, IsEmpty());
  EXPECT_THAT(ledger_->Held(), IsEmpty());
  // What went while no stream was open, nobody could name.
  ledger_->Granted("T-2", 11);
  stream().Break(Unreachable());
  Step();
  StepAfter(absl::Seconds(1));
  Answer();
  Step();
  EXPECT_THAT(told_, ElementsAre("lost T-2"));
}

// The hub says something and hangs up: what it said counts.
TEST_F(KeepAliveLoopTest, HearsTheLastWordsOfABrokenStream) {
  ledger_->Granted("T-1", 10);
  Step();
  pb::KeepAliveResponse last;
  pb::LostClaim& lost = *last.add_lost_claims();
  lost.set_ticket_id("T-1");
  lost.set_fence(10);
  stream().Answer(0, last);
  stream().Break(Unreachable());
  Step();
  EXPECT_THAT(told_, ElementsAre("lost T-1"));
}

TEST_F(KeepAliveLoopTest, AMessageThatCannotBeSentCountsAsUnanswered) {
  Step();
  Answer();
  Step();
  stream().accepts = false;
  StepAfter(absl::Seconds(20));
  EXPECT_TRUE(stream().open);
  StepAfter(absl::Seconds(20));
  EXPECT_FALSE(transport_.keep_alives[0]->open);
}

}  // namespace
}  // namespace coordhub::agent
