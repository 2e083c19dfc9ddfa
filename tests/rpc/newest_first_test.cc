// Listings with the newest first: the same as the other way round, reversed, however they are
// paged.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/rpc/hub_fixture.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;

// What all pages of a listing have, by `name_of(response)`.
template <class Service, class Request, class Response, class NamesOf>
std::vector<std::string> Pages(const Client& client,
                               grpc::Status (Service::*method)(grpc::ClientContext*, const Request&,
                                                               Response*),
                               Request request, int32_t page_size, const NamesOf& names_of) {
  std::vector<std::string> names;
  request.set_page_size(page_size);
  while (true) {
    Response response;
    const grpc::Status status = client.Call(method, request, &response);
    EXPECT_TRUE(status.ok()) << FromGrpc(status);
    const std::vector<std::string> page = names_of(response);
    EXPECT_LE(page.size(), static_cast<size_t>(page_size));
    names.insert(names.end(), page.begin(), page.end());
    if (response.next_page_token().empty()) return names;
    request.set_page_token(response.next_page_token());
  }
}

template <class Request, class List>
void ExpectReversed(Request request, const List& list) {
  SCOPED_TRACE(request.ShortDebugString());
  request.set_descending(false);
  std::vector<std::string> reversed = list(request, 1'000);
  ASSERT_FALSE(reversed.empty());
  std::reverse(reversed.begin(), reversed.end());
  request.set_descending(true);
  for (const int32_t page_size : {1, 3, 1'000}) {
    EXPECT_EQ(list(request, page_size), reversed) << "pages of " << page_size;
  }
}

TEST(NewestFirstTest, TicketsAlongEveryIndex) {
  TestHub hub;
  const Client client = hub.OnSocket();
  Client agent = hub.OnSocket();
  agent.Register("conversation-1");
  for (int i = 1; i <= 24; ++i) {
    pb::CreateTicketRequest create;
    create.mutable_spec()->set_title("t");
    if (i % 2 == 0) create.mutable_spec()->add_labels("even");
    if (i > 12) create.mutable_spec()->set_parent_ticket_id("T-1");
    if (i % 5 == 0) create.mutable_spec()->set_assignee_agent_id("conversation-1");
    pb::CreateTicketResponse created;
    ASSERT_TRUE(client.Call(&pb::TicketService::Stub::CreateTicket, create, &created).ok());
  }
  for (const char* id : {"T-2", "T-7", "T-15"}) agent.Claim(id);
  for (const char* id : {"T-3", "T-8", "T-16"}) agent.Complete(agent.Claim(id));
  const auto list = [&](const pb::ListTicketsRequest& request, int32_t page_size) {
    return Pages(client, &pb::TicketService::Stub::ListTickets, request, page_size,
                 [](const pb::ListTicketsResponse& page) {
                   std::vector<std::string> ids;
                   for (const auto& ticket : page.tickets()) ids.push_back(ticket.ticket_id());
                   return ids;
                 });
  };
  pb::ListTicketsRequest all;
  ExpectReversed(all, list);
  pb::ListTicketsRequest labels;
  labels.add_labels("even");
  ExpectReversed(labels, list);
  pb::ListTicketsRequest holder;
  holder.set_holder_agent_id("conversation-1");
  ExpectReversed(holder, list);
  pb::ListTicketsRequest parent;
  parent.set_parent_ticket_id("T-1");
  ExpectReversed(parent, list);
  pb::ListTicketsRequest assignee;
  assignee.set_assignee_agent_id("conversation-1");
  ExpectReversed(assignee, list);
  pb::ListTicketsRequest states;
  for (const auto state :
       {pb::Ticket::STATE_DONE, pb::Ticket::STATE_CLAIMED, pb::Ticket::STATE_BLOCKED}) {
    states.add_states(state);
    ExpectReversed(states, list);
  }
}

TEST(NewestFirstTest, AgentsByNameAndByRegistration) {
  TestHub hub;
  const Client client = hub.OnSocket();
  Client b = hub.OnSocket();
  for (const char* name : {"b", "a", "d", "c"}) {
    Client agent = hub.OnSocket();
    agent.Register(name);
    if (std::string(name) == "b") b = agent;
  }
  const auto list = [&](const pb::ListAgentsRequest& request, int32_t page_size) {
    return Pages(client, &pb::AgentService::Stub::ListAgents, request, page_size,
                 [](const pb::ListAgentsResponse& page) {
                   std::vector<std::string> ids;
                   for (const auto& agent : page.agents()) ids.push_back(agent.agent_id());
                   return ids;
                 });
  };
  pb::ListAgentsRequest by_name;
  EXPECT_THAT(list(by_name, 2), ElementsAre("a", "b", "c", "d"));
  ExpectReversed(by_name, list);
  pb::ListAgentsRequest by_registration;
  by_registration.set_order_by(pb::ListAgentsRequest::ORDER_REGISTRATION);
  EXPECT_THAT(list(by_registration, 2), ElementsAre("b", "a", "d", "c"));
  ExpectReversed(by_registration, list);

  pb::DeregisterAgentRequest leave;
  pb::DeregisterAgentResponse left;
  ASSERT_TRUE(b.Call(&pb::AgentService::Stub::DeregisterAgent, leave, &left).ok());
  EXPECT_THAT(list(by_registration, 2), ElementsAre("b", "a", "d", "c"));
  b = hub.OnSocket();
  b.Register("b");  // a new session
  EXPECT_THAT(list(by_registration, 3), ElementsAre("a", "d", "c", "b"));
}

class NewestEventsTest : public ::testing::Test {
 protected:
  // Most of them only in the journal, and more than are held at a time.
  void SetUp() override {
    pb::BatchCreateTicketsRequest batch;
    for (int i = 0; i < 100; ++i) batch.add_tickets()->mutable_spec()->set_title("t");
    pb::BatchCreateTicketsResponse response;
    for (int i = 0; i < 6; ++i) {
      ASSERT_TRUE(
          client_.Call(&pb::TicketService::Stub::BatchCreateTickets, batch, &response).ok());
      pb::AddCommentRequest comment;
      comment.set_ticket_id("T-1");
      comment.set_text("words");
      pb::AddCommentResponse added;
      ASSERT_TRUE(client_.Call(&pb::TicketService::Stub::AddComment, comment, &added).ok());
    }
  }

  std::vector<std::string> List(const pb::ListEventsRequest& request, int32_t page_size) const {
    return Pages(client_, &pb::EventService::Stub::ListEvents, request, page_size,
                 [](const pb::ListEventsResponse& page) {
                   std::vector<std::string> revisions;
                   for (const pb::Event& event : page.events()) {
                     revisions.push_back(absl::StrCat(event.revision()));
                   }
                   return revisions;
                 });
  }

  TestHub hub_{HubSpec{.ring_events = 8}};
  const Client client_ = hub_.OnSocket();
};

TEST_F(NewestEventsTest, AreThoseOfTheListingReversed) {
  const auto list = [this](const pb::ListEventsRequest& request, int32_t page_size) {
    return List(request, std::max(page_size, 7));
  };
  pb::ListEventsRequest all;
  ExpectReversed(all, list);
  pb::ListEventsRequest after;
  after.set_after_revision(77);
  ExpectReversed(after, list);
  pb::ListEventsRequest comments;
  comments.mutable_filter()->add_kinds(pb::EVENT_KIND_COMMENT_ADDED);
  EXPECT_EQ(List(comments, 2).size(), 6u);
  ExpectReversed(comments, list);
}

TEST_F(NewestEventsTest, PagesDoNotShowWhatComesMeanwhile) {
  pb::ListEventsRequest request;
  request.set_descending(true);
  request.set_page_size(2);
  pb::ListEventsResponse first;
  ASSERT_TRUE(client_.Call(&pb::EventService::Stub::ListEvents, request, &first).ok());
  EXPECT_EQ(first.events(0).revision(), 606);
  client_.Create("meanwhile");
  request.set_page_token(first.next_page_token());
  pb::ListEventsResponse second;
  ASSERT_TRUE(client_.Call(&pb::EventService::Stub::ListEvents, request, &second).ok());
  EXPECT_EQ(second.events(0).revision(), 604);
  request.set_descending(false);  // another listing
  EXPECT_EQ(ReasonOf(client_.Call(&pb::EventService::Stub::ListEvents, request, &second)),
            pb::ERROR_REASON_PAGE_TOKEN_INVALID);
}

TEST_F(NewestEventsTest, EndWithTheFirstThatIsKept) {
  pb::CompactWorkspaceRequest compact;
  compact.set_revision(303);
  pb::CompactWorkspaceResponse compacted;
  ASSERT_TRUE(client_.Call(&pb::HubService::Stub::CompactWorkspace, compact, &compacted).ok());
  pb::ListEventsRequest request;
  request.set_descending(true);
  EXPECT_EQ(List(request, 100).back(), "304");
  pb::ListEventsResponse response;
  ASSERT_TRUE(client_.Call(&pb::EventService::Stub::ListEvents, request, &response).ok());
  EXPECT_EQ(response.start_revision(), 303);
  request.set_after_revision(302);
  EXPECT_EQ(ReasonOf(client_.Call(&pb::EventService::Stub::ListEvents, request, &response)),
            pb::ERROR_REASON_REVISION_COMPACTED);
}

}  // namespace
}  // namespace coordhub::rpc
