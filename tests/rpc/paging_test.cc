// Page tokens, pinned views, and listings that hold still while the hub does not.
#include "hub/rpc/paging.h"

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/manual_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hub/rpc/page_token.h"
#include "hub/rpc/view_cache.h"
#include "tests/rpc/hub_fixture.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

engine::ViewPtr ViewAt(int64_t revision) {
  auto view = std::make_shared<core::View>();
  view->revision = revision;
  return view;
}

TEST(PageTokenTest, RoundTrips) {
  const std::string encoded = EncodePageToken({"log", 42, "conversation-1/reviewer"}, "query");
  const auto decoded = DecodePageToken(encoded, "query");
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->log_id, "log");
  EXPECT_EQ(decoded->revision, 42);
  EXPECT_EQ(decoded->last_key, "conversation-1/reviewer");
}

TEST(PageTokenTest, RefusesWhatItDidNotMake) {
  const std::string encoded = EncodePageToken({"log", 42, "key"}, "query");
  for (const std::string& token : {std::string("!"), std::string("AAAA"), encoded.substr(0, 8),
                                   encoded + "AAAA", std::string(500, 'A')}) {
    const auto decoded = DecodePageToken(token, "query");
    if (decoded.ok()) {
      EXPECT_NE(decoded->last_key, "key");  // a longer token may hold a longer key, and no more
    } else {
      EXPECT_EQ(base::ReasonOf(decoded.status()), pb::ERROR_REASON_PAGE_TOKEN_INVALID);
    }
  }
  EXPECT_EQ(base::ReasonOf(DecodePageToken(encoded, "other").status()),
            pb::ERROR_REASON_PAGE_TOKEN_INVALID);
}

TEST(PageTokenTest, TheQueryIsAllButThePage) {
  pb::ListTicketsRequest request;
  request.add_labels("a");
  const std::string query = QueryOf(request);
  request.set_page_size(7);
  request.set_page_token("x");
  request.set_min_revision(9);
  EXPECT_EQ(QueryOf(request), query);
  request.add_labels("b");
  EXPECT_NE(QueryOf(request), query);
}

TEST(PageTokenTest, FitsItsLimit) {
  const std::string longest =
      EncodePageToken({std::string(64, 'f'), INT64_MAX, std::string(128, 'a')}, "123456789012");
  EXPECT_LE(longest.size(), 512u);
}

TEST(ViewCacheTest, KeepsWhatIsAskedFor) {
  base::ManualClock clock;
  ViewCache cache(&clock);
  cache.Pin(ViewAt(1));
  cache.Pin(ViewAt(2));
  clock.Advance(ViewCache::kIdle);
  EXPECT_NE(cache.Find(1), nullptr);
  clock.Advance(absl::Seconds(1));
  EXPECT_EQ(cache.Find(2), nullptr);
  EXPECT_NE(cache.Find(1), nullptr);
  EXPECT_EQ(cache.size(), 1u);
}

TEST(ViewCacheTest, DropsTheOneUsedLongestAgo) {
  base::ManualClock clock;
  ViewCache cache(&clock);
  for (int64_t revision = 1; revision <= 64; ++revision) cache.Pin(ViewAt(revision));
  cache.Pin(ViewAt(1));  // again: nothing new
  EXPECT_EQ(cache.size(), ViewCache::kMaxViews);
  cache.Pin(ViewAt(65));
  EXPECT_EQ(cache.size(), ViewCache::kMaxViews);
  EXPECT_NE(cache.Find(1), nullptr);
  EXPECT_EQ(cache.Find(2), nullptr);
}

