#include "hub/engine/writer.h"

#include "gmock/gmock.h"
#include "tests/engine/writer_harness.h"

namespace coordhub::engine {
namespace {

using ::testing::ElementsAre;
using ReplyPtr = WriterHarness::ReplyPtr;

TEST(WriterTest, NothingIsAnsweredOrVisibleBeforeItIsDurable) {
  WriterHarness hub;
  bool appended = false;
  hub.journal_->on_append = [&](absl::Span<const journal::Entry> entries) {
    EXPECT_EQ(entries.size(), 1u);
    EXPECT_EQ(hub.answers_, 0) << "acknowledged before the commit";
    EXPECT_EQ(hub.view_->revision, 0) << "readable before the commit";
    EXPECT_TRUE(hub.published_.empty()) << "published before the commit";
    appended = true;
    return absl::OkStatus();
  };
  hub.RunOne(CommandOf(Operator(), Create("one")));
  EXPECT_TRUE(appended);
  EXPECT_EQ(hub.answers_, 1);
  EXPECT_EQ(hub.view_->revision, 1);
}

TEST(WriterTest, ABatchIsOneAppend) {
  WriterHarness hub;
  int appends = 0;
  hub.journal_->on_append = [&](absl::Span<const journal::Entry> entries) {
    EXPECT_EQ(entries.size(), 100u);
    ++appends;
    return absl::OkStatus();
  };
  for (int i = 0; i < 100; ++i) hub.Add(CommandOf(Operator(), Create("t")));
  hub.Run();
  EXPECT_EQ(appends, 1);
  EXPECT_EQ(hub.answers_, 100);
}

TEST(WriterTest, ARefusalIsAnsweredAfterTheCommitOfItsBatch) {
  WriterHarness hub;
  hub.Register("a", "uid-a");
  hub.Register("b", "uid-b");
  const std::string id = hub.CreateTicket("one");
  v1::ClaimTicketRequest claim;
  claim.set_ticket_id(id);
  hub.Add(CommandOf(Session("uid-a"), claim));
  const ReplyPtr loser = hub.Add(CommandOf(Session("uid-b"), claim));
  hub.journal_->on_append = [&](absl::Span<const journal::Entry>) {
    EXPECT_FALSE(loser->answered);
    return absl::OkStatus();
  };
  hub.Run();
  EXPECT_EQ(loser->reason(), v1::ERROR_REASON_TICKET_CLAIMED);
}

TEST(WriterTest, FullDiskUndoesTheBatchAndWritingResumesByItself) {
  WriterHarness hub;
  hub.Register("a", "uid-a");
  const std::string id = hub.CreateTicket("one");
  const std::string digest = hub.DurableDigest();
  bool full = true;
  hub.journal_->on_append = [&](absl::Span<const journal::Entry>) {
    return full ? base::MakeError(v1::ERROR_REASON_DISK_FULL, "no space") : absl::OkStatus();
  };
  const ReplyPtr created = hub.Add(CommandOf(Operator(), Create("two")));
  const ReplyPtr claimed = hub.Add(CommandOf(Session("uid-a"), ClaimNext()));
  hub.Run();
  EXPECT_EQ(created->reason(), v1::ERROR_REASON_DISK_FULL);
  EXPECT_EQ(claimed->reason(), v1::ERROR_REASON_DISK_FULL);
  EXPECT_EQ(hub.DurableDigest(), digest);
  ASSERT_EQ(core::Digest(*hub.state_->MakeView()), digest);
  EXPECT_FALSE(hub.write_refusal_.empty());
  EXPECT_FALSE(hub.Ticket(id).has_claim());

  full = false;
  hub.Advance(Writer::kFullRetry);
  const ReplyPtr again = hub.RunOne(CommandOf(Session("uid-a"), ClaimNext()));
  ASSERT_TRUE(again->outcome.ok()) << again->outcome.status();
  EXPECT_EQ(again->ticket().ticket_id(), id);
  EXPECT_TRUE(hub.write_refusal_.empty());
  EXPECT_TRUE(hub.fatal_.ok());
}

TEST(WriterTest, WritingResumesAlsoWhereNobodyLookedAtTheLeaseClock) {
  WriterHarness hub;
  bool full = true;
  hub.journal_->on_append = [&](absl::Span<const journal::Entry>) {
    return full ? base::MakeError(v1::ERROR_REASON_DISK_FULL, "no space") : absl::OkStatus();
  };
  EXPECT_EQ(hub.RunOne(CommandOf(Operator(), Create("one")))->reason(), v1::ERROR_REASON_DISK_FULL);
  full = false;
  // Without agents nothing wakes the hub between two calls: such a time is no lease time.
  hub.clock_.Advance(absl::Hours(1));
  EXPECT_TRUE(hub.RunOne(CommandOf(Operator(), Create("two")))->outcome.ok());
}

TEST(WriterTest, AnExpiryThatMeetsAFullDiskIsWrittenLater) {
  WriterHarness hub;
  hub.Register("a", "uid-a", absl::Seconds(5));
  bool full = true;
  hub.journal_->on_append = [&](absl::Span<const journal::Entry>) {
    return full ? base::MakeError(v1::ERROR_REASON_DISK_FULL, "no space") : absl::OkStatus();
  };
  hub.Advance(absl::Seconds(7));
  EXPECT_EQ(hub.state_->FindAgent("a")->state(), v1::Agent::STATE_ACTIVE);
  EXPECT_FALSE(hub.sessions_->Touch(SessionLease("uid-a"), hub.lease_clock_->Now()))
      << "time that ran out came back";
  full = false;
  hub.Advance(absl::Seconds(1));
  EXPECT_EQ(hub.state_->FindAgent("a")->state(), v1::Agent::STATE_EXPIRED);
}

TEST(WriterTest, AnExpiryThatMetAFullDiskIsDueAgainInAHubThatIsIdle) {
  WriterHarness hub;
  hub.Register("a", "uid-a", absl::Seconds(5));
  bool full = true;
  hub.journal_->on_append = [&](absl::Span<const journal::Entry>) {
    return full ? base::MakeError(v1::ERROR_REASON_DISK_FULL, "no space") : absl::OkStatus();
  };
  hub.Advance(absl::Seconds(6));
  full = false;
  const auto due = hub.writer_->NextDue();
  ASSERT_TRUE(due.has_value()) << "the sequencer would sleep until somebody calls";
  EXPECT_LE(*due - hub.lease_clock_->Now(), absl::Milliseconds(250));
  hub.Advance(absl::Milliseconds(250));
  EXPECT_EQ(hub.state_->FindAgent("a")->state(), v1::Agent::STATE_EXPIRED);
}

TEST(WriterTest, ARepeatedRequestIsAnsweredWhileTheDiskIsFull) {
  WriterHarness hub;
  v1::CreateTicketRequest request = Create("one");
  request.set_request_id("r-1");
  const ReplyPtr first = hub.RunOne(CommandOf(Operator(), request));
  ASSERT_TRUE(first->outcome.ok());
  hub.journal_->on_append = [](absl::Span<const journal::Entry>) {
    return base::MakeError(v1::ERROR_REASON_DISK_FULL, "no space");
  };
  EXPECT_EQ(hub.RunOne(CommandOf(Operator(), Create("two")))->reason(), v1::ERROR_REASON_DISK_FULL);
  const ReplyPtr again = hub.RunOne(CommandOf(Operator(), request));
  ASSERT_TRUE(again->outcome.ok()) << again->outcome.status();
  EXPECT_EQ(again->ticket().ticket_id(), first->ticket().ticket_id());
  EXPECT_EQ(hub.RunOne(CommandOf(Operator(), Create("three")))->reason(),
            v1::ERROR_REASON_DISK_FULL);
}

TEST(WriterTest, AnIoErrorEndsEverythingAndNothingIsAcknowledgedAfterIt) {
  WriterHarness hub;
  hub.journal_->on_append = [&](absl::Span<const journal::Entry>) {
    return base::MakeError(v1::ERROR_REASON_IO_FAILED, "fsync failed");
  };
  const ReplyPtr first = hub.RunOne(CommandOf(Operator(), Create("one")));
  EXPECT_FALSE(hub.fatal_.ok());
  EXPECT_EQ(first->reason(), v1::ERROR_REASON_IO_FAILED);
  hub.journal_->on_append = nullptr;
  const ReplyPtr second = hub.RunOne(CommandOf(Operator(), Create("two")));
  EXPECT_EQ(second->reason(), v1::ERROR_REASON_IO_FAILED);
  EXPECT_EQ(hub.journal_->head_revision(), 0);
  EXPECT_TRUE(hub.published_.empty());
}

v1::CreateTicketRequest Repeatable(const std::string& title, const std::string& request_id) {
  v1::CreateTicketRequest request = Create(title);
  request.set_request_id(request_id);
  return request;
}

TEST(WriterTest, RepeatingARequestHasTheEffectAndTheAnswerOfOne) {
  WriterHarness hub;
  std::vector<ReplyPtr> replies;
  for (int i = 0; i < 3; ++i)
    replies.push_back(hub.Add(CommandOf(Operator(), Repeatable("one", "r1"))));
  hub.Run();
  replies.push_back(hub.RunOne(CommandOf(Operator(), Repeatable("one", "r1"))));
  hub.CreateTicket("another");
  hub.Restart();
  replies.push_back(hub.RunOne(CommandOf(Operator(), Repeatable("one", "r1"))));
  for (const ReplyPtr& reply : replies) {
    ASSERT_TRUE(reply->outcome.ok()) << reply->outcome.status();
    EXPECT_EQ(reply->ticket().ticket_id(), "T-1");
    EXPECT_EQ(reply->outcome->revision, 1);
  }
  EXPECT_EQ(hub.state_->last_ticket_number(), 2);
}

TEST(WriterTest, ARequestIdWithOtherContentIsRefused) {
  WriterHarness hub;
  hub.RunOne(CommandOf(Operator(), Repeatable("one", "r1")));
  const ReplyPtr other = hub.RunOne(CommandOf(Operator(), Repeatable("two", "r1")));
  EXPECT_EQ(other->reason(), v1::ERROR_REASON_REQUEST_ID_REUSED);
  EXPECT_EQ(hub.state_->last_ticket_number(), 1);
}

TEST(WriterTest, ARequestThatWaitsIsJoinedByItsRepetition) {
  WriterHarness hub;
  hub.Register("a", "uid-a");
  v1::ClaimNextTicketRequest next = ClaimNext(absl::Minutes(1));
  next.set_request_id("n1");
  const ReplyPtr first = hub.RunOne(CommandOf(Session("uid-a"), next));
  const ReplyPtr second = hub.RunOne(CommandOf(Session("uid-a"), next));
  next.add_labels("other");
  const ReplyPtr reused = hub.RunOne(CommandOf(Session("uid-a"), next));
  EXPECT_EQ(reused->reason(), v1::ERROR_REASON_REQUEST_ID_REUSED);
  hub.CreateTicket("one");
  hub.CreateTicket("two");
  ASSERT_TRUE(first->outcome.ok() && second->outcome.ok());
  EXPECT_EQ(first->ticket().ticket_id(), "T-1");
  EXPECT_EQ(second->ticket().ticket_id(), "T-1");
  EXPECT_FALSE(hub.Ticket("T-2").has_claim());
}

TEST(WriterTest, ACallerWhoGoesDoesNotTakeAlongThoseWhoJoinedIt) {
  WriterHarness hub;
  hub.Register("a", "uid-a");
  v1::ClaimNextTicketRequest next = ClaimNext(absl::Minutes(1));
  next.set_request_id("n1");
  const ReplyPtr first = hub.RunOne(CommandOf(Session("uid-a"), next));
  const CallId first_id = hub.last_call_;
  const ReplyPtr second = hub.RunOne(CommandOf(Session("uid-a"), next));
  const ReplyPtr third = hub.RunOne(CommandOf(Session("uid-a"), next));
  const CallId third_id = hub.last_call_;
  EXPECT_TRUE(hub.writer_->CancelWaiter(first_id));
  EXPECT_TRUE(hub.writer_->CancelWaiter(third_id));
  EXPECT_FALSE(hub.writer_->CancelWaiter(third_id));
  EXPECT_EQ(first->reason(), v1::ERROR_REASON_CALLER_GONE);
  EXPECT_EQ(third->reason(), v1::ERROR_REASON_CALLER_GONE);
  EXPECT_FALSE(second->answered);
  hub.CreateTicket("one");
  ASSERT_TRUE(second->outcome.ok()) << second->outcome.status();
  EXPECT_EQ(hub.writer_->waiting(), 0u);
}

TEST(WriterTest, CallersWhoJoinCountAgainstTheBoundOfWaiters) {
  WriterHarness hub(/*waiters_capacity=*/2);
  hub.Register("a", "uid-a");
  v1::ClaimNextTicketRequest next = ClaimNext(absl::Minutes(1));
  next.set_request_id("n1");
  hub.RunOne(CommandOf(Session("uid-a"), next));
  hub.RunOne(CommandOf(Session("uid-a"), next));
  EXPECT_EQ(hub.RunOne(CommandOf(Session("uid-a"), next))->reason(), v1::ERROR_REASON_OVERLOADED);
}

TEST(WriterTest, WhileTheDiskIsFullNothingIsDueBeforeTheNextTry) {
  WriterHarness hub;
  hub.Register("a", "uid-a", absl::Seconds(5));
  hub.journal_->on_append = [&](absl::Span<const journal::Entry>) {
    return base::MakeError(v1::ERROR_REASON_DISK_FULL, "no space");
  };
  hub.Advance(absl::Seconds(5));
  const auto due = hub.writer_->NextDue();
  EXPECT_TRUE(!due || *due > hub.lease_clock_->Now()) << "the sequencer would spin";
}

TEST(WriterTest, TheDeadlineOfAQueuedCallIsKept) {
  WriterHarness hub;
  const ReplyPtr late = hub.Add(CommandOf(Operator(), Create("late")));
  std::vector<Call> calls;
  Call call;
  call.command = CommandOf(Operator(), Create("late"));
  call.deadline = hub.clock_.Mono() + (-absl::Milliseconds(1));
  absl::Status status;
  call.done = [&status](const absl::StatusOr<Outcome>& outcome) { status = outcome.status(); };
  calls.push_back(std::move(call));
  hub.writer_->Run(std::move(calls));
  EXPECT_EQ(base::ReasonOf(status), v1::ERROR_REASON_DEADLINE_PASSED);
  EXPECT_EQ(hub.journal_->head_revision(), 0);
}

TEST(WriterTest, ReplayGivesTheSameDigest) {
  WriterHarness hub;
  hub.Register("a", "uid-a");
  for (int i = 0; i < 20; ++i) hub.CreateTicket("t");
  const ReplyPtr claim = hub.RunOne(CommandOf(Session("uid-a"), ClaimNext()));
  hub.RunOne(CommandOf(Session("uid-a"), Complete("T-1", claim->ticket().claim().fence())));
  const std::string digest = hub.DurableDigest();
  hub.Restart();
  EXPECT_EQ(hub.DurableDigest(), digest);
}

}  // namespace
}  // namespace coordhub::engine
