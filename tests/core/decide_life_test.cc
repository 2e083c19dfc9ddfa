// The life of a ticket as a table: every verb in every state.

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

// The ticket of each test is T-1; "ann" holds it where somebody does, and "ben" is another agent.
// T-2 is what T-1 waits for in BLOCKED.
struct Life : DecidingWorkspace {
  std::string id = "T-1";
  Caller ann;
  Caller ben;
  // The newest fence of the ticket; 0 before the first claim.
  int64_t fence() const { return ticket(id).last_fence(); }
};

using Verb = std::function<absl::Status(Life&)>;

template <class Request>
Verb ByHolder(const std::function<void(Request&)>& shape = {}) {
  return [shape](Life& life) {
    // Before any claim there is no fence to name; this one is certainly not it.
    auto request = life.Fenced<Request>(life.id, life.fence() > 0 ? life.fence() : 1'000'000);
    if (shape) shape(request);
    return life.Do(life.ann, request).status();
  };
}

template <class Request>
Verb ByOperator(const std::function<void(Request&)>& shape = {}) {
  return [shape](Life& life) {
    Request request;
    request.set_ticket_id(life.id);
    if (shape) shape(request);
    return life.Do(Operator(), request).status();
  };
}

const std::map<std::string, Verb>& Verbs() {
  static const auto& verbs = *new std::map<std::string, Verb>{
      {"ClaimByAnother",
       [](Life& life) { return life.Do(life.ben, life.Claiming(life.id)).status(); }},
      {"ClaimByHolder",
       [](Life& life) { return life.Do(life.ann, life.Claiming(life.id)).status(); }},
      {"Complete", ByHolder<pb::CompleteTicketRequest>()},
      {"Release", ByHolder<pb::ReleaseTicketRequest>()},
      {"FailAndRetry", ByHolder<pb::FailTicketRequest>()},
      {"FailForGood",
       ByHolder<pb::FailTicketRequest>([](auto& request) { request.set_final(true); })},
      {"ForceRelease",
       ByOperator<pb::ReleaseTicketRequest>([](auto& request) { request.set_force(true); })},
      {"Cancel", ByOperator<pb::CancelTicketRequest>()},
      {"Reopen", ByOperator<pb::ReopenTicketRequest>()},
      {"Comment", ByOperator<pb::AddCommentRequest>()},
      {"HolderDeregisters",
       [](Life& life) { return life.Do(life.ann, pb::DeregisterAgentRequest()).status(); }},
      {"HolderExpires",
       [](Life& life) {
         life.Expire("ann");
         return absl::OkStatus();
       }},
      {"HolderIsTakenOver",
       [](Life& life) {
         return life.Do(Operator(), life.Registration("ann", /*takeover=*/true)).status();
       }},
      {"ClaimTimesOut",
       [](Life& life) {
         const ExpireClaim command = {.ticket_number = 1, .fence = life.fence()};
         return life.Do(Hub(), command).status();
       }},
      {"AllSessionsEnd",
       [](Life& life) { return life.Do(Hub(), EndAllSessions{"restored"}).status(); }},
  };
  return verbs;
}

// Brings T-1 into each state.
const std::map<std::string, std::function<void(Life&)>>& States() {
  static const auto& states = *new std::map<std::string, std::function<void(Life&)>>{
      {"OPEN", [](Life&) {}},
      {"BLOCKED",
       [](Life& life) {
         pb::UpdateTicketRequest request;
         request.set_ticket_id(life.id);
         request.mutable_update_mask()->add_paths("dependencies");
         request.mutable_spec()->add_dependencies()->set_ticket_id("T-2");
         life.Must(Operator(), request);
       }},
      {"CLAIMED", [](Life& life) { life.Claim(life.id, life.ann); }},
      {"DONE", [](Life& life) { life.ClaimAndComplete(life.id, life.ann); }},
      {"FAILED",
       [](Life& life) {
         life.Claim(life.id, life.ann);
         life.Fail(life.id, life.ann, /*final=*/true);
       }},
      {"CANCELLED", [](Life& life) { life.Cancel(life.id); }},
      {"BURIED", [](Life& life) { life.Bury(life.id, life.ann); }},
  };
  return states;
}

