// Calls that wait for work.
#include "gmock/gmock.h"
#include "tests/engine/writer_harness.h"

namespace coordhub::engine {
namespace {

using ReplyPtr = WriterHarness::ReplyPtr;

class WaitingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "b", "c"})
      hub_.Register(name, std::string("uid-") + name, absl::Hours(1));
  }
  ReplyPtr WaitAs(const std::string& name, const std::string& label = "") {
    v1::ClaimNextTicketRequest request = ClaimNext(absl::Minutes(1));
    if (!label.empty()) request.add_labels(label);
    return hub_.RunOne(CommandOf(Session("uid-" + name), request));
  }

  WriterHarness hub_;
};

TEST_F(WaitingTest, WaitersAreAnsweredFirstComeFirstServedInTheBatchThatFreedTheWork) {
  const ReplyPtr a = WaitAs("a");
  const ReplyPtr b = WaitAs("b");
  const ReplyPtr c = WaitAs("c");
  int appends = 0;
  hub_.journal_->on_append = [&](absl::Span<const journal::Entry>) {
    ++appends;
    return absl::OkStatus();
  };
  v1::BatchCreateTicketsRequest batch;
  batch.add_tickets()->mutable_spec()->set_title("low");
  batch.mutable_tickets(0)->mutable_spec()->set_priority(3);
  batch.add_tickets()->mutable_spec()->set_title("urgent");
  batch.mutable_tickets(1)->mutable_spec()->set_priority(0);
  hub_.RunOne(CommandOf(Operator(), batch));
  EXPECT_EQ(appends, 1) << "the waiters were served in a batch of their own";
  ASSERT_TRUE(a->answered && b->answered);
  EXPECT_EQ(a->ticket().title(), "urgent");
  EXPECT_EQ(b->ticket().title(), "low");
  EXPECT_FALSE(c->answered);
}

TEST_F(WaitingTest, AWaiterComesBeforeALaterCallInTheSameBatch) {
  const ReplyPtr a = WaitAs("a");
  hub_.Add(CommandOf(Operator(), Create("one")));
  const ReplyPtr b = hub_.Add(CommandOf(Session("uid-b"), ClaimNext()));
  hub_.Run();
  ASSERT_TRUE(a->answered);
  EXPECT_EQ(a->ticket().ticket_id(), "T-1");
  ASSERT_TRUE(b->outcome.ok());
  EXPECT_TRUE(b->outcome->no_work.has_value());
}

TEST_F(WaitingTest, OnlyWaitersThatAdmitTheTicketAreWoken) {
  const ReplyPtr a = WaitAs("a", "gpu");
  const ReplyPtr b = WaitAs("b");
  hub_.CreateTicket("plain");
  EXPECT_FALSE(a->answered);
  ASSERT_TRUE(b->answered);
  v1::CreateTicketRequest labelled = Create("labelled");
  labelled.mutable_spec()->add_labels("gpu");
  labelled.mutable_spec()->set_assignee_agent_id("c");
  hub_.RunOne(CommandOf(Operator(), labelled));
  EXPECT_FALSE(a->answered) << "assigned to another";
  labelled.mutable_spec()->set_assignee_agent_id("a");
  hub_.RunOne(CommandOf(Operator(), labelled));
  ASSERT_TRUE(a->answered);
}

TEST_F(WaitingTest, WhatAnExpiryFreesIsNotGivenToASessionThatEndsWithAnother) {
  WriterHarness hub;
  hub.Register("holder", "uid-1", absl::Seconds(30));
  hub.Register("parent", "uid-2", absl::Seconds(30));
  auto child = RegisterCommand("parent/child", "uid-3", absl::Hours(1));
  child->caller = Session("uid-2");
  ASSERT_TRUE(hub.RunOne(std::move(child))->outcome.ok());
  const std::string id = hub.CreateTicket("one");
  ASSERT_TRUE(hub.RunOne(CommandOf(Session("uid-1"), ClaimNext()))->outcome.ok());
  const ReplyPtr waiting = hub.RunOne(CommandOf(Session("uid-3"), ClaimNext(absl::Hours(1))));
  hub.Advance(absl::Seconds(31));
  EXPECT_EQ(waiting->reason(), v1::ERROR_REASON_SESSION_ENDED);
  EXPECT_EQ(hub.Ticket(id).attempt(), 1)
      << "an attempt was burnt on a session that was about to end";
}

