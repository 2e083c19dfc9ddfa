// Watches: gapless, in order and once, wherever they begin; bookmarks; snapshots; ends.
#include <atomic>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hub/core/limits.h"
#include "tests/rpc/streams.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;

std::vector<int64_t> Range(int64_t first, int64_t last) {
  std::vector<int64_t> range(static_cast<size_t>(last - first + 1));
  std::iota(range.begin(), range.end(), first);
  return range;
}

// Tickets in one commit after another, many commits at a time.
void CreateMany(const Client& client, int count) {
  constexpr int kPerCall = 50;
  for (int left = count; left > 0; left -= kPerCall) {
    pb::BatchCreateTicketsRequest request;
    for (int i = 0; i < std::min(left, kPerCall); ++i) {
      request.add_tickets()->mutable_spec()->set_title("t");
    }
    pb::BatchCreateTicketsResponse response;
    const grpc::Status status =
        client.Call(&pb::TicketService::Stub::BatchCreateTickets, request, &response);
    ASSERT_TRUE(status.ok()) << FromGrpc(status);
  }
}

class WatchTest : public ::testing::Test {
 protected:
  TestHub hub_;
  Client client_ = hub_.OnSocket();
};

TEST_F(WatchTest, BeginsWithTheFirstEventAndGoesOn) {
  CreateMany(client_, 10);
  Watch watch(client_, WatchAfter(0));
  const pb::WatchOpened opened = watch.Opened();
  EXPECT_EQ(opened.start_revision(), 0);
  EXPECT_EQ(opened.head_revision(), 10);
  EXPECT_EQ(opened.log_id(), client_.GetHub().workspace().log_id());
  watch.ReadTo(10);
  CreateMany(client_, 5);
  watch.ReadTo(15);
  EXPECT_EQ(watch.revisions(), Range(1, 15));
}

TEST_F(WatchTest, EventsAreThoseOfTheLog) {
  CreateMany(client_, 3);
  pb::ListEventsResponse listed;
  ASSERT_TRUE(
      client_.Call(&pb::EventService::Stub::ListEvents, pb::ListEventsRequest(), &listed).ok());
  Watch watch(client_, WatchAfter(0));
  watch.ReadTo(3);
  ASSERT_EQ(watch.events().size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(watch.events()[static_cast<size_t>(i)].SerializeAsString(),
              listed.events(i).SerializeAsString());
  }
}

TEST_F(WatchTest, FromNowSeesOnlyWhatComes) {
  CreateMany(client_, 10);
  pb::WatchEventsRequest request;
  request.set_start(pb::WatchEventsRequest::START_NOW);
  Watch watch(client_, request);
  EXPECT_EQ(watch.Opened().start_revision(), 10);
  CreateMany(client_, 2);
  watch.ReadTo(12);
  EXPECT_THAT(watch.revisions(), ElementsAre(11, 12));
}

TEST_F(WatchTest, ResumesWithinACommit) {
  CreateMany(client_, 10);  // one commit
  Watch watch(client_, WatchAfter(4));
  watch.ReadTo(10);
  EXPECT_EQ(watch.revisions(), Range(5, 10));
}

