// Requests that are repeated, and answers that are read from events.

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "hub/core/request.h"
#include "hub/core/response.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

Command Repeated(const Caller& caller, const std::string& request_id,
                 const std::string& fingerprint) {
  return {.caller = caller,
          .body = pb::CreateTicketRequest(),
          .request_id = request_id,
          .fingerprint = fingerprint};
}

TEST(Repeated, IsFoundUnderItsActorWithTheFirstCommit) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  ASSERT_TRUE(w.Do(ann, w.Creation(), "r1").ok());
  const int64_t revision = w.state.revision();
  w.Create();

  const auto found = FindRepeated(w.state, Repeated(ann, "r1", "of r1"));
  ASSERT_TRUE(found.ok());
  ASSERT_NE(*found, nullptr);
  EXPECT_EQ((*found)->first_revision(), revision);
  EXPECT_EQ((*found)->commit_revision(), revision);
  EXPECT_EQ((*found)->key().actor(), "ann");

  EXPECT_EQ(*FindRepeated(w.state, Repeated(Operator(), "r1", "of r1")), nullptr);
  EXPECT_EQ(*FindRepeated(w.state, Repeated(ann, "r2", "of r2")), nullptr);
  EXPECT_EQ(*FindRepeated(w.state, Repeated(ann, "", "")), nullptr);
}

TEST(Repeated, WithOtherContentIsRefused) {
  DecidingWorkspace w;
  ASSERT_TRUE(w.Do(Operator(), w.Creation(), "r1").ok());
  const absl::Status status =
      FindRepeated(w.state, Repeated(Operator(), "r1", "of something else")).status();
  EXPECT_EQ(ReasonNameOf(status), "REQUEST_ID_REUSED");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(base::MetadataOf(status, "request_id"), "r1");
}

TEST(Repeated, RefusalsAreNotRemembered) {
  DecidingWorkspace w;
  EXPECT_FALSE(w.Do(Operator(), w.Creation({"T-9"}), "r1").ok());
  EXPECT_EQ(*FindRepeated(w.state, Repeated(Operator(), "r1", "of r1")), nullptr);
}

TEST(Repeated, IsFoundForASessionThatItEnded) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  ASSERT_TRUE(w.Do(ann, pb::DeregisterAgentRequest(), "bye").ok());
  const auto found = FindRepeated(w.state, Repeated(ann, "bye", "of bye"));
  ASSERT_TRUE(found.ok());
  ASSERT_NE(*found, nullptr);
  EXPECT_EQ((*found)->key().actor(), "ann");
}

TEST(Repeated, WithoutRequestIdLeavesNoPrivateBytes) {
  DecidingWorkspace w;
  const Command command = {.caller = Operator(), .body = w.Creation()};
  EXPECT_FALSE(PrivateOf(w.state, command).has_request());
}

// ---- fingerprints ----

TEST(Fingerprint, LooksAtEverythingButTheRequestId) {
  pb::CreateTicketRequest request = DecidingWorkspace::Creation();
  const std::string first = RequestFingerprint("CreateTicket", request);
  EXPECT_EQ(first.size(), 32u);
  request.set_request_id("r1");
  EXPECT_EQ(RequestFingerprint("CreateTicket", request), first);
  request.mutable_spec()->set_title("other work");
  EXPECT_NE(RequestFingerprint("CreateTicket", request), first);
}

TEST(Fingerprint, TellsMethodsApart) {
  pb::CancelTicketRequest cancel;
  cancel.set_ticket_id("T-1");
  pb::ReopenTicketRequest reopen;
  reopen.set_ticket_id("T-1");
  ASSERT_EQ(cancel.SerializeAsString(), reopen.SerializeAsString());
  EXPECT_NE(RequestFingerprint("CancelTicket", cancel), RequestFingerprint("ReopenTicket", reopen));
  EXPECT_NE(Fingerprint("A", pb::GetAgentRequest()), Fingerprint("AB", pb::GetAgentRequest()));
}

// ---- answers ----

struct Responses : testing::Test {
  DecidingWorkspace w;
  Caller ann = w.Register("ann");
};

TEST_F(Responses, CreateAnswersWithTheTicketEvenWhenItBlocksItsParent) {
  w.Create();
  const auto response = CreateTicketResponseOf(w.Must(Operator(), w.Creation({}, "T-1")).events);
  EXPECT_EQ(response.ticket().SerializeAsString(), w.ticket("T-2").SerializeAsString());
  EXPECT_EQ(response.revision(), w.state.revision());
  EXPECT_EQ(response.revision(), response.ticket().mod_revision() + 1);
}

TEST_F(Responses, BatchAnswersWithAllTicketsInOrder) {
  w.Create();
  pb::BatchCreateTicketsRequest request;
  for (int i = 0; i < 3; ++i) {
    *request.add_tickets()->mutable_spec() = w.Creation({}, "T-1").spec();
  }
  const auto response = BatchCreateTicketsResponseOf(w.Must(Operator(), request).events);
  ASSERT_EQ(response.tickets_size(), 3);
  EXPECT_EQ(response.tickets(0).ticket_id(), "T-2");
  EXPECT_EQ(response.tickets(2).ticket_id(), "T-4");
  EXPECT_EQ(response.revision(), w.state.revision());
}

