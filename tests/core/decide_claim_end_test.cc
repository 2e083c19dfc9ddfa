// What a claim leaves behind: fences, back-off, outcomes, the ticket's place in the queue.

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

TEST(Requeue, BackOffIsAtMostFiveMinutes) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  auto creation = w.Creation();
  creation.mutable_spec()->set_max_attempts(100);
  const std::string id = w.Create(creation);
  absl::Duration longest;
  for (int i = 1; i < 20; ++i) {
    w.Claim(id, ann);
    w.Fail(id, ann);
    longest = FromProto(w.ticket(id).backoff());
    w.Advance(longest);
  }
  EXPECT_EQ(longest, absl::Minutes(5));
}

TEST(Requeue, TheHolderMayChooseTheBackOff) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  auto request = w.Fenced<pb::FailTicketRequest>(id, w.Claim(id, ann));
  request.set_reason("waits for the weekend");
  *request.mutable_retry_delay() = ToProto(absl::Hours(24));
  w.Must(ann, request);
  EXPECT_EQ(FromProto(w.ticket(id).backoff()), absl::Hours(24));
  EXPECT_FALSE(w.ticket(id).has_not_before()) << "nobody stated a time";
  EXPECT_EQ(w.ticket(id).outcome().reason(), "waits for the weekend");
  EXPECT_EQ(w.ticket(id).outcome().actor(), "ann");

  w.Advance(absl::Hours(24));
  request.set_fence(w.Claim(id, ann));
  *request.mutable_retry_delay() = ToProto(absl::ZeroDuration());
  w.Must(ann, request);
  EXPECT_TRUE(w.Do(ann, w.Claiming(id)).ok());
}

TEST(Requeue, ABackOffIsASpanWhateverTheWallClockDoes) {
  for (const absl::Duration jump : {absl::Hours(24), -absl::Hours(24)}) {
    DecidingWorkspace w;
    const Caller ann = w.Register("ann");
    const std::string id = w.Create();
    w.Claim(id, ann);
    w.now.wall += jump;
    w.Fail(id, ann);
    w.now.wall -= jump;
    w.now.mono += absl::Seconds(1) - absl::Nanoseconds(1);
    const absl::Status early = w.Do(ann, w.Claiming(id)).status();
    EXPECT_EQ(ReasonNameOf(early), "TICKET_NOT_DUE");
    w.now.mono += absl::Nanoseconds(1);
    EXPECT_TRUE(w.Do(ann, w.Claiming(id)).ok());
  }
}

TEST(Requeue, WhoeverSaysWhenATicketIsDueEndsItsBackOff) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  w.Claim(id, ann);
  w.Fail(id, ann);
  ASSERT_TRUE(w.ticket(id).has_backoff());
  pb::UpdateTicketRequest update;
  update.set_ticket_id(id);
  update.mutable_update_mask()->add_paths("title");
  update.mutable_spec()->set_title("another");
  w.Must(Operator(), update);
  EXPECT_TRUE(w.ticket(id).has_backoff());
  update.mutable_update_mask()->add_paths("not_before");
  w.Must(Operator(), update);
  EXPECT_FALSE(w.ticket(id).has_backoff());
  EXPECT_TRUE(w.Do(ann, w.Claiming(id)).ok());
}

TEST(Requeue, AReleasedTicketIsClaimableAtOnceThoughTheWallClockWasSetBack) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  auto creation = w.Creation();
  *creation.mutable_spec()->mutable_not_before() = ToProto(w.now.wall + absl::Hours(1));
  const std::string id = w.Create(creation);
  w.Advance(absl::Hours(1));
  w.Claim(id, ann);
  w.now.wall -= absl::Hours(24);
  w.Release(id, ann);
  EXPECT_TRUE(w.Do(ann, w.Claiming(id)).ok());
}