TEST_F(WatchTest, ManyWatchersAmidManyWritersSeeEachRevisionOnce) {
  constexpr int kWatchers = 8;
  constexpr int kWriters = 4;
  static constexpr int64_t kPerWriter = 300;
  static constexpr int64_t kLast = kWriters * kPerWriter;
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([this] {
      const Client writer = hub_.OnSocket();
      for (int64_t i = 0; i < kPerWriter; ++i) writer.Create("t");
    });
  }
  for (int w = 0; w < kWatchers; ++w) {
    threads.emplace_back([this, w] {
      const Client watcher = hub_.OnSocket();
      int64_t last = 0;
      std::vector<int64_t> seen;
      // Some break off and resume, again and again.
      while (last < kLast) {
        Watch watch(watcher, WatchAfter(last));
        watch.ReadTo(w % 2 == 0 ? kLast : std::min(last + 37, kLast));
        for (const int64_t revision : watch.revisions()) seen.push_back(revision);
        last = seen.back();
      }
      EXPECT_EQ(seen, Range(1, kLast));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(WatchLeakTest, OpenedAndCancelledWhileEventsComeLeavesNothingBehind) {
  constexpr int kWatches = 200;
  TestHub hub(HubSpec{.max_streams = kWatches + 20});
  const Client client = hub.OnSocket();
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    const Client mine = hub.OnSocket();
    while (!stop) mine.Create("t");
  });
  const Client watcher = hub.OnSocket();
  for (int i = 0; i < kWatches; ++i) {
    Watch watch(watcher, i % 2 == 0 ? WatchAfter(0) : WatchFromSnapshot());
    if (i % 3 != 0) watch.Opened();
  }
  stop = true;
  writer.join();
  // The hub hears of a cancellation a little later.
  const base::SystemClock clock;
  const base::MonoTime patience = clock.Mono() + absl::Seconds(30);
  while (client.GetHub().workspace().watchers() > 0 && clock.Mono() < patience) {
  }
  EXPECT_EQ(client.GetHub().workspace().watchers(), 0);
  // Nor do they take the places of others.
  std::vector<std::unique_ptr<Watch>> others;
  for (int i = 0; i < kWatches; ++i) {
    others.push_back(std::make_unique<Watch>(client, WatchAfter(0)));
    others.back()->Opened();
  }
  EXPECT_EQ(client.GetHub().workspace().watchers(), kWatches);
}

TEST_F(WatchTest, AFilterSeesRecordsLeaveIt) {
  Client agent = hub_.OnSocket();
  agent.Register("conversation-1");
  client_.Create("one");
  client_.Create("two");
  pb::WatchEventsRequest request = WatchAfter(0);
  request.mutable_filter()->add_ticket_ids("T-2");
  request.mutable_filter()->add_ticket_states(pb::Ticket::STATE_CLAIMED);
  Watch watch(client_, request);
  agent.Complete(agent.Claim("T-1"));
  const pb::Ticket done = agent.Complete(agent.Claim("T-2"));
  watch.ReadTo(done.mod_revision());
  ASSERT_EQ(watch.events().size(), 2u);
  EXPECT_EQ(watch.events()[0].kind(), pb::EVENT_KIND_TICKET_CLAIMED);
  EXPECT_EQ(watch.events()[1].kind(), pb::EVENT_KIND_TICKET_COMPLETED);
}

TEST_F(WatchTest, ABookmarkComesWhenNothingElseDoes) {
  pb::WatchEventsRequest request = WatchAfter(0);
  request.mutable_bookmark_interval()->set_seconds(5);
  Watch watch(client_, request);
  watch.Opened();
  CreateMany(client_, 3);
  watch.ReadTo(3);
  hub_.clock().Advance(absl::Seconds(6));
  EXPECT_EQ(watch.ReadToBookmark(), 3);
  hub_.clock().Advance(absl::Seconds(6));
  EXPECT_EQ(watch.ReadToBookmark(), 3);
  watch.ExpectBookmarksHold();
}

TEST_F(WatchTest, WatchesThatBeganApartGetTheirBookmarksTogether) {
  CreateMany(client_, 1);
  pb::WatchEventsRequest request = WatchAfter(1);
  request.mutable_bookmark_interval()->set_seconds(8);  // of which an eighth is a second
  Watch first(client_, request);
  first.Opened();
  hub_.clock().Advance(absl::Milliseconds(300));
  Watch second(client_, request);
  second.Opened();
  hub_.clock().Advance(absl::Milliseconds(7'700));
  EXPECT_EQ(first.ReadToBookmark(), 1);
  EXPECT_EQ(second.ReadToBookmark(), 1) << "early, for one of its own would cost a wake-up more";
}

TEST_F(WatchTest, ABookmarkTellsHowFarLeftOutEventsReach) {
  pb::WatchEventsRequest request = WatchAfter(0);
  request.mutable_filter()->add_ticket_ids("T-5000");
  Watch watch(client_, request);
  watch.Opened();
  // Each time just as many as make one: of more it depends on the reader where a bookmark stands.
  CreateMany(client_, 1'000);
  EXPECT_EQ(watch.ReadToBookmark(), 1'000);
  CreateMany(client_, 1'000);
  EXPECT_EQ(watch.ReadToBookmark(), 2'000);
  EXPECT_TRUE(watch.events().empty());
}

TEST_F(WatchTest, NothingAtOrBeforeABookmarkFollowsIt) {
  constexpr int kTickets = 3'000;
  pb::WatchEventsRequest request = WatchAfter(0);
  request.mutable_bookmark_interval()->set_seconds(1);
  Watch watch(client_, request);
  watch.Opened();
  std::thread writer([this] {
    for (int i = 0; i < 20; ++i) {
      CreateMany(hub_.OnSocket(), kTickets / 20);
      hub_.clock().Advance(absl::Milliseconds(700));
    }
  });
  watch.ReadTo(kTickets);
  writer.join();
  hub_.clock().Advance(absl::Seconds(2));
  EXPECT_EQ(watch.ReadToBookmark(), kTickets);
  EXPECT_EQ(watch.revisions(), Range(1, kTickets));
  watch.ExpectBookmarksHold();
}

// All records of a snapshot, by what they are.
struct SnapshotRead {
  std::map<std::string, int> kinds;
  int64_t revision = 0;
  int chunks = 0;
};
SnapshotRead ReadSnapshot(Watch* watch) {
  SnapshotRead read;
  while (true) {
    const auto response = watch->Next();
    if (!response.has_value() || !response->has_snapshot()) {
      ADD_FAILURE() << "the snapshot broke off";
      return read;
    }
    ++read.chunks;
    EXPECT_LE(response->ByteSizeLong(), (256u << 10) + (128u << 10));
    for (const pb::RecordChange& record : response->snapshot().records()) {
      EXPECT_FALSE(record.erased());
      ++read.kinds[record.GetDescriptor()->FindFieldByNumber(record.record_case())->name()];
    }
    read.revision = response->snapshot().revision();
    if (response->snapshot().complete()) return read;
  }
}

TEST_F(WatchTest, ASnapshotHasAllRecordsAndTheEventsAfterIt) {
  client_.Register("conversation-1");
  client_.set_session("");
  CreateMany(client_, 2'500);
  pb::AddCommentRequest comment;
  comment.set_ticket_id("T-1");
  comment.set_text("words");
  pb::AddCommentResponse commented;
  ASSERT_TRUE(client_.Call(&pb::TicketService::Stub::AddComment, comment, &commented).ok());

  std::thread writer([this] { CreateMany(hub_.OnSocket(), 500); });
  Watch watch(client_, WatchFromSnapshot());
  const pb::WatchOpened opened = watch.Opened();
  const SnapshotRead snapshot = ReadSnapshot(&watch);
  writer.join();
  const int64_t head = client_.GetHub().workspace().head_revision();
  EXPECT_EQ(snapshot.revision, opened.start_revision());
  EXPECT_GE(snapshot.chunks, 3);
  watch.ReadTo(head);
  const int tickets_after = static_cast<int>(head - snapshot.revision);
  EXPECT_EQ(snapshot.kinds.at("ticket") + tickets_after, 3'000);
  EXPECT_EQ(snapshot.kinds.at("agent"), 1);
  EXPECT_EQ(snapshot.kinds.count("comment"), 0u) << "texts are not in memory";
  EXPECT_EQ(watch.revisions(), Range(snapshot.revision + 1, head));
}

TEST_F(WatchTest, ASnapshotIsFilteredToo) {
  CreateMany(client_, 20);
  pb::WatchEventsRequest request = WatchFromSnapshot();
  request.mutable_filter()->add_ticket_ids("T-7");
  Watch watch(client_, request);
  watch.Opened();
  const SnapshotRead snapshot = ReadSnapshot(&watch);
  EXPECT_EQ(snapshot.kinds.at("ticket"), 1);
  EXPECT_EQ(snapshot.kinds.size(), 1u);
}

grpc::Status EndOf(const Client& client, const pb::WatchEventsRequest& request) {
  Watch watch(client, request);
  return watch.Finish();
}

TEST_F(WatchTest, ACursorOfAnotherLogOrAheadIsRefused) {
  CreateMany(client_, 5);
  const pb::Workspace workspace = client_.GetHub().workspace();
  pb::WatchEventsRequest ahead = WatchAfter(6);
  const grpc::Status status = EndOf(client_, ahead);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_LOG_REPLACED);
  EXPECT_EQ(MetadataOf(status, "log_id"), workspace.log_id());
  EXPECT_EQ(MetadataOf(status, "head_revision"), "5");

  pb::WatchEventsRequest foreign = WatchAfter(1);
  foreign.set_log_id("another");
  EXPECT_EQ(ReasonOf(EndOf(client_, foreign)), pb::ERROR_REASON_LOG_REPLACED);
  foreign.set_log_id(workspace.log_id());
  Watch fine(client_, foreign);
  EXPECT_EQ(fine.Opened().start_revision(), 1);
}

// As ListEvents: 0 is no cursor that could be too old, but the place before whatever is kept.
TEST_F(WatchTest, FromZeroItBeginsWithTheFirstEventThatIsKept) {
  CreateMany(client_, 100);
  pb::CompactWorkspaceRequest compact;
  compact.set_revision(50);
  pb::CompactWorkspaceResponse compacted;
  ASSERT_TRUE(client_.Call(&pb::HubService::Stub::CompactWorkspace, compact, &compacted).ok());
  pb::ListEventsResponse listed;
  ASSERT_TRUE(
      client_.Call(&pb::EventService::Stub::ListEvents, pb::ListEventsRequest(), &listed).ok());
  Watch watch(client_, pb::WatchEventsRequest());
  EXPECT_EQ(watch.Opened().start_revision(), 50);
  EXPECT_EQ(listed.start_revision(), 50);
  watch.ReadTo(100);
  EXPECT_EQ(watch.events().front().revision(), 51);
  EXPECT_EQ(listed.events(0).revision(), 51);
}

TEST_F(WatchTest, ACompactedCursorIsRefusedAndTheNextOneIsNot) {
  CreateMany(client_, 100);
  pb::CompactWorkspaceRequest compact;
  compact.set_revision(50);
  pb::CompactWorkspaceResponse compacted;
  ASSERT_TRUE(client_.Call(&pb::HubService::Stub::CompactWorkspace, compact, &compacted).ok());
  const int64_t at = compacted.workspace().compact_revision();
  ASSERT_EQ(at, 50);  // each commit has 50 events
  const grpc::Status status = EndOf(client_, WatchAfter(at - 1));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_REVISION_COMPACTED);
  EXPECT_EQ(MetadataOf(status, "compact_revision"), absl::StrCat(at));
  EXPECT_EQ(MetadataOf(status, "head_revision"), "100");
  Watch watch(client_, WatchAfter(at));
  watch.ReadTo(100);
  EXPECT_EQ(watch.revisions(), Range(at + 1, 100));
}

TEST_F(WatchTest, EndsWithItsSession) {
  Client agent = hub_.OnSocket();
  agent.Register("conversation-1");
  Watch watch(agent, WatchAfter(0));
  watch.Opened();
  pb::DeregisterAgentRequest request;
  request.set_agent_id("conversation-1");
  pb::DeregisterAgentResponse response;
  ASSERT_TRUE(client_.Call(&pb::AgentService::Stub::DeregisterAgent, request, &response).ok());
  const grpc::Status status = watch.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_SESSION_ENDED);
  EXPECT_EQ(MetadataOf(status, "agent_id"), "conversation-1");
}

TEST_F(WatchTest, IsTrafficOnlyWhenItBegins) {
  Client agent = hub_.OnSocket();
  agent.Register("conversation-1", absl::Seconds(5));
  hub_.Age(absl::Seconds(4));
  Watch watch(agent, WatchAfter(0));
  watch.Opened();
  hub_.Age(absl::Seconds(4));
  ASSERT_TRUE(hub_.workspace().SessionTimeLeft("conversation-1").has_value());
  hub_.Age(absl::Seconds(3));
  EXPECT_EQ(ReasonOf(watch.Finish()), pb::ERROR_REASON_SESSION_ENDED);
}

TEST_F(WatchTest, SaysFarewellWhenTheHubDrains) {
  Watch watch(client_, WatchAfter(0));
  watch.Opened();
  hub_.workspace().Drain();
  const auto farewell = watch.Next();
  ASSERT_TRUE(farewell.has_value());
  EXPECT_TRUE(farewell->has_closing());
  const grpc::Status status = watch.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_HUB_DRAINING);
  EXPECT_EQ(ReasonOf(EndOf(client_, WatchAfter(0))), pb::ERROR_REASON_HUB_DRAINING);
}

TEST(WatchLimitTest, TheNumberOfStreamsIsBounded) {
  TestHub hub(HubSpec{.max_streams = 2});
  const Client client = hub.OnSocket();
  {
    Watch first(client, WatchAfter(0));
    Watch second(client, WatchAfter(0));
    first.Opened();
    second.Opened();
    EXPECT_EQ(client.GetHub().workspace().watchers(), 2);
    const grpc::Status status = EndOf(client, WatchAfter(0));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_LIMIT_REACHED);
    EXPECT_EQ(MetadataOf(status, "limit_name"), "streams");
    EXPECT_EQ(MetadataOf(status, "limit"), "2");
  }
}

// A ring far too small for what is written while nobody reads: watchers go on from the journal.
TEST(WatchBehindTest, ReadsFromTheJournalWhatTheRingNoLongerHas) {
  constexpr int kTickets = 5'000;
  TestHub hub(HubSpec{.ring_events = 64});
  const Client client = hub.OnSocket();
  CreateMany(client, kTickets);
  Watch all(client, WatchAfter(0));
  all.ReadTo(kTickets);
  EXPECT_EQ(all.revisions(), Range(1, kTickets));

  pb::WatchEventsRequest one = WatchAfter(0);
  one.mutable_filter()->add_ticket_ids("T-4999");
  Watch narrow(client, one);
  narrow.ReadTo(4'999);
  EXPECT_THAT(narrow.revisions(), ElementsAre(4'999));
  EXPECT_GE(narrow.bookmarks().size(), 4u);
  narrow.ExpectBookmarksHold();
}

TEST(WatchBehindTest, WritersAndACatchUpMeetWithoutAGap) {
  constexpr int kTickets = 4'000;
  TestHub hub(HubSpec{.ring_events = 64});
  std::thread writer([&hub] { CreateMany(hub.OnSocket(), kTickets); });
  std::vector<std::thread> watchers;
  for (int i = 0; i < 4; ++i) {
    watchers.emplace_back([&hub] {
      Watch watch(hub.OnSocket(), WatchAfter(0));
      watch.ReadTo(kTickets);
      EXPECT_EQ(watch.revisions(), Range(1, kTickets));
    });
  }
  writer.join();
  for (std::thread& watcher : watchers) watcher.join();
}

}  // namespace
}  // namespace coordhub::rpc
