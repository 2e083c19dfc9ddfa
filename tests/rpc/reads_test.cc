// Reads at a revision, listings of events, and what the hub says of itself.
#include <unistd.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;

using ReadsTest = ServicesTest;

TEST_F(ReadsTest, AReadWaitsForTheRevisionItAsksFor) {
  const int64_t head = operator_.GetHub().workspace().head_revision();
  pb::GetHubRequest request;
  request.set_min_revision(head + 2);
  std::thread writer([this] {
    operator_.Create("one");
    operator_.Create("two");
  });
  EXPECT_GE(Ok(agent_, &Hub::GetHub, request).workspace().head_revision(), head + 2);
  writer.join();

  pb::GetTicketRequest ticket;
  ticket.set_ticket_id("T-3");
  ticket.set_min_revision(head + 3);
  std::thread third([this] { operator_.Create("three"); });
  EXPECT_EQ(Ok(agent_, &Tickets::GetTicket, ticket).ticket().title(), "three");
  third.join();
}

TEST_F(ReadsTest, ARevisionThatDoesNotComeIsNotWaitedForForEver) {
  pb::GetHubRequest request;
  request.set_min_revision(1'000);
  std::atomic<bool> answered{false};
  std::thread time([&] {
    while (!answered) hub_.Age(absl::Milliseconds(500));
  });
  pb::GetHubResponse response;
  const grpc::Status status = operator_.Call(&Hub::GetHub, request, &response);
  answered = true;
  time.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_REVISION_NOT_REACHED);
  EXPECT_EQ(MetadataOf(status, "min_revision"), "1000");
}

// ---- events ----

TEST_F(ReadsTest, EventsAreListedInPages) {
  for (int i = 0; i < 7; ++i) operator_.Create("t");
  pb::ListEventsRequest request;
  request.set_page_size(3);
  std::vector<int64_t> revisions;
  do {
    const auto page = Ok(operator_, &Events::ListEvents, request);
    EXPECT_LE(page.events_size(), 3);
    EXPECT_EQ(page.revision(), 8);
    EXPECT_FALSE(page.log_id().empty());
    for (const pb::Event& event : page.events()) revisions.push_back(event.revision());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(revisions, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));

  request.Clear();
  request.set_after_revision(6);
  request.mutable_filter()->add_ticket_ids("T-7");
  const auto last = Ok(operator_, &Events::ListEvents, request);
  ASSERT_EQ(last.events_size(), 1);
  EXPECT_EQ(last.events(0).revision(), 8);
  EXPECT_EQ(last.next_page_token(), "");
}

// A commit is answered before it is handed to the broadcaster.
TEST_F(ReadsTest, WhoWasAnsweredFindsItsEventsThoughTheBroadcasterHasThemNotYet) {
  const int64_t before = operator_.GetHub().workspace().head_revision();
  pb::CreateTicketRequest create;
  create.mutable_spec()->set_title("t");
  auto command = std::make_unique<core::Command>(
      core::Command{.caller = core::Caller::Operator(), .body = create});
  pb::ListEventsResponse page;
  std::promise<void> listed;
  hub_.workspace().Submit(std::move(command), base::MonoTime::InfiniteFuture(),
                          [&](const absl::StatusOr<engine::Outcome>& outcome) {
                            EXPECT_TRUE(outcome.ok()) << outcome.status();
                            page = Ok(operator_, &Events::ListEvents, pb::ListEventsRequest());
                            listed.set_value();
                          });
  listed.get_future().wait();
  ASSERT_EQ(page.events_size(), before + 1);
  EXPECT_EQ(page.events(page.events_size() - 1).revision(), before + 1);
  EXPECT_EQ(page.revision(), before + 1);
}