TEST_F(Responses, CompleteNamesWhatItUnblocked) {
  w.Create();
  w.Create({"T-1"});
  w.Create({"T-1"});
  const auto request = w.Fenced<pb::CompleteTicketRequest>("T-1", w.Claim("T-1", ann));
  const auto response = CompleteTicketResponseOf(w.Must(ann, request).events);
  EXPECT_EQ(response.ticket().state(), pb::Ticket::STATE_DONE);
  ASSERT_EQ(response.unblocked_ticket_ids_size(), 2);
  EXPECT_EQ(response.unblocked_ticket_ids(0), "T-2");
  EXPECT_EQ(response.unblocked_ticket_ids(1), "T-3");
  EXPECT_EQ(response.revision(), w.state.revision());
}

TEST_F(Responses, EveryVerbAnswersWithItsTicket) {
  w.Create();
  const auto expect_current = [&](const pb::Ticket& ticket, int64_t revision) {
    EXPECT_EQ(ticket.SerializeAsString(), w.ticket("T-1").SerializeAsString());
    EXPECT_EQ(revision, w.state.revision());
  };
  const auto claim = ClaimTicketResponseOf(w.Must(ann, w.Claiming("T-1")).events);
  expect_current(claim.ticket(), claim.revision());
  const int64_t fence = claim.ticket().claim().fence();
  const auto release =
      ReleaseTicketResponseOf(w.Must(ann, w.Fenced<pb::ReleaseTicketRequest>("T-1", fence)).events);
  expect_current(release.ticket(), release.revision());
  const auto next = ClaimNextTicketResponseOf(w.Must(ann, pb::ClaimNextTicketRequest()).events);
  expect_current(next.ticket(), next.revision());
  const auto fail = FailTicketResponseOf(
      w.Must(ann, w.Fenced<pb::FailTicketRequest>("T-1", next.ticket().claim().fence())).events);
  expect_current(fail.ticket(), fail.revision());
  pb::UpdateTicketRequest update;
  update.set_ticket_id("T-1");
  update.mutable_update_mask()->add_paths("priority");
  const auto updated = UpdateTicketResponseOf(w.Must(Operator(), update).events);
  expect_current(updated.ticket(), updated.revision());
  pb::CancelTicketRequest cancel;
  cancel.set_ticket_id("T-1");
  const auto cancelled = CancelTicketResponseOf(w.Must(Operator(), cancel).events);
  expect_current(cancelled.ticket(), cancelled.revision());
  pb::ReopenTicketRequest reopen;
  reopen.set_ticket_id("T-1");
  const auto reopened = ReopenTicketResponseOf(w.Must(Operator(), reopen).events);
  expect_current(reopened.ticket(), reopened.revision());
  pb::AddCommentRequest comment;
  comment.set_ticket_id("T-1");
  comment.set_text("well");
  const auto commented = AddCommentResponseOf(w.Must(ann, comment).events);
  EXPECT_EQ(commented.comment().text(), "well");
  EXPECT_EQ(commented.comment().number(), 1);
  EXPECT_EQ(commented.revision(), w.state.revision());
}

TEST_F(Responses, RegisterAnswersWithTheNewSessionAfterATakeover) {
  w.Register("ann/sub", ann);
  w.Create();
  w.Claim("T-1", ann);
  const auto response =
      RegisterAgentResponseOf(w.Must(Operator(), w.Registration("ann", /*takeover=*/true)).events);
  EXPECT_EQ(response.agent().SerializeAsString(), w.agent("ann").SerializeAsString());
  EXPECT_FALSE(response.resumed());
  EXPECT_EQ(response.revision(), w.state.revision());
}

TEST_F(Responses, RegisterTellsAResume) {
  RegisterAgent command = w.Registration("ann");
  command.request.set_program("agent 2.0");
  const auto response = RegisterAgentResponseOf(w.Must(ann, command).events);
  EXPECT_TRUE(response.resumed());
  EXPECT_EQ(response.agent().program(), "agent 2.0");
}

TEST_F(Responses, DeregisterNamesWhatWentBackWithSubAgents) {
  const Caller sub = w.Register("ann/sub", ann);
  w.Create();
  w.Create();
  w.Claim("T-1", ann);
  w.Claim("T-2", sub);
  const auto response = DeregisterAgentResponseOf(w.Must(ann, pb::DeregisterAgentRequest()).events);
  EXPECT_EQ(response.agent().agent_id(), "ann");
  EXPECT_EQ(response.agent().state(), pb::Agent::STATE_LEFT);
  ASSERT_EQ(response.released_ticket_ids_size(), 2);
  EXPECT_EQ(response.released_ticket_ids(0), "T-2");
  EXPECT_EQ(response.released_ticket_ids(1), "T-1");
  EXPECT_EQ(response.revision(), w.state.revision());
}

}  // namespace
}  // namespace coordhub::core
