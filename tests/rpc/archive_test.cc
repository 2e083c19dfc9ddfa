// Texts and archived tickets over the wire.

#include <gmock/gmock.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/rpc/services_fixture.h"
#include "tests/rpc/streams.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ArchiveTest : public ServicesTest {
 protected:
  ArchiveTest() : ServicesTest({.archiving = {.keep_at_most = 2}, .text_quota = 10'000}) {}

  // A finished ticket with texts.
  std::string Finished(const std::string& label = "") {
    pb::CreateTicketRequest create;
    create.mutable_spec()->set_title("work");
    create.mutable_spec()->set_body("how to do it");
    if (!label.empty()) create.mutable_spec()->add_labels(label);
    const std::string id = Ok(operator_, &Tickets::CreateTicket, create).ticket().ticket_id();
    pb::AddCommentRequest comment;
    comment.set_ticket_id(id);
    comment.set_text("a thought");
    Ok(operator_, &Tickets::AddComment, comment);
    agent_.Complete(agent_.Claim(id));
    return id;
  }
  void AwaitArchived(int64_t count) {
    // The writer does it by itself, all at once, when its pause is over.
    hub_.Age(2 * engine::Archiving::kPause);
    for (engine::ViewPtr view = hub_.workspace().view(); view->records.archived_tickets < count;) {
      auto later = std::make_shared<std::promise<engine::ViewPtr>>();
      hub_.workspace().AwaitRevision(
          view->revision + 1, base::MonoTime::InfiniteFuture(),
          [later](absl::StatusOr<engine::ViewPtr> reached) { later->set_value(*reached); });
      view = later->get_future().get();
    }
  }
  pb::ListTicketsResponse List(const pb::ListTicketsRequest& request) {
    return Ok(operator_, &Tickets::ListTickets, request);
  }
  static std::vector<std::string> Ids(const pb::ListTicketsResponse& response) {
    std::vector<std::string> ids;
    for (const pb::Ticket& ticket : response.tickets()) ids.push_back(ticket.ticket_id());
    return ids;
  }
};

TEST_F(ArchiveTest, ATicketThatLeftIsReadByIdWithAllThatBelongsToIt) {
  for (int i = 0; i < 3; ++i) Finished();
  AwaitArchived(1);
  pb::GetTicketRequest get;
  get.set_ticket_id("T-1");
  const auto got = Ok(operator_, &Tickets::GetTicket, get);
  EXPECT_TRUE(got.ticket().archived());
  EXPECT_EQ(got.ticket().state(), pb::Ticket::STATE_DONE);
  EXPECT_EQ(got.ticket().outcome().actor(), "conversation-1");
  EXPECT_EQ(got.body(), "how to do it");
  ASSERT_EQ(got.comments_size(), 1);
  EXPECT_EQ(got.comments(0).text(), "a thought");
  EXPECT_GT(got.revision(), 0);
  get.set_ticket_id("T-2");
  EXPECT_FALSE(Ok(operator_, &Tickets::GetTicket, get).ticket().archived());
  get.set_ticket_id("T-99");
  pb::GetTicketResponse none;
  EXPECT_EQ(ReasonOf(operator_.Call(&Tickets::GetTicket, get, &none)),
            pb::ERROR_REASON_TICKET_NOT_FOUND);
}

TEST_F(ArchiveTest, WhatWouldChangeItIsRefused) {
  for (int i = 0; i < 3; ++i) Finished();
  AwaitArchived(1);
  pb::ReopenTicketRequest reopen;
  reopen.set_ticket_id("T-1");
  pb::ReopenTicketResponse reopened;
  EXPECT_EQ(ReasonOf(operator_.Call(&Tickets::ReopenTicket, reopen, &reopened)),
            pb::ERROR_REASON_TICKET_ARCHIVED);
}

TEST_F(ArchiveTest, ArchivedTicketsAreListedInPagesWithFilters) {
  for (int i = 0; i < 9; ++i) Finished(i % 2 == 0 ? "even" : "odd");  // T-1 to T-9
  AwaitArchived(7);
  pb::ListTicketsRequest request;
  EXPECT_THAT(Ids(List(request)), ElementsAre("T-8", "T-9"));
  request.set_archived(true);
  EXPECT_THAT(Ids(List(request)), ElementsAre("T-1", "T-2", "T-3", "T-4", "T-5", "T-6", "T-7"));
  request.set_descending(true);
  request.set_page_size(3);
  auto page = List(request);
  EXPECT_THAT(Ids(page), ElementsAre("T-7", "T-6", "T-5"));
  // What is archived meanwhile does not show in the pages of this listing.
  Finished();
  AwaitArchived(8);
  request.set_page_token(page.next_page_token());
  page = List(request);
  EXPECT_THAT(Ids(page), ElementsAre("T-4", "T-3", "T-2"));
  request.set_page_token(page.next_page_token());
  page = List(request);
  EXPECT_THAT(Ids(page), ElementsAre("T-1"));
  EXPECT_THAT(page.next_page_token(), IsEmpty());

  pb::ListTicketsRequest odd;
  odd.set_archived(true);
  odd.add_labels("odd");
  EXPECT_THAT(Ids(List(odd)), ElementsAre("T-2", "T-4", "T-6", "T-8"));
  odd.add_states(pb::Ticket::STATE_FAILED);
  EXPECT_THAT(Ids(List(odd)), IsEmpty());
  odd.set_page_token("nonsense");
  pb::ListTicketsResponse none;
  EXPECT_EQ(ReasonOf(operator_.Call(&Tickets::ListTickets, odd, &none)),
            pb::ERROR_REASON_PAGE_TOKEN_INVALID);
}

TEST_F(ArchiveTest, ClaimsCarryTheBodyAsItIs) {
  pb::CreateTicketRequest create;
  create.mutable_spec()->set_title("work");
  create.mutable_spec()->set_body("first");
  Ok(operator_, &Tickets::CreateTicket, create);
  pb::UpdateTicketRequest update;
  update.set_ticket_id("T-1");
  update.mutable_update_mask()->add_paths("body");
  update.mutable_spec()->set_body("second");
  Ok(operator_, &Tickets::UpdateTicket, update);
  const auto claimed = Ok(agent_, &Tickets::ClaimNextTicket, pb::ClaimNextTicketRequest());
  EXPECT_EQ(claimed.body(), "second");
  EXPECT_EQ(claimed.ticket().body_bytes(), 6);
}

TEST_F(ArchiveTest, MoreTextThanTheQuotaIsRefusedAndSaid) {
  pb::CreateTicketRequest create;
  create.mutable_spec()->set_title("work");
  create.mutable_spec()->set_body(std::string(9'000, 'x'));
  Ok(operator_, &Tickets::CreateTicket, create);
  pb::CreateTicketResponse none;
  const grpc::Status refused = operator_.Call(&Tickets::CreateTicket, create, &none);
  EXPECT_EQ(ReasonOf(refused), pb::ERROR_REASON_QUOTA);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(MetadataOf(refused, "quota"), "10000");
  const pb::Workspace workspace = operator_.GetHub().workspace();
  EXPECT_EQ(workspace.text_quota_bytes(), 10'000);
  EXPECT_GT(workspace.text_bytes(), 9'000);
  EXPECT_LT(workspace.text_bytes(), 9'100);
  create.mutable_spec()->clear_body();
  Ok(operator_, &Tickets::CreateTicket, create);
}

TEST_F(ArchiveTest, WatchersWithASnapshotSeeNoTextsAndNoArchivedTickets) {
  for (int i = 0; i < 3; ++i) Finished();
  AwaitArchived(1);
  EXPECT_EQ(operator_.GetHub().workspace().archived_tickets(), 1);
  pb::WatchEventsRequest request;
  request.set_start(pb::WatchEventsRequest::START_SNAPSHOT);
  Watch watch(operator_, request);
  watch.Opened();
  std::vector<std::string> tickets;
  for (bool complete = false; !complete;) {
    const auto response = watch.Next();
    ASSERT_TRUE(response.has_value());
    for (const pb::RecordChange& record : response->snapshot().records()) {
      EXPECT_FALSE(record.has_ticket_body() || record.has_comment());
      if (record.has_ticket()) tickets.push_back(record.ticket().ticket_id());
    }
    complete = response->snapshot().complete();
  }
  EXPECT_THAT(tickets, ElementsAre("T-2", "T-3"));
}

}  // namespace
}  // namespace coordhub::rpc