TEST_F(ReadsTest, EventsAreReadFromTheJournalWhereTheRingIsTooShort) {
  TestHub hub(HubSpec{.ring_events = 16});
  const Client client = hub.OnSocket();
  for (int i = 0; i < 200; ++i) client.Create("t");
  pb::ListEventsRequest request;
  request.set_page_size(1'000);
  EXPECT_EQ(Ok(client, &Events::ListEvents, request).events_size(), 200);
  request.mutable_filter()->add_ticket_ids("T-150");
  EXPECT_EQ(Ok(client, &Events::ListEvents, request).events_size(), 1);
  request.Clear();
  request.set_after_revision(201);
  pb::ListEventsResponse response;
  EXPECT_EQ(ReasonOf(client.Call(&Events::ListEvents, request, &response)),
            pb::ERROR_REASON_LOG_REPLACED);
}

TEST_F(ReadsTest, CompactedEventsAreGone) {
  for (int i = 0; i < 9; ++i) operator_.Create("t");
  EXPECT_EQ(Ok(operator_, &Events::ListEvents, pb::ListEventsRequest()).start_revision(), 0);
  pb::CompactWorkspaceRequest compact;
  compact.set_revision(5);
  const auto compacted = Ok(operator_, &Hub::CompactWorkspace, compact);
  EXPECT_EQ(compacted.dropped_events(), 5);
  EXPECT_EQ(compacted.workspace().compact_revision(), 5);
  pb::ListEventsRequest request;
  EXPECT_EQ(Ok(operator_, &Events::ListEvents, request).events(0).revision(), 6);
  EXPECT_EQ(Ok(operator_, &Events::ListEvents, request).start_revision(), 5);
  request.set_after_revision(4);
  pb::ListEventsResponse response;
  EXPECT_EQ(ReasonOf(operator_.Call(&Events::ListEvents, request, &response)),
            pb::ERROR_REASON_REVISION_COMPACTED);
}

// ---- the hub ----

TEST_F(ReadsTest, TheHubSaysWhatItIs) {
  operator_.Create("t");
  const auto hub = operator_.GetHub(/*with_digest=*/true);
  EXPECT_EQ(hub.version(), "test");
  EXPECT_EQ(hub.pid(), getpid());
  EXPECT_FALSE(hub.draining());
  EXPECT_EQ(hub.workspace().workspace_id(), "main");
  EXPECT_EQ(hub.workspace().common_dir(), "/repo/.git");
  EXPECT_EQ(hub.workspace().head_revision(), 2);
  EXPECT_EQ(hub.workspace().active_agents(), 1);
  EXPECT_EQ(hub.workspace().watchers(), 0);
  EXPECT_EQ(hub.workspace().digest().size(), 64u);
  EXPECT_EQ(operator_.GetHub().workspace().digest(), "");
}

TEST_F(ReadsTest, AWorkspaceIsVerified) {
  for (int i = 0; i < 20; ++i) operator_.Create("t");
  const auto verified = Ok(operator_, &Hub::VerifyWorkspace, pb::VerifyWorkspaceRequest());
  // With the intent, without the result.
  EXPECT_EQ(verified.verified_revision(), 22);
  EXPECT_EQ(verified.checked_events(), 22);
  EXPECT_EQ(verified.operation_id(), "O-1");
  EXPECT_EQ(verified.workspace().head_revision(), 23);
  EXPECT_EQ(verified.digest().size(), 64u);
}

TEST_F(ReadsTest, DrainingIsBegunOnce) {
  std::atomic<int> asked{0};
  TestHub hub(HubSpec{.on_drain_request = [&asked] { ++asked; }});
  const Client client = hub.OnSocket();
  EXPECT_TRUE(Ok(client, &Hub::DrainHub, pb::DrainHubRequest()).began());
  EXPECT_FALSE(Ok(client, &Hub::DrainHub, pb::DrainHubRequest()).began());
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(client.GetHub().draining());
  pb::CreateTicketRequest create;
  create.mutable_spec()->set_title("too late");
  pb::CreateTicketResponse response;
  const grpc::Status status = client.Call(&Tickets::CreateTicket, create, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_HUB_DRAINING);
}

}  // namespace
}  // namespace coordhub::rpc