TEST(PageBudgetTest, BoundsRecordsLookedAtAndBytes) {
  PageBudget looked(1'000);
  int64_t count = 0;
  while (looked.Look()) ++count;
  EXPECT_EQ(count, kMaxRecordsPerPage);

  PageBudget sized(0);
  pb::Ticket ticket;
  count = 0;
  for (; sized.Look(); ++count) sized.Take(ticket);
  EXPECT_EQ(count, 100);

  PageBudget heavy(1'000);
  ticket.set_title(std::string(1 << 20, 'x'));
  count = 0;
  for (; heavy.Look(); ++count) heavy.Take(ticket);
  EXPECT_EQ(count, 3);
}

class ListingTest : public ::testing::Test {
 protected:
  grpc::Status List(const pb::ListTicketsRequest& request, pb::ListTicketsResponse* response) {
    return client_.Call(&pb::TicketService::Stub::ListTickets, request, response);
  }
  // All pages, with their revision checked to be one.
  std::vector<std::string> ListAll(pb::ListTicketsRequest request) {
    std::vector<std::string> ids;
    int64_t revision = 0;
    do {
      pb::ListTicketsResponse response;
      const grpc::Status status = List(request, &response);
      EXPECT_TRUE(status.ok()) << FromGrpc(status);
      if (!status.ok()) break;
      EXPECT_TRUE(revision == 0 || response.revision() == revision);
      revision = response.revision();
      for (const pb::Ticket& ticket : response.tickets()) ids.push_back(ticket.ticket_id());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }

  TestHub hub_;
  Client client_ = hub_.OnSocket();
};

TEST_F(ListingTest, PagesOfOneListingShowOneRevisionWhileTicketsComeAndGo) {
  constexpr int kTickets = 60;
  std::vector<std::string> expected;
  for (int i = 0; i < kTickets; ++i) expected.push_back(client_.Create("before").ticket_id());

  std::atomic<bool> stop{false};
  std::thread writer([&] {
    Client agent = hub_.OnSocket();
    agent.Register("conversation-1");
    for (int i = 0; i < kTickets && !stop; ++i) {
      agent.Complete(agent.Claim(absl::StrCat("T-", kTickets - i)));
      agent.Create("during");
    }
  });
  pb::ListTicketsRequest request;
  request.set_page_size(3);
  request.add_states(pb::Ticket::STATE_OPEN);
  request.add_states(pb::Ticket::STATE_CLAIMED);
  request.add_states(pb::Ticket::STATE_DONE);
  std::vector<std::string> listed = ListAll(request);
  stop = true;
  writer.join();
  // What was there at the beginning, whatever its state, once and in order; then newer ones.
  ASSERT_GE(listed.size(), expected.size());
  listed.resize(expected.size());
  EXPECT_EQ(listed, expected);
}

TEST_F(ListingTest, APageIsGoneWhenNobodyAskedForIt) {
  for (int i = 0; i < 4; ++i) client_.Create("ticket");
  pb::ListTicketsRequest request;
  request.set_page_size(2);
  pb::ListTicketsResponse response;
  ASSERT_TRUE(List(request, &response).ok());
  request.set_page_token(response.next_page_token());
  client_.Create("so that its view is no longer the newest");
  hub_.clock().Advance(absl::Seconds(59));
  ASSERT_TRUE(List(request, &response).ok());
  hub_.clock().Advance(absl::Seconds(61));
  const grpc::Status status = List(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_PAGE_TOKEN_EXPIRED);
}

TEST_F(ListingTest, ATokenOfAnotherQueryIsRefused) {
  for (int i = 0; i < 4; ++i) client_.Create("ticket");
  pb::ListTicketsRequest request;
  request.set_page_size(2);
  pb::ListTicketsResponse response;
  ASSERT_TRUE(List(request, &response).ok());
  request.set_page_token(response.next_page_token());
  request.add_labels("x");
  EXPECT_EQ(ReasonOf(List(request, &response)), pb::ERROR_REASON_PAGE_TOKEN_INVALID);
  pb::ListAgentsRequest agents;
  agents.set_page_token(request.page_token());
  pb::ListAgentsResponse agents_response;
  EXPECT_EQ(ReasonOf(client_.Call(&pb::AgentService::Stub::ListAgents, agents, &agents_response)),
            pb::ERROR_REASON_PAGE_TOKEN_INVALID);
}

TEST_F(ListingTest, EachFilterNarrows) {
  Client agent = hub_.OnSocket();
  agent.Register("conversation-1");
  const auto create = [&](std::vector<std::string> labels, const std::string& parent,
                          const std::string& assignee) {
    pb::CreateTicketRequest request;
    request.mutable_spec()->set_title("t");
    *request.mutable_spec()->mutable_labels() = {labels.begin(), labels.end()};
    request.mutable_spec()->set_parent_ticket_id(parent);
    request.mutable_spec()->set_assignee_agent_id(assignee);
    pb::CreateTicketResponse response;
    EXPECT_TRUE(client_.Call(&pb::TicketService::Stub::CreateTicket, request, &response).ok());
  };
  create({"a", "b"}, "", "");       // T-1, a parent
  create({"a"}, "T-1", "");         // T-2
  create({"b"}, "T-1", "someone");  // T-3
  create({"a", "b", "c"}, "", "");  // T-4
  agent.Claim("T-4");

  pb::ListTicketsRequest request;
  EXPECT_THAT(ListAll(request), ElementsAre("T-1", "T-2", "T-3", "T-4"));
  request.add_labels("a");
  request.add_labels("b");
  EXPECT_THAT(ListAll(request), ElementsAre("T-1", "T-4"));
  request.add_states(pb::Ticket::STATE_CLAIMED);
  EXPECT_THAT(ListAll(request), ElementsAre("T-4"));
  request.Clear();
  request.set_parent_ticket_id("T-1");
  request.set_page_size(1);
  EXPECT_THAT(ListAll(request), ElementsAre("T-2", "T-3"));
  request.set_assignee_agent_id("someone");
  EXPECT_THAT(ListAll(request), ElementsAre("T-3"));
  request.Clear();
  request.set_holder_agent_id("conversation-1");
  EXPECT_THAT(ListAll(request), ElementsAre("T-4"));
  request.add_states(pb::Ticket::STATE_OPEN);
  EXPECT_THAT(ListAll(request), IsEmpty());
  request.Clear();
  request.add_states(pb::Ticket::STATE_CLAIMED);
  request.add_states(pb::Ticket::STATE_BLOCKED);
  request.set_page_size(1);
  EXPECT_THAT(ListAll(request), ElementsAre("T-1", "T-4"));
}

TEST_F(ListingTest, AgentsComeInOrderOfTheirIdsAndByState) {
  for (const char* id : {"c", "a", "b/x", "b"}) {
    Client agent = hub_.OnSocket();
    agent.Register(id, absl::Seconds(100));
  }
  hub_.Age(absl::Seconds(60));  // silent for more than half of the TTL
  Client late = hub_.OnSocket();
  late.Register("d");
  const auto list = [&](std::vector<pb::Agent::State> states) {
    std::vector<std::string> ids;
    pb::ListAgentsRequest request;
    request.set_page_size(2);
    for (const auto state : states) request.add_states(state);
    do {
      pb::ListAgentsResponse response;
      EXPECT_TRUE(client_.Call(&pb::AgentService::Stub::ListAgents, request, &response).ok());
      for (const pb::Agent& agent : response.agents()) ids.push_back(agent.agent_id());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return ids;
  };
  EXPECT_THAT(list({}), ElementsAre("a", "b", "b/x", "c", "d"));
  EXPECT_THAT(list({pb::Agent::STATE_SUSPECT}), ElementsAre("a", "b", "b/x", "c"));
  EXPECT_THAT(list({pb::Agent::STATE_ACTIVE}), ElementsAre("d"));
}

}  // namespace
}  // namespace coordhub::rpc
