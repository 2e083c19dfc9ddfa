#include "agent/coordctl/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/error.h"

namespace coordhub::coordctl {
namespace {

using ::testing::HasSubstr;

TEST(Names, AreShort) {
  EXPECT_EQ(StateName(pb::Ticket::STATE_CLAIMED), "CLAIMED");
  EXPECT_EQ(StateName(pb::Agent::STATE_SUSPECT), "SUSPECT");
  EXPECT_EQ(KindName(pb::EVENT_KIND_TICKET_CLAIM_LOST), "ticket_claim_lost");
}

TEST(Names, OfANewerHubAreNumbers) {
  EXPECT_EQ(StateName(static_cast<pb::Ticket::State>(99)), "99");
  EXPECT_EQ(KindName(static_cast<pb::EventKind>(9999)), "9999");
}

TEST(Names, EveryOneCanBeReadBackInAnyCase) {
  for (const std::string& name : TicketStateNames()) {
    EXPECT_TRUE(ParseTicketState(name, "--state").ok()) << name;
  }
  for (const std::string& name : AgentStateNames()) {
    EXPECT_TRUE(ParseAgentState(name, "--state").ok()) << name;
  }
  for (const std::string& name : KindNames()) EXPECT_TRUE(ParseKind(name, "--kind").ok()) << name;
  EXPECT_EQ(ParseTicketState("Open", "--state").value(), pb::Ticket::STATE_OPEN);
}

TEST(Names, AnUnknownOneIsToldTheKnownOnes) {
  const auto state = ParseTicketState("opne", "--state");
  EXPECT_EQ(base::MetadataOf(state.status(), "field"), "--state");
  EXPECT_THAT(std::string(state.status().message()), HasSubstr("open, claimed, blocked"));
  EXPECT_FALSE(ParseTicketState("unspecified", "--state").ok());
  EXPECT_FALSE(ParseKind("", "--kind").ok());
}

}  // namespace
}  // namespace coordhub::coordctl