struct Row {
  std::string verb;
  // The state afterwards, or the reason of the refusal; "=" when nothing happens to the ticket.
  std::map<std::string, std::string> by_state;
};

constexpr char kOpen[] = "OPEN";
// A fence that no claim of the ticket ever had.
constexpr char kNever[] = "INVALID_FIELD";
constexpr char kOld[] = "CLAIM_SUPERSEDED";
constexpr char kState[] = "TICKET_STATE";
constexpr char kSame[] = "=";

Row MakeRow(const std::string& verb, const std::string& open, const std::string& blocked,
            const std::string& claimed, const std::string& done, const std::string& failed,
            const std::string& cancelled, const std::string& buried) {
  return {verb,
          {{"OPEN", open},
           {"BLOCKED", blocked},
           {"CLAIMED", claimed},
           {"DONE", done},
           {"FAILED", failed},
           {"CANCELLED", cancelled},
           {"BURIED", buried}}};
}

const std::vector<Row>& Table() {
  // clang-format off
  static const auto& table = *new std::vector<Row>{
      //      verb                 OPEN         BLOCKED           CLAIMED           DONE    FAILED  CANCELLED BURIED
      MakeRow("ClaimByAnother",    "CLAIMED",   "TICKET_BLOCKED", "TICKET_CLAIMED", kState, kState, kState, kState),
      MakeRow("ClaimByHolder",     "CLAIMED",   "TICKET_BLOCKED", "TICKET_CLAIMED", kState, kState, kState, kState),
      MakeRow("Complete",          kNever,      kNever,           "DONE",           kOld,   kOld,   kNever, kOld),
      MakeRow("Release",           kNever,      kNever,           kOpen,            kOld,   kOld,   kNever, kOld),
      MakeRow("FailAndRetry",      kNever,      kNever,           kOpen,            kOld,   kOld,   kNever, kOld),
      MakeRow("FailForGood",       kNever,      kNever,           "FAILED",         kOld,   kOld,   kNever, kOld),
      MakeRow("ForceRelease",      kState,      kState,           kOpen,            kState, kState, kState, kState),
      MakeRow("Cancel",            "CANCELLED", "CANCELLED",      "CANCELLED",      kState, kState, kState, "CANCELLED"),
      MakeRow("Reopen",            kState,      kState,           kState,           kOpen,  kOpen,  kOpen,  kOpen),
      MakeRow("Comment",           kSame,       kSame,            kSame,            kSame,  kSame,  kSame,  kSame),
      MakeRow("HolderDeregisters", kSame,       kSame,            kOpen,            kSame,  kSame,  kSame,  kSame),
      MakeRow("HolderExpires",     kSame,       kSame,            kOpen,            kSame,  kSame,  kSame,  kSame),
      MakeRow("HolderIsTakenOver", kSame,       kSame,            kOpen,            kSame,  kSame,  kSame,  kSame),
      MakeRow("ClaimTimesOut",     kSame,       kSame,            kOpen,            kSame,  kSame,  kSame,  kSame),
      MakeRow("AllSessionsEnd",    kSame,       kSame,            kOpen,            kSame,  kSame,  kSame,  kSame),
  };
  // clang-format on
  return table;
}

struct LifeCase {
  std::string verb;
  std::string from;
  std::string expected;
};

std::vector<LifeCase> Cases() {
  std::vector<LifeCase> cases;
  for (const Row& row : Table()) {
    for (const auto& [from, expected] : row.by_state) cases.push_back({row.verb, from, expected});
  }
  return cases;
}

class TicketLife : public testing::TestWithParam<LifeCase> {};

TEST_P(TicketLife, GoesAsTabled) {
  const LifeCase& c = GetParam();
  Life life;
  life.ann = life.Register("ann");
  life.ben = life.Register("ben");
  life.Create();
  life.Create();
  States().at(c.from)(life);
  ASSERT_EQ(life.StateOf(life.id), c.from);
  const pb::Ticket before = life.ticket(life.id);
  const int64_t revision = life.state.revision();

  const absl::Status status = Verbs().at(c.verb)(life);

  const pb::Ticket& after = life.ticket(life.id);
  if (c.expected == kSame) {
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(life.StateOf(life.id), c.from);
    EXPECT_EQ(after.last_fence(), before.last_fence());
  } else if (status.ok()) {
    EXPECT_EQ(life.StateOf(life.id), c.expected);
    EXPECT_GT(after.mod_revision(), before.mod_revision());
  } else {
    EXPECT_EQ(ReasonNameOf(status), c.expected) << status;
    EXPECT_EQ(life.state.revision(), revision);
    EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
  }
}

