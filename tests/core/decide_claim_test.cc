// Which ticket an agent gets, and why it gets none.

#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "hub/core/limits.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

struct Claims : testing::Test {
  DecidingWorkspace w;
  Caller ann = w.Register("ann");

  std::string Make(const std::function<void(pb::TicketSpec&)>& shape) {
    pb::CreateTicketRequest request = w.Creation();
    shape(*request.mutable_spec());
    return w.Create(request);
  }
  // The id of the ticket that was got, or "".
  std::string Next(const Caller& caller, const pb::ClaimNextTicketRequest& request = {}) {
    const Decision decision = w.Must(caller, request);
    if (decision.events.empty()) return "";
    EXPECT_EQ(decision.events[0]->kind(), pb::EVENT_KIND_TICKET_CLAIMED);
    return decision.events[0]->changes(0).ticket().ticket_id();
  }
};

// ---- the order of refusals of one ticket ----

struct PrecedenceCase {
  std::string name;
  bool claimed, done, blocked, delayed, assigned;
  std::string expected;
};

class ClaimOfATicketThatIs : public testing::TestWithParam<PrecedenceCase> {};

TEST_P(ClaimOfATicketThatIs, IsAnsweredAsTabled) {
  const PrecedenceCase& c = GetParam();
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  const Caller ben = w.Register("ben");
  w.Create();
  pb::CreateTicketRequest request = w.Creation();
  if (c.assigned) request.mutable_spec()->set_assignee_agent_id("ben");
  w.Create(request);
  if (c.claimed || c.done) w.Claim("T-2", ben);
  if (c.done) w.Complete("T-2", ben);
  pb::UpdateTicketRequest update;
  update.set_ticket_id("T-2");
  if (c.blocked) {
    update.mutable_update_mask()->add_paths("dependencies");
    update.mutable_spec()->add_dependencies()->set_ticket_id("T-1");
  }
  if (c.delayed) {
    update.mutable_update_mask()->add_paths("not_before");
    *update.mutable_spec()->mutable_not_before() = ToProto(w.now.wall + absl::Hours(1));
  }
  if (c.blocked || c.delayed) w.Must(Operator(), update);

  const absl::Status status = w.Do(ann, w.Claiming("T-2")).status();

  EXPECT_EQ(ReasonNameOf(status), c.expected) << status;
}

INSTANTIATE_TEST_SUITE_P(
    Each, ClaimOfATicketThatIs,
    testing::ValuesIn<PrecedenceCase>({
        {"Ready", false, false, false, false, false, "OK"},
        {"Assigned", false, false, false, false, true, "TICKET_ASSIGNED"},
        {"DelayedAndAssigned", false, false, false, true, true, "TICKET_NOT_DUE"},
        {"BlockedDelayedAndAssigned", false, false, true, true, true, "TICKET_BLOCKED"},
        {"DoneAndAssigned", false, true, false, false, true, "TICKET_STATE"},
        {"ClaimedBlockedDelayedAndAssigned", true, false, true, true, true, "TICKET_CLAIMED"},
    }),
    CaseName());

