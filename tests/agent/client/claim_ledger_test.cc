#include "agent/client/claim_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <utility>

namespace coordhub::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Claims = std::initializer_list<std::pair<const char*, int64_t>>;

// Places of an answer on its stream.
constexpr bool kFirst = true;
constexpr bool kLater = false;

pb::KeepAliveResponse Answer(int64_t revision, Claims held) {
  pb::KeepAliveResponse answer;
  answer.set_revision(revision);
  for (const auto& [ticket_id, fence] : held) {
    pb::HeldClaim& claim = *answer.add_claims();
    claim.set_ticket_id(ticket_id);
    claim.set_fence(fence);
  }
  return answer;
}

template <class ClaimList>
std::vector<std::string> Tickets(const ClaimList& claims) {
  std::vector<std::string> tickets;
  for (const auto& claim : claims) tickets.push_back(claim.ticket_id());
  return tickets;
}

TEST(ClaimLedger, SaysNothingWhileBothSidesAgree) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  const auto difference = ledger.Reconcile(Answer(20, {{"T-1", 10}}), kFirst);
  EXPECT_THAT(difference.lost, IsEmpty());
  EXPECT_THAT(difference.found, IsEmpty());
}

TEST(ClaimLedger, TellsALossOnceWithWhatTheHubSaysOfIt) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  pb::KeepAliveResponse answer = Answer(20, {});
  pb::LostClaim& lost = *answer.add_lost_claims();
  lost.set_ticket_id("T-1");
  lost.set_fence(10);
  lost.set_holder_agent_id("b");
  lost.set_current_fence(19);
  const auto difference = ledger.Reconcile(answer, kFirst);
  ASSERT_EQ(difference.lost.size(), 1u);
  EXPECT_EQ(difference.lost[0].holder_agent_id(), "b");
  EXPECT_EQ(difference.lost[0].current_fence(), 19);
  EXPECT_THAT(ledger.Reconcile(answer, kFirst).lost, IsEmpty());
}

TEST(ClaimLedger, FindsALossThatHappenedWhileNobodyListened) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  ledger.Granted("T-2", 11);
  EXPECT_THAT(Tickets(ledger.Reconcile(Answer(20, {{"T-2", 11}}), kFirst).lost),
              ElementsAre("T-1"));
  EXPECT_THAT(Tickets(ledger.Held()), ElementsAre("T-2"));
}

TEST(ClaimLedger, AnotherFenceForTheSameTicketIsALossAndAFind) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  const auto difference = ledger.Reconcile(Answer(20, {{"T-1", 15}}), kFirst);
  ASSERT_EQ(difference.lost.size(), 1u);
  EXPECT_EQ(difference.lost[0].fence(), 10);
  ASSERT_EQ(difference.found.size(), 1u);
  EXPECT_EQ(difference.found[0].fence(), 15);
}

TEST(ClaimLedger, AnAnswerOlderThanTheGrantProvesNothing) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  EXPECT_THAT(ledger.Reconcile(Answer(9, {}), kFirst).lost, IsEmpty());
  EXPECT_THAT(Tickets(ledger.Reconcile(Answer(10, {}), kFirst).lost), ElementsAre("T-1"));
}

TEST(ClaimLedger, AnAnswerOlderThanTheEndOfAClaimFindsNothing) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  ledger.Ended("T-1", 12);
  EXPECT_THAT(ledger.Reconcile(Answer(11, {{"T-1", 10}}), kFirst).found, IsEmpty());
  EXPECT_THAT(ledger.Reconcile(Answer(12, {}), kFirst).lost, IsEmpty());
  // A new claim on the same ticket is news again.
  EXPECT_THAT(Tickets(ledger.Reconcile(Answer(15, {{"T-1", 14}}), kFirst).found),
              ElementsAre("T-1"));
}

TEST(ClaimLedger, AClaimThatACallMayBeEndingIsNotJudged) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  ledger.Granted("T-2", 11);
  auto ending = std::make_unique<ClaimLedger::CallInFlight>(&ledger, "T-1");
  EXPECT_THAT(Tickets(ledger.Reconcile(Answer(20, {}), kFirst).lost), ElementsAre("T-2"));
  ending.reset();  // it failed: now the absence counts
  EXPECT_THAT(Tickets(ledger.Reconcile(Answer(20, {}), kFirst).lost), ElementsAre("T-1"));
}