INSTANTIATE_TEST_SUITE_P(Each, TicketLife, testing::ValuesIn(Cases()), [](const auto& tested) {
  return tested.param.verb + "When" + tested.param.from;
});

TEST(TicketLife, CoversEveryStateOfTheContract) {
  for (int state = 1; state < pb::Ticket::State_ARRAYSIZE; ++state) {
    const std::string name(StateName(static_cast<pb::Ticket::State>(state)));
    for (const Row& row : Table()) EXPECT_TRUE(row.by_state.contains(name)) << row.verb << name;
  }
}

// ---- attempts, fences, back-off ----

struct AttemptCase {
  std::string name;  // reads after "TheAttempt"
  std::string verb;
  int attempts_before;  // of claims that were not given back
  int attempts_after;
  std::string state;
  absl::Duration back_off;
};

class ClaimEnd : public testing::TestWithParam<AttemptCase> {};

TEST_P(ClaimEnd, CountsAndDelaysAsTabled) {
  const AttemptCase& c = GetParam();
  Life life;
  life.ann = life.Register("ann");
  life.ben = life.Register("ben");
  life.Create();
  for (int i = 1; i < c.attempts_before; ++i) {
    life.Claim(life.id, life.ben);
    life.Fail(life.id, life.ben);
    life.Advance(absl::Minutes(5));
  }
  life.Claim(life.id, life.ann);
  ASSERT_EQ(life.ticket(life.id).attempt(), c.attempts_before);

  ASSERT_TRUE(Verbs().at(c.verb)(life).ok());

  const pb::Ticket& after = life.ticket(life.id);
  EXPECT_EQ(life.StateOf(life.id), c.state);
  EXPECT_EQ(after.attempt(), c.attempts_after);
  EXPECT_FALSE(after.has_claim());
  if (c.state != kOpen) return;
  const Caller eve = life.Register("eve");
  if (c.back_off == absl::ZeroDuration()) {
    EXPECT_FALSE(life.ticket(life.id).has_not_before());
  } else {
    EXPECT_EQ(FromProto(life.ticket(life.id).not_before()) - life.now.wall, c.back_off);
    life.Advance(c.back_off - absl::Nanoseconds(1));
    const absl::Status early = life.Do(eve, life.Claiming(life.id)).status();
    EXPECT_EQ(ReasonNameOf(early), "TICKET_NOT_DUE");
    life.Advance(absl::Nanoseconds(1));
  }
  EXPECT_TRUE(life.Do(eve, life.Claiming(life.id)).ok());
}

INSTANTIATE_TEST_SUITE_P(
    TheAttempt, ClaimEnd,
    testing::ValuesIn<AttemptCase>({
        {"IsGivenBackByRelease", "Release", 1, 0, kOpen, absl::ZeroDuration()},
        {"IsGivenBackByForce", "ForceRelease", 3, 2, kOpen, absl::ZeroDuration()},
        {"IsGivenBackByLeaving", "HolderDeregisters", 2, 1, kOpen, absl::ZeroDuration()},
        {"CountsWhenCancelled", "Cancel", 2, 2, "CANCELLED", absl::ZeroDuration()},
        {"CountsWhenCompleted", "Complete", 5, 5, "DONE", absl::ZeroDuration()},
        {"CountsWhenFailedForGood", "FailForGood", 5, 5, "FAILED", absl::ZeroDuration()},
        {"LostFirstIsBackAtOnce", "HolderExpires", 1, 1, kOpen, absl::ZeroDuration()},
        {"LostSecondIsBackIn1s", "HolderExpires", 2, 2, kOpen, absl::Seconds(1)},
        {"LostThirdIsBackIn2s", "HolderIsTakenOver", 3, 3, kOpen, absl::Seconds(2)},
        {"LostFourthIsBackIn4s", "ClaimTimesOut", 4, 4, kOpen, absl::Seconds(4)},
        {"LostToARestoreCounts", "AllSessionsEnd", 3, 3, kOpen, absl::Seconds(2)},
        {"LostLastBuries", "HolderExpires", 5, 5, "BURIED", absl::ZeroDuration()},
        {"TimedOutLastBuries", "ClaimTimesOut", 5, 5, "BURIED", absl::ZeroDuration()},
        {"FailedFirstIsBackIn1s", "FailAndRetry", 1, 1, kOpen, absl::Seconds(1)},
        {"FailedSecondIsBackIn2s", "FailAndRetry", 2, 2, kOpen, absl::Seconds(2)},
        {"FailedFourthIsBackIn8s", "FailAndRetry", 4, 4, kOpen, absl::Seconds(8)},
        {"FailedLastBuries", "FailAndRetry", 5, 5, "BURIED", absl::ZeroDuration()},
    }),
    CaseName());