TEST_F(WaitingTest, AWaitWithoutWorkEndsOkAndSaysWhy) {
  v1::CreateTicketRequest other = Create("for c");
  other.mutable_spec()->set_assignee_agent_id("c");
  hub_.RunOne(CommandOf(Operator(), other));
  const ReplyPtr a = WaitAs("a");
  hub_.Advance(absl::Seconds(59));
  EXPECT_FALSE(a->answered);
  hub_.Advance(absl::Seconds(2));
  ASSERT_TRUE(a->answered);
  ASSERT_TRUE(a->outcome.ok());
  EXPECT_TRUE(a->outcome->events.empty());
  ASSERT_TRUE(a->outcome->no_work.has_value());
  EXPECT_EQ(a->outcome->no_work->filtered(), 1);
}

TEST_F(WaitingTest, ACallerThatGoesLeavesNoTrace) {
  const std::string digest = hub_.DurableDigest();
  const ReplyPtr a = WaitAs("a");
  const CallId id = hub_.last_call_;
  EXPECT_TRUE(hub_.writer_->CancelWaiter(id));
  EXPECT_EQ(a->reason(), v1::ERROR_REASON_CALLER_GONE);
  EXPECT_FALSE(hub_.writer_->CancelWaiter(id));
  EXPECT_EQ(hub_.DurableDigest(), digest);
  const ReplyPtr b = WaitAs("b");
  hub_.CreateTicket("one");
  EXPECT_TRUE(b->answered);
}

TEST_F(WaitingTest, WaitsEndWithTheirSession) {
  const ReplyPtr a = WaitAs("a");
  hub_.RunOne(CommandOf(Session("uid-a"), v1::DeregisterAgentRequest()));
  EXPECT_EQ(a->reason(), v1::ERROR_REASON_SESSION_ENDED);
}

TEST_F(WaitingTest, ADelayedTicketWakesItsWaiterWhenItIsDue) {
  v1::CreateTicketRequest later = Create("later");
  *later.mutable_spec()->mutable_not_before() =
      core::ToProto(hub_.clock_.Wall() + absl::Seconds(10));
  hub_.RunOne(CommandOf(Operator(), later));
  const ReplyPtr a = WaitAs("a");
  hub_.Advance(absl::Seconds(9));
  EXPECT_FALSE(a->answered);
  hub_.Advance(absl::Seconds(2));
  ASSERT_TRUE(a->answered);
  EXPECT_EQ(a->ticket().title(), "later");
}

TEST_F(WaitingTest, ATimeOfDayWakesItsWaiterThoughTheMachineSlept) {
  v1::CreateTicketRequest morning = Create("at nine");
  *morning.mutable_spec()->mutable_not_before() =
      core::ToProto(hub_.clock_.Wall() + absl::Hours(1));
  hub_.RunOne(CommandOf(Operator(), morning));
  const ReplyPtr a = WaitAs("a");
  // Monotonic time stands still meanwhile.
  hub_.clock_.SetWall(hub_.clock_.Wall() + absl::Hours(8));
  ASSERT_TRUE(hub_.writer_->NextDue().has_value());
  EXPECT_EQ(*hub_.writer_->NextDue(), hub_.lease_clock_->Now());
  hub_.writer_->Run({});
  ASSERT_TRUE(a->answered);
  EXPECT_EQ(a->ticket().title(), "at nine");
}

TEST_F(WaitingTest, TheListIsBounded) {
  WriterHarness small(/*waiters_capacity=*/2);
  small.Register("a", "uid-a");
  const auto next = [] { return CommandOf(Session("uid-a"), ClaimNext(absl::Minutes(1))); };
  small.RunOne(next());
  small.RunOne(next());
  EXPECT_EQ(small.RunOne(next())->reason(), v1::ERROR_REASON_OVERLOADED);
}

TEST_F(WaitingTest, DrainEndsWaitsAndNobodyWaitsAfterIt) {
  const ReplyPtr a = WaitAs("a");
  hub_.writer_->EndWaits(base::MakeError(v1::ERROR_REASON_HUB_DRAINING, "stopping"));
  EXPECT_EQ(a->reason(), v1::ERROR_REASON_HUB_DRAINING);
  EXPECT_EQ(WaitAs("b")->reason(), v1::ERROR_REASON_HUB_DRAINING);
}

}  // namespace
}  // namespace coordhub::engine