TEST(Requeue, ATimeThatWasSetMeanwhileStandsBesideABackOff) {
  for (const absl::Duration wait : {absl::Hours(1), absl::Milliseconds(500)}) {
    DecidingWorkspace w;
    const Caller ann = w.Register("ann");
    const std::string id = w.Create();
    w.Claim(id, ann);
    pb::UpdateTicketRequest update;
    update.set_ticket_id(id);
    update.mutable_update_mask()->add_paths("not_before");
    *update.mutable_spec()->mutable_not_before() = ToProto(w.now.wall + wait);
    w.Must(Operator(), update);
    w.Fail(id, ann);
    EXPECT_EQ(FromProto(w.ticket(id).not_before()) - w.now.wall, wait);
    const absl::Duration longer = std::max(wait, absl::Seconds(1));
    const absl::Status early = w.Do(ann, w.Claiming(id)).status();
    EXPECT_EQ(base::MetadataOf(early, "not_before"),
              absl::FormatTime(absl::RFC3339_sec, w.now.wall + longer, absl::UTCTimeZone()));
    w.Advance(longer - absl::Nanoseconds(1));
    EXPECT_EQ(ReasonNameOf(w.Do(ann, w.Claiming(id)).status()), "TICKET_NOT_DUE");
    w.Advance(absl::Nanoseconds(1));
    w.Claim(id, ann);
    EXPECT_FALSE(w.ticket(id).has_not_before());
    EXPECT_FALSE(w.ticket(id).has_backoff());
    w.Must(Operator(), [&] {
      *update.mutable_spec()->mutable_not_before() = ToProto(w.now.wall + wait);
      return update;
    }());
    w.Release(id, ann);
    EXPECT_EQ(ReasonNameOf(w.Do(ann, w.Claiming(id)).status()), "TICKET_NOT_DUE");
  }
}

TEST(Requeue, ALostClaimSaysWhoseAttemptItWasAndWhy) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  w.Claim(id, ann);
  EXPECT_EQ(EventsOf(w.Expire("ann")), "TICKET_CLAIM_LOST T-1, AGENT_EXPIRED ann");
  EXPECT_EQ(w.ticket(id).outcome().actor(), "ann");
  EXPECT_EQ(w.ticket(id).outcome().reason(), "silent for 1m1s");
}

TEST(Reopen, ForgetsAttemptsAndBackOffButNotTheOutcome) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  w.Claim(id, ann);
  w.Fail(id, ann);
  w.Cancel(id);
  ASSERT_TRUE(w.ticket(id).has_backoff());
  w.Reopen(id);
  EXPECT_EQ(w.ticket(id).attempt(), 0);
  EXPECT_FALSE(w.ticket(id).has_backoff());
  EXPECT_EQ(w.ticket(id).outcome().actor(), "operator");
  EXPECT_TRUE(w.Do(ann, w.Claiming(id)).ok());
}

TEST(Reopen, KeepsATimeThatItsMakerSet) {
  DecidingWorkspace w;
  auto creation = w.Creation();
  *creation.mutable_spec()->mutable_not_before() = ToProto(w.now.wall + absl::Hours(1));
  const std::string id = w.Create(creation);
  w.Cancel(id);
  w.Reopen(id);
  EXPECT_EQ(w.state.ready().ready_count(), 0);
  EXPECT_EQ(w.state.ready().delayed_count(), 1);
}

TEST(Requeue, KeepsTheAgeOfTheTicket) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const std::string older = w.Create();
  const std::string newer = w.Create();
  w.Claim(older, ann);
  w.Release(older, ann);
  pb::ClaimNextTicketRequest next;
  EXPECT_EQ(EventsOf(w.Must(ann, next)), "TICKET_CLAIMED " + older);
  EXPECT_EQ(EventsOf(w.Must(ann, next)), "TICKET_CLAIMED " + newer);
}

TEST(Fence, IsTheRevisionOfTheGrantAndNeverComesAgain) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  int64_t last = 0;
  for (int i = 0; i < 4; ++i) {
    const int64_t fence = w.Claim(id, ann);
    EXPECT_EQ(fence, w.state.revision());
    EXPECT_GT(fence, last);
    EXPECT_EQ(w.ticket(id).last_fence(), fence);
    last = fence;
    w.Release(id, ann);
    EXPECT_EQ(w.ticket(id).last_fence(), fence);
  }
}

struct FenceCase {
  std::string name;
  // By ann, or by ben who holds the ticket after ann lost it.
  bool by_ben;
  // Of ann's claim, ben's claim, one beyond, or one between that was never this ticket's.
  enum { kAnns, kBens, kBeyond, kBetween } fence;
  std::string expected;
};

class FencedCall : public testing::TestWithParam<FenceCase> {};