TEST(ClaimLedger, AGrantOnItsWayIsNotAFind) {
  ClaimLedger ledger;
  {
    const ClaimLedger::CallInFlight claiming(&ledger, "");
    EXPECT_THAT(ledger.Reconcile(Answer(20, {{"T-1", 10}}), kFirst).found, IsEmpty());
    ledger.Granted("T-1", 10);
  }
  EXPECT_THAT(ledger.Reconcile(Answer(21, {{"T-1", 10}}), kFirst).found, IsEmpty());
}

TEST(ClaimLedger, AGrantWhoseAnswerNeverCameIsFoundOnce) {
  ClaimLedger ledger;
  EXPECT_THAT(Tickets(ledger.Reconcile(Answer(20, {{"T-1", 10}}), kFirst).found),
              ElementsAre("T-1"));
  EXPECT_THAT(ledger.Reconcile(Answer(21, {{"T-1", 10}}), kFirst).found, IsEmpty());
  EXPECT_THAT(Tickets(ledger.Held()), ElementsAre("T-1"));
}

// Another process of the session completed the ticket: the hub names no loss.
TEST(ClaimLedger, WhatVanishesWhileTheStreamListensAndIsNotNamedWasGivenUp) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  ledger.Granted("T-2", 11);
  EXPECT_THAT(ledger.Reconcile(Answer(20, {{"T-1", 10}, {"T-2", 11}}), kFirst).lost, IsEmpty());
  EXPECT_THAT(ledger.Reconcile(Answer(21, {{"T-2", 11}}), kLater).lost, IsEmpty());
  EXPECT_THAT(Tickets(ledger.Held()), ElementsAre("T-2"));
  EXPECT_THAT(ledger.Reconcile(Answer(22, {{"T-2", 11}}), kLater).lost, IsEmpty());
  EXPECT_THAT(ledger.Reconcile(Answer(23, {{"T-2", 11}}), kFirst).lost, IsEmpty());
}

TEST(ClaimLedger, ALossMayBeNamedOneAnswerAfterTheClaimVanished) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  EXPECT_THAT(ledger.Reconcile(Answer(20, {}), kLater).lost, IsEmpty());
  pb::KeepAliveResponse answer = Answer(21, {});
  answer.add_lost_claims()->set_ticket_id("T-1");
  answer.mutable_lost_claims(0)->set_fence(10);
  EXPECT_THAT(Tickets(ledger.Reconcile(answer, kLater).lost), ElementsAre("T-1"));
  EXPECT_THAT(ledger.Reconcile(answer, kLater).lost, IsEmpty());
}

TEST(ClaimLedger, AStreamThatBreaksBeforeItCouldNameALossLeavesItALoss) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  EXPECT_THAT(ledger.Reconcile(Answer(20, {}), kLater).lost, IsEmpty());
  EXPECT_THAT(Tickets(ledger.Reconcile(Answer(21, {}), kFirst).lost), ElementsAre("T-1"));
}

TEST(ClaimLedger, WhatVanishedLastIsLostWithTheSession) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  EXPECT_THAT(ledger.Reconcile(Answer(20, {}), kLater).lost, IsEmpty());
  EXPECT_THAT(Tickets(ledger.TakeAll()), ElementsAre("T-1"));
}

TEST(ClaimLedger, TakeAllEmptiesIt) {
  ClaimLedger ledger;
  ledger.Granted("T-1", 10);
  ledger.Granted("T-2", 11);
  const std::vector<pb::LostClaim> lost = ledger.TakeAll();
  EXPECT_THAT(Tickets(lost), ElementsAre("T-1", "T-2"));
  EXPECT_EQ(lost[0].reason(), pb::LostClaim::REASON_SESSION_ENDED);
  EXPECT_THAT(ledger.TakeAll(), IsEmpty());
}

}  // namespace
}  // namespace coordhub::agent