TEST(ClaimEnd, BackOffIsAtMostFiveMinutes) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  auto creation = w.Creation();
  creation.mutable_spec()->set_max_attempts(100);
  const std::string id = w.Create(creation);
  absl::Duration longest;
  for (int i = 1; i < 20; ++i) {
    w.Claim(id, ann);
    w.Fail(id, ann);
    longest = FromProto(w.ticket(id).not_before()) - w.now.wall;
    w.Advance(longest);
  }
  EXPECT_EQ(longest, absl::Minutes(5));
}

TEST(ClaimEnd, TheHolderMayChooseTheBackOff) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  auto request = w.Fenced<pb::FailTicketRequest>(id, w.Claim(id, ann));
  request.set_reason("waits for the weekend");
  *request.mutable_retry_delay() = ToProto(absl::Hours(24));
  w.Must(ann, request);
  EXPECT_EQ(FromProto(w.ticket(id).not_before()) - w.now.wall, absl::Hours(24));
  EXPECT_EQ(w.ticket(id).outcome().reason(), "waits for the weekend");
  EXPECT_EQ(w.ticket(id).outcome().actor(), "ann");

  w.Advance(absl::Hours(24));
  request.set_fence(w.Claim(id, ann));
  *request.mutable_retry_delay() = ToProto(absl::ZeroDuration());
  w.Must(ann, request);
  EXPECT_TRUE(w.Do(ann, w.Claiming(id)).ok());
}

TEST(ClaimEnd, ABackOffIsMeasuredFromAWallClockThatWasSetBack) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  w.Claim(id, ann);
  w.now.wall -= absl::Hours(24);
  w.Fail(id, ann);
  w.Advance(absl::Seconds(1));
  EXPECT_TRUE(w.Do(ann, w.Claiming(id)).ok());
}

TEST(ClaimEnd, AReleasedTicketIsClaimableAtOnceThoughTheWallClockWasSetBack) {
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

TEST(ClaimEnd, ATimeThatWasSetMeanwhileOutlastsAShorterBackOff) {
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
    EXPECT_EQ(FromProto(w.ticket(id).not_before()) - w.now.wall, std::max(wait, absl::Seconds(1)));
    w.Advance(absl::Hours(1));
    w.Claim(id, ann);
    EXPECT_FALSE(w.ticket(id).has_not_before());
    w.Must(Operator(), [&] {
      *update.mutable_spec()->mutable_not_before() = ToProto(w.now.wall + wait);
      return update;
    }());
    w.Release(id, ann);
    EXPECT_EQ(ReasonNameOf(w.Do(ann, w.Claiming(id)).status()), "TICKET_NOT_DUE");
  }
}

TEST(ClaimEnd, ALostClaimSaysWhoseAttemptItWasAndWhy) {
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
  ASSERT_TRUE(w.ticket(id).has_not_before());
  w.Reopen(id);
  EXPECT_EQ(w.ticket(id).attempt(), 0);
  EXPECT_FALSE(w.ticket(id).has_not_before());
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
  const absl::Status status =
      w.Do(ann, w.Fenced<pb::CompleteTicketRequest>(id, fence)).status();
  EXPECT_EQ(ReasonNameOf(status), "CLAIM_SUPERSEDED");
  EXPECT_EQ(base::MetadataOf(status, "holder"), "");
  EXPECT_EQ(base::MetadataOf(status, "current_fence"), absl::StrCat(fence));
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
