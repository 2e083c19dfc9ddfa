// The life of a ticket as a table: every verb in every state.

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
  Caller ann = Session("");
  Caller ben = Session("");
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

// ---- attempts and back-off ----

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
    EXPECT_FALSE(life.ticket(life.id).has_backoff());
  } else {
    EXPECT_EQ(FromProto(life.ticket(life.id).backoff()), c.back_off);
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

}  // namespace
}  // namespace coordhub::core