TEST_F(Claims, ARefusalSaysWhatIsInTheWay) {
  w.Create();
  w.Claim("T-1", ann);
  const absl::Status held = w.Do(ann, w.Claiming("T-1")).status();
  EXPECT_EQ(base::MetadataOf(held, "holder"), "ann");
  EXPECT_EQ(base::MetadataOf(held, "current_fence"), absl::StrCat(w.ticket("T-1").claim().fence()));

  w.Create({"T-1"});
  const absl::Status blocked = w.Do(ann, w.Claiming("T-2")).status();
  EXPECT_EQ(base::MetadataOf(blocked, "blocked_by"), "T-1");

  const absl::Time due = absl::FromUnixSeconds(1'900'000'000);
  const std::string later =
      Make([&](pb::TicketSpec& spec) { *spec.mutable_not_before() = ToProto(due); });
  const absl::Status delayed = w.Do(ann, w.Claiming(later)).status();
  EXPECT_EQ(base::MetadataOf(delayed, "not_before"), "2030-03-17T17:46:40+00:00");

  const std::string bens = Make([](pb::TicketSpec& spec) { spec.set_assignee_agent_id("ben"); });
  const absl::Status assigned = w.Do(ann, w.Claiming(bens)).status();
  EXPECT_EQ(base::MetadataOf(assigned, "assignee"), "ben");

  w.Cancel("T-1");
  const absl::Status state = w.Do(ann, w.Claiming("T-1")).status();
  EXPECT_EQ(base::MetadataOf(state, "state"), "CANCELLED");
  for (const absl::Status& status : {held, blocked, delayed, assigned, state}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_NE(base::MetadataOf(status, "ticket_id"), "");
  }
}

TEST_F(Claims, ManyBlockersAreNamedInPart) {
  pb::CreateTicketRequest request = w.Creation();
  for (int i = 1; i <= limits::kDependencies; ++i) {
    w.Create();
    request.mutable_spec()->add_dependencies()->set_ticket_id(absl::StrCat("T-", i));
  }
  const std::string id = w.Create(request);
  const absl::Status status = w.Do(ann, w.Claiming(id)).status();
  EXPECT_EQ(base::MetadataOf(status, "blocked_by"),
            "T-1,T-2,T-3,T-4,T-5,T-6,T-7,T-8,T-9,T-10,T-11,T-12,T-13,T-14,T-15,T-16,...");
}

TEST_F(Claims, AClaimHasItsHolderSessionTimeAndTimeout) {
  w.Create();
  pb::ClaimTicketRequest request = w.Claiming("T-1");
  *request.mutable_claim_timeout() = ToProto(absl::Minutes(10));
  w.Must(ann, request);
  const pb::Claim& claim = w.ticket("T-1").claim();
  EXPECT_EQ(claim.agent_id(), "ann");
  EXPECT_EQ(claim.session_uid(), ann.session_uid());
  EXPECT_EQ(FromProto(claim.claim_time()), w.now.wall);
  EXPECT_EQ(FromProto(claim.claim_timeout()), absl::Minutes(10));

  w.Create();
  w.Claim("T-2", ann);
  EXPECT_FALSE(w.ticket("T-2").claim().has_claim_timeout());
}

TEST_F(Claims, TheAssigneeGetsItsTicket) {
  const std::string id = Make([](pb::TicketSpec& spec) { spec.set_assignee_agent_id("ann"); });
  EXPECT_TRUE(w.Do(ann, w.Claiming(id)).ok());
}

// ---- the next ticket ----

TEST_F(Claims, TheNextIsByPriorityThenAge) {
  const auto with_priority = [&](int priority) {
    return Make([&](pb::TicketSpec& spec) { spec.set_priority(priority); });
  };
  with_priority(3);
  with_priority(1);
  with_priority(0);
  w.Create();  // 2 by default
  with_priority(1);
  with_priority(4);
  std::vector<std::string> order;
  for (int i = 0; i < 6; ++i) order.push_back(Next(ann));
  EXPECT_EQ(order, (std::vector<std::string>{"T-3", "T-2", "T-5", "T-4", "T-1", "T-6"}));
  EXPECT_EQ(Next(ann), "");
}

TEST_F(Claims, TheNextIsOneThatTheSelectorAdmits) {
  const Caller ben = w.Register("ben");
  Make([](pb::TicketSpec& spec) { spec.set_assignee_agent_id("ben"); });
  Make([](pb::TicketSpec& spec) {
    spec.add_labels("cpp");
    spec.add_labels("big");
  });
  Make([](pb::TicketSpec& spec) { spec.set_priority(4); });

  pb::ClaimNextTicketRequest labelled;
  labelled.add_labels("cpp");
  labelled.add_labels("big");
  labelled.add_labels("cpp");
  EXPECT_EQ(Next(ann, labelled), "T-2");
  EXPECT_EQ(Next(ann, labelled), "");
  pb::ClaimNextTicketRequest urgent;
  urgent.set_max_priority(3);
  EXPECT_EQ(Next(ann, urgent), "");
  EXPECT_EQ(Next(ann), "T-3");
  EXPECT_EQ(Next(ann), "");
  EXPECT_EQ(Next(ben, urgent), "T-1");
}

TEST_F(Claims, NoWorkSaysWhy) {
  w.Create();                                                                         // held
  Make([](pb::TicketSpec& spec) { spec.add_dependencies()->set_ticket_id("T-1"); });  // blocked
  Make([](pb::TicketSpec& spec) { spec.set_assignee_agent_id("ben"); });              // filtered
  Make([](pb::TicketSpec& spec) { spec.set_assignee_agent_id("eve"); });              // filtered
  Make([&](pb::TicketSpec& spec) {
    *spec.mutable_not_before() = ToProto(w.now.wall + absl::Hours(1));
  });
  w.Cancel(w.Create());
  w.Claim("T-1", ann);
  const int64_t revision = w.state.revision();

  const Decision decision = w.Must(ann, pb::ClaimNextTicketRequest());

  EXPECT_TRUE(decision.events.empty());
  ASSERT_TRUE(decision.no_work.has_value());
  EXPECT_EQ(decision.no_work->held(), 1);
  EXPECT_EQ(decision.no_work->blocked(), 1);
  EXPECT_EQ(decision.no_work->filtered(), 2);
  EXPECT_EQ(decision.no_work->delayed(), 1);
  EXPECT_EQ(w.state.revision(), revision);
}

TEST_F(Claims, ADelayedTicketIsReadyAtItsTimeOfDay) {
  Make([&](pb::TicketSpec& spec) {
    *spec.mutable_not_before() = ToProto(w.now.wall + absl::Hours(1));
  });
  w.now.mono += absl::Hours(24);
  EXPECT_EQ(Next(ann), "");
  w.now.wall += absl::Hours(1);  // set by hand, or the machine slept
  EXPECT_EQ(Next(ann), "T-1");
}

TEST_F(Claims, AnAgentHoldsAtMostTheLimit) {
  w.check_invariants = false;
  for (int i = 0; i < limits::kClaimsPerAgent; ++i) w.Claim(w.Create(), ann);
  const std::string more = w.Create();
  for (const CommandBody& body :
       std::vector<CommandBody>{w.Claiming(more), pb::ClaimNextTicketRequest()}) {
    const absl::Status status = w.Do(ann, body).status();
    EXPECT_EQ(ReasonNameOf(status), "LIMIT_REACHED");
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(base::MetadataOf(status, "limit_name"), "claims_per_agent");
    EXPECT_EQ(base::MetadataOf(status, "limit"), absl::StrCat(limits::kClaimsPerAgent));
  }
  w.Release("T-7", ann);
  EXPECT_TRUE(w.Do(ann, w.Claiming(more)).ok());
}

}  // namespace
}  // namespace coordhub::core
