// MutateTickets: many mutations on their way at once.
#include "hub/rpc/mutation_stream.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/base/error.h"
#include "gtest/gtest.h"
#include "tests/rpc/hub_fixture.h"
#include "tests/rpc/streams.h"

namespace coordhub::rpc {
namespace {

using Tickets = pb::TicketService::Stub;
using Result = pb::TicketMutationResult;

// One MutateTickets call; results are kept in the order in which they came.
class Mutations {
 public:
  explicit Mutations(const Client& client)
      : context_(client.Context()),
        stub_(client.channel()),
        stream_(stub_.MutateTickets(context_.get())) {}
  ~Mutations() {
    if (finished_) return;
    context_->TryCancel();
    (void)Finish();
  }
  Mutations(const Mutations&) = delete;
  Mutations& operator=(const Mutations&) = delete;

  bool Send(const pb::MutateTicketsRequest& request) { return stream_->Write(request); }
  bool Send(const pb::TicketMutation& mutation) {
    pb::MutateTicketsRequest request;
    *request.add_mutations() = mutation;
    return Send(request);
  }
  // The result after those given before; an empty one: the stream has ended.
  Result Next() {
    while (given_ == results_.size()) {
      pb::MutateTicketsResponse response;
      if (!stream_->Read(&response)) return Result();
      for (const Result& result : response.results()) results_.push_back(result);
    }
    return results_[given_++];
  }
  void Close() { stream_->WritesDone(); }
  grpc::Status Finish() {
    pb::MutateTicketsResponse response;
    while (stream_->Read(&response)) {
      for (const Result& result : response.results()) results_.push_back(result);
    }
    finished_ = true;
    return stream_->Finish();
  }
  const std::vector<Result>& results() const { return results_; }
  void Cancel() { context_->TryCancel(); }

 private:
  const std::unique_ptr<grpc::ClientContext> context_;
  pb::TicketService::Stub stub_;
  const std::unique_ptr<
      grpc::ClientReaderWriter<pb::MutateTicketsRequest, pb::MutateTicketsResponse>>
      stream_;
  std::vector<Result> results_;
  size_t given_ = 0;
  bool finished_ = false;
};

pb::TicketMutation Create(const std::string& title, const std::string& request_id = "") {
  pb::TicketMutation mutation;
  mutation.mutable_create_ticket()->mutable_spec()->set_title(title);
  mutation.mutable_create_ticket()->set_request_id(request_id);
  return mutation;
}

pb::TicketMutation Comment(const std::string& ticket_id, const std::string& text) {
  pb::TicketMutation mutation;
  mutation.mutable_add_comment()->set_ticket_id(ticket_id);
  mutation.mutable_add_comment()->set_text(text);
  return mutation;
}

pb::ErrorReason RefusalOf(const Result& result) {
  return ReasonOf(grpc::Status(static_cast<grpc::StatusCode>(result.error().code()),
                               result.error().message(), result.error().SerializeAsString()));
}

class MutationStreamTest : public ::testing::Test {
 protected:
  MutationStreamTest() {
    agent_.Register("conversation-1");
    stream_.emplace(agent_);
  }