// ann's claim timed out, and ben holds the ticket: both of them call.
TEST_P(FencedCall, IsAnsweredAsTabled) {
  for (const std::string verb : {"complete", "fail", "release"}) {
    DecidingWorkspace w;
    const Caller ann = w.Register("ann");
    const Caller ben = w.Register("ben");
    const std::string id = w.Create();
    const int64_t anns = w.Claim(id, ann);
    w.Must(Hub(), ExpireClaim{.ticket_number = TicketNumber(id), .fence = anns});
    w.Create();  // takes a revision between the two fences
    const int64_t bens = w.Claim(id, ben);
    ASSERT_GT(bens, anns + 1);
    const int64_t fences[] = {anns, bens, bens + 1, anns + 1};
    const int64_t fence = fences[GetParam().fence];
    const Caller caller = GetParam().by_ben ? ben : ann;

    const absl::Status status =
        verb == "complete" ? w.Do(caller, w.Fenced<pb::CompleteTicketRequest>(id, fence)).status()
        : verb == "fail"   ? w.Do(caller, w.Fenced<pb::FailTicketRequest>(id, fence)).status()
                           : w.Do(caller, w.Fenced<pb::ReleaseTicketRequest>(id, fence)).status();

    EXPECT_EQ(ReasonNameOf(status), GetParam().expected) << verb << status;
    if (GetParam().expected == "CLAIM_SUPERSEDED") {
      EXPECT_EQ(base::MetadataOf(status, "ticket_id"), id);
      EXPECT_EQ(base::MetadataOf(status, "holder"), "ben");
      EXPECT_EQ(base::MetadataOf(status, "current_fence"), absl::StrCat(bens));
    }
    if (GetParam().expected == "INVALID_FIELD") {
      EXPECT_EQ(base::MetadataOf(status, "field"), "fence");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    OfALostClaim, FencedCall,
    testing::ValuesIn<FenceCase>({
        {"ByItsOldHolderIsSuperseded", false, FenceCase::kAnns, "CLAIM_SUPERSEDED"},
        {"ByItsOldHolderWithTheNewFenceIsSuperseded", false, FenceCase::kBens, "CLAIM_SUPERSEDED"},
        {"ByTheNewHolderWithTheOldFenceIsSuperseded", true, FenceCase::kAnns, "CLAIM_SUPERSEDED"},
        {"ByTheNewHolderIsObeyed", true, FenceCase::kBens, "OK"},
        {"WithAFenceFromTheFutureIsInvalid", true, FenceCase::kBeyond, "INVALID_FIELD"},
        {"WithAFenceOfAnotherTicketIsSuperseded", true, FenceCase::kBetween, "CLAIM_SUPERSEDED"},
    }),
    CaseName());

TEST(FencedCall, AfterTheClaimEndedNamesNoHolder) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  const int64_t fence = w.Claim(id, ann);
  w.Cancel(id);
  const absl::Status status = w.Do(ann, w.Fenced<pb::CompleteTicketRequest>(id, fence)).status();
  EXPECT_EQ(ReasonNameOf(status), "CLAIM_SUPERSEDED");
  EXPECT_EQ(base::MetadataOf(status, "holder"), "");
  EXPECT_EQ(base::MetadataOf(status, "current_fence"), absl::StrCat(fence));
}

// Force takes a ticket from whoever holds it; whoever states a fence means that very claim.
TEST(FencedCall, AForcedReleaseIsOfTheClaimUnderTheStatedFence) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  const int64_t lost = w.Claim(id, ann);
  w.Release(id, ann);
  const int64_t held = w.Claim(id, ann);
  const auto forced = [&](int64_t fence) {
    auto request = w.Fenced<pb::ReleaseTicketRequest>(id, fence);
    request.set_force(true);
    return w.Do(Operator(), request).status();
  };
  EXPECT_EQ(ReasonNameOf(forced(lost)), "CLAIM_SUPERSEDED");
  EXPECT_EQ(ReasonNameOf(forced(held + 1)), "INVALID_FIELD");
  EXPECT_EQ(w.ticket(id).claim().fence(), held);
  EXPECT_EQ(ReasonNameOf(forced(held)), "OK");
  w.Claim(id, ann);
  EXPECT_EQ(ReasonNameOf(forced(0)), "OK");
}

TEST(Complete, RecordsTheCommitAndTheSummary) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  auto request = w.Fenced<pb::CompleteTicketRequest>(id, w.Claim(id, ann));
  request.set_commit("0123456789abcdef");
  request.set_summary("made it so");
  w.Must(ann, request);
  const pb::Outcome& outcome = w.ticket(id).outcome();
  EXPECT_EQ(outcome.actor(), "ann");
  EXPECT_EQ(outcome.commit(), "0123456789abcdef");
  EXPECT_EQ(outcome.summary(), "made it so");
  EXPECT_EQ(outcome.reason(), "");
  EXPECT_EQ(FromProto(outcome.outcome_time()), w.now.wall);
}

TEST(EventTime, NeverGoesBack) {
  DecidingWorkspace w;
  const absl::Time start = w.now.wall;
  w.Create();
  w.now.wall -= absl::Hours(24);
  const Decision decision = w.Must(Operator(), w.Creation());
  EXPECT_EQ(FromProto(decision.events[0]->event_time()), start);
}

}  // namespace
}  // namespace coordhub::core