  TestHub hub_;
  const Client operator_ = hub_.OnSocket();
  Client agent_ = hub_.OnSocket();
  std::optional<Mutations> stream_;
};

TEST_F(MutationStreamTest, ResultsComeInTheOrderOfTheMutations) {
  pb::MutateTicketsRequest request;
  for (int i = 0; i < 200; ++i) {
    *request.add_mutations() =
        i % 3 == 2 ? Comment("T-9999", "to nobody") : Create("work " + std::to_string(i));
  }
  ASSERT_TRUE(stream_->Send(request));
  ASSERT_TRUE(stream_->Send(request));
  int64_t revision = 0;
  for (int i = 0; i < 400; ++i) {
    const Result result = stream_->Next();
    if (i % 200 % 3 == 2) {
      ASSERT_EQ(RefusalOf(result), pb::ERROR_REASON_TICKET_NOT_FOUND) << i;
      continue;
    }
    ASSERT_EQ(result.create_ticket().ticket().title(), "work " + std::to_string(i % 200));
    ASSERT_GT(result.create_ticket().revision(), revision);
    revision = result.create_ticket().revision();
  }
  stream_->Close();
  EXPECT_TRUE(stream_->Finish().ok());
}

// Each kind, through the life of a ticket and what may follow.
TEST_F(MutationStreamTest, CarriesEveryKindOfMutation) {
  pb::TicketMutation batch;
  batch.mutable_batch_create_tickets()->add_tickets()->mutable_spec()->set_title("a");
  batch.mutable_batch_create_tickets()->add_tickets()->mutable_spec()->set_title("b");
  stream_->Send(batch);
  EXPECT_EQ(stream_->Next().batch_create_tickets().tickets_size(), 2);

  pb::TicketMutation claim;
  claim.mutable_claim_ticket()->set_ticket_id("T-2");
  stream_->Send(claim);
  const pb::Ticket claimed = stream_->Next().claim_ticket().ticket();
  EXPECT_EQ(claimed.claim().agent_id(), "conversation-1");
  pb::TicketMutation release;
  release.mutable_release_ticket()->set_ticket_id("T-2");
  release.mutable_release_ticket()->set_fence(claimed.claim().fence());
  stream_->Send(release);
  EXPECT_EQ(stream_->Next().release_ticket().ticket().state(), pb::Ticket::STATE_OPEN);

  pb::TicketMutation next;
  next.mutable_claim_next_ticket();
  stream_->Send(next);
  const pb::Ticket first = stream_->Next().claim_next_ticket().ticket();
  EXPECT_EQ(first.ticket_id(), "T-1");
  pb::TicketMutation complete;
  complete.mutable_complete_ticket()->set_ticket_id("T-1");
  complete.mutable_complete_ticket()->set_fence(first.claim().fence());
  stream_->Send(complete);
  EXPECT_EQ(stream_->Next().complete_ticket().ticket().state(), pb::Ticket::STATE_DONE);

  stream_->Send(next);
  const pb::Ticket second = stream_->Next().claim_next_ticket().ticket();
  pb::TicketMutation fail;
  fail.mutable_fail_ticket()->set_ticket_id("T-2");
  fail.mutable_fail_ticket()->set_fence(second.claim().fence());
  fail.mutable_fail_ticket()->set_reason("no");
  fail.mutable_fail_ticket()->set_final(true);
  stream_->Send(fail);
  EXPECT_EQ(stream_->Next().fail_ticket().ticket().state(), pb::Ticket::STATE_FAILED);

  // Nothing is left to do: no error, and no commit.
  stream_->Send(next);
  EXPECT_TRUE(stream_->Next().claim_next_ticket().has_no_work());

  Mutations own(operator_);
  pb::TicketMutation reopen;
  reopen.mutable_reopen_ticket()->set_ticket_id("T-2");
  own.Send(reopen);
  EXPECT_EQ(own.Next().reopen_ticket().ticket().state(), pb::Ticket::STATE_OPEN);
  pb::TicketMutation update;
  update.mutable_update_ticket()->set_ticket_id("T-2");
  update.mutable_update_ticket()->mutable_spec()->set_title("better");
  update.mutable_update_ticket()->mutable_update_mask()->add_paths("title");
  own.Send(update);
  EXPECT_EQ(own.Next().update_ticket().ticket().title(), "better");
  own.Send(Comment("T-2", "a word"));
  EXPECT_EQ(own.Next().add_comment().comment().text(), "a word");
  pb::TicketMutation cancel;
  cancel.mutable_cancel_ticket()->set_ticket_id("T-2");
  own.Send(cancel);
  EXPECT_EQ(own.Next().cancel_ticket().ticket().state(), pb::Ticket::STATE_CANCELLED);
  // Those above are all there are.
  EXPECT_EQ(pb::TicketMutation::descriptor()->field_count(), 11);
}

TEST_F(MutationStreamTest, ARepeatedRequestHasOneEffectAndTheSameAnswerInItsPlace) {
  stream_->Send(Create("once", "r-1"));
  const Result first = stream_->Next();
  pb::MutateTicketsRequest request;
  *request.add_mutations() = Create("before");
  *request.add_mutations() = Create("once", "r-1");
  *request.add_mutations() = Create("other", "r-1");
  *request.add_mutations() = Create("after");
  stream_->Send(request);
  EXPECT_EQ(stream_->Next().create_ticket().ticket().title(), "before");
  EXPECT_EQ(stream_->Next().SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(RefusalOf(stream_->Next()), pb::ERROR_REASON_REQUEST_ID_REUSED);
  EXPECT_EQ(stream_->Next().create_ticket().ticket().title(), "after");
  // Also as a call of its own: the stream and the call are one to request ids.
  pb::CreateTicketResponse again;
  ASSERT_TRUE(
      agent_.Call(&Tickets::CreateTicket, Create("once", "r-1").create_ticket(), &again).ok());
  EXPECT_EQ(again.SerializeAsString(), first.create_ticket().SerializeAsString());
}

TEST_F(MutationStreamTest, ARefusalSaysWhatTheCallWouldSay) {
  pb::TicketMutation bad = Create(std::string(10'000, 'x'));
  stream_->Send(bad);
  const Result refused = stream_->Next();
  pb::CreateTicketResponse response;
  const grpc::Status status = agent_.Call(&Tickets::CreateTicket, bad.create_ticket(), &response);
  EXPECT_EQ(refused.error().SerializeAsString(), status.error_details());
  EXPECT_EQ(MetadataOf(status, "field"), "spec.title");

  stream_->Send(pb::TicketMutation());
  EXPECT_EQ(RefusalOf(stream_->Next()), pb::ERROR_REASON_INVALID_FIELD);
  pb::TicketMutation waits;
  waits.mutable_claim_next_ticket()->mutable_wait()->set_seconds(1);
  stream_->Send(waits);
  EXPECT_EQ(RefusalOf(stream_->Next()), pb::ERROR_REASON_INVALID_FIELD);
  stream_->Send(Create("and on"));
  EXPECT_EQ(stream_->Next().create_ticket().ticket().title(), "and on");
}

TEST_F(MutationStreamTest, AMessageThatIsNotOneEndsTheStreamAndChangesNothing) {
  const std::string digest = operator_.GetHub(true).workspace().digest();
  pb::MutateTicketsRequest many;
  for (int i = 0; i <= MutationStream::kMaxMutations; ++i) *many.add_mutations() = Create("x");
  for (const pb::MutateTicketsRequest& request : {pb::MutateTicketsRequest(), many}) {
    Mutations stream(agent_);
    stream.Send(request);
    const grpc::Status status = stream.Finish();
    EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_INVALID_FIELD);
    EXPECT_EQ(MetadataOf(status, "field"), "mutations");
    EXPECT_TRUE(stream.results().empty());
  }
  EXPECT_EQ(operator_.GetHub(true).workspace().digest(), digest);
  many.mutable_mutations()->RemoveLast();
  stream_->Send(many);
  for (int i = 0; i < MutationStream::kMaxMutations; ++i) {
    ASSERT_TRUE(stream_->Next().has_create_ticket());
  }
}

TEST_F(MutationStreamTest, ASessionThatHasEndedIsToldSoForEachMutation) {
  stream_->Send(Create("mine"));
  EXPECT_EQ(stream_->Next().create_ticket().ticket().creator(), "conversation-1");
  pb::DeregisterAgentRequest end;
  end.set_agent_id("conversation-1");
  pb::DeregisterAgentResponse ended;
  ASSERT_TRUE(operator_.Call(&pb::AgentService::Stub::DeregisterAgent, end, &ended).ok());
  for (int i = 0; i < 2; ++i) {
    stream_->Send(Create("too late"));
    EXPECT_EQ(RefusalOf(stream_->Next()), pb::ERROR_REASON_SESSION_ENDED);
  }
}

TEST_F(MutationStreamTest, WhatWasReadHasItsResultsBeforeTheHubStops) {
  pb::MutateTicketsRequest request;
  for (int i = 0; i < 400; ++i) *request.add_mutations() = Create("work");
  stream_->Send(request);
  ASSERT_TRUE(stream_->Next().has_create_ticket());
  hub_.server().Shutdown(absl::Hours(1));
  EXPECT_EQ(ReasonOf(stream_->Finish()), pb::ERROR_REASON_HUB_DRAINING);
  EXPECT_EQ(stream_->results().size(), 400u);
  for (const Result& result : stream_->results()) {
    EXPECT_TRUE(result.has_create_ticket() || RefusalOf(result) == pb::ERROR_REASON_HUB_DRAINING);
  }
}

TEST_F(MutationStreamTest, OneThatIsCutLeavesOthersAlone) {
  pb::MutateTicketsRequest request;
  for (int i = 0; i < 500; ++i) *request.add_mutations() = Create("work");
  for (int i = 0; i < 20; ++i) {
    Mutations cut(agent_);
    cut.Send(request);
    cut.Send(request);
    cut.Cancel();
  }
  stream_->Send(Create("on"));
  EXPECT_TRUE(stream_->Next().has_create_ticket());
  hub_.server().Shutdown(absl::Hours(1));  // returns: none of them is left
}

TEST_F(MutationStreamTest, AClientThatDoesNotReadIsNotReadFrom) {
  const std::string ticket_id = operator_.Create("talk").ticket_id();
  constexpr int kComments = 400;
  const std::string text(60'000, 'x');
  std::thread sender([&] {
    for (int i = 0; i < kComments; ++i) ASSERT_TRUE(stream_->Send(Comment(ticket_id, text)));
    stream_->Close();
  });
  // What the hub keeps for it, and what gRPC and the kernel buffer on both sides: of 24 MB sent, it
  // takes in no more until somebody reads.
  constexpr int kBound = 120;
  pb::GetTicketRequest get;
  get.set_ticket_id(ticket_id);
  get.set_comment_page_size(1);
  int stalled = 0;
  for (int64_t before = 0; stalled < 200;) {
    pb::GetTicketResponse response;
    ASSERT_TRUE(operator_.Call(&Tickets::GetTicket, get, &response).ok());
    const int64_t taken = response.comments().empty() ? 0 : response.comments(0).number();
    ASSERT_LE(taken, kBound);
    stalled = taken > 0 && taken == before ? stalled + 1 : 0;
    before = taken;
  }
  for (int i = 0; i < kComments; ++i) ASSERT_TRUE(stream_->Next().has_add_comment()) << i;
  sender.join();
  EXPECT_TRUE(stream_->Finish().ok());
}

}  // namespace
}  // namespace coordhub::rpc
