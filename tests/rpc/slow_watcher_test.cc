// A watcher that does not read: costs a fixed amount, nobody else anything, and is ended.
#include <malloc.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/rpc/streams.h"

namespace coordhub::rpc {
namespace {

constexpr int kTextBytes = 60'000;

// A connection that takes little before it is read from.
Client NarrowClient(const TestHub& hub) {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  args.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1'024);
  return Client(hub.socket_target(), args);
}

// Writes events of `bytes` in all, and gives the head after them.
int64_t WriteEvents(const Client& client, int64_t bytes) {
  pb::AddCommentResponse response;
  pb::AddCommentRequest request;
  int64_t written = 0;
  while (written < bytes) {
    request.set_ticket_id(client.Create("talk").ticket_id());
    request.set_text(std::string(kTextBytes, 'x'));
    for (int i = 0; i < 100 && written < bytes; ++i, written += kTextBytes) {
      const grpc::Status status =
          client.Call(&pb::TicketService::Stub::AddComment, request, &response);
      EXPECT_TRUE(status.ok()) << FromGrpc(status);
    }
  }
  return response.revision();
}

// So many bytes of records: texts are in events only.
void WriteRecords(const Client& client, int64_t bytes) {
  pb::BatchCreateTicketsRequest request;
  pb::BatchCreateTicketsResponse response;
  pb::TicketSpec spec;
  spec.set_title(std::string(500, 't'));
  for (int i = 0; i < 32; ++i) spec.add_labels(absl::StrCat(std::string(60, 'l'), i));
  for (int i = 0; i < 100; ++i) *request.add_tickets()->mutable_spec() = spec;
  for (int64_t written = 0; written < bytes;
       written += static_cast<int64_t>(request.ByteSizeLong())) {
    const grpc::Status status =
        client.Call(&pb::TicketService::Stub::BatchCreateTickets, request, &response);
    ASSERT_TRUE(status.ok()) << FromGrpc(status);
  }
}

void ExpectDense(const std::vector<int64_t>& revisions, int64_t first) {
  for (size_t i = 0; i < revisions.size(); ++i) {
    ASSERT_EQ(revisions[i], first + static_cast<int64_t>(i));
  }
}

// A watch that shows by its bookmarks how far the hub has looked at the time.
pb::WatchEventsRequest WithBookmarks() {
  pb::WatchEventsRequest request = WatchAfter(0);
  request.mutable_bookmark_interval()->set_seconds(10);
  return request;
}

TEST(SlowWatcherTest, IsEndedWithAReasonWhichItReadsWhenItReadsAgain) {
  TestHub hub(HubSpec{.slow_watcher_timeout = absl::Seconds(30)});
  const Client writer = hub.OnSocket();
  const Client narrow = NarrowClient(hub);
  Watch stuck(narrow, WatchAfter(0));
  Watch healthy(writer, WithBookmarks());
  const int64_t head = WriteEvents(writer, 8 << 20);
  healthy.ReadTo(head);
  ExpectDense(healthy.revisions(), 1);
  EXPECT_EQ(healthy.revisions().back(), head);

  // Its write has been in flight for all of the time that passes here, in all less than twice the
  // patience, after which the stream would be cut. The steps are short enough for what the healthy
  // one was just sent. The timer's thread looks at all streams that are due, one after the other:
  // the fourth bookmark tells that the third look, after 33 s, is over.
  for (int i = 0; i < 4; ++i) {
    hub.clock().Advance(absl::Seconds(11));
    healthy.ReadToBookmark();
  }
  healthy.ReadTo(writer.Create("others go on").create_revision());
  const grpc::Status status = stuck.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << FromGrpc(status);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_SLOW_WATCHER);
  // What it did get has no hole; it resumes from there.
  ExpectDense(stuck.revisions(), 1);
  ASSERT_FALSE(stuck.revisions().empty());
  ASSERT_LT(stuck.revisions().back(), head);
  Watch resumed(writer, WatchAfter(stuck.revisions().back()));
  resumed.ReadTo(head);
  ExpectDense(resumed.revisions(), stuck.revisions().back() + 1);
}

TEST(SlowWatcherTest, IsCutWhenItNeverReadsAgain) {
  TestHub hub;
  const Client writer = hub.OnSocket();
  const Client narrow = NarrowClient(hub);
  Watch stuck(narrow, WatchAfter(0));
  WriteEvents(writer, 8 << 20);
  EXPECT_EQ(writer.GetHub().workspace().watchers(), 1);
  while (writer.GetHub().workspace().watchers() > 0) hub.clock().Advance(absl::Seconds(31));
}

TEST(SlowWatcherTest, MayNotHoldASnapshotForEver) {
  TestHub hub(HubSpec{.slow_watcher_timeout = absl::Hours(1)});
  const Client writer = hub.OnSocket();
  WriteRecords(writer, 8 << 20);
  Watch stuck(NarrowClient(hub), WatchFromSnapshot());
  stuck.Opened();
  Watch healthy(writer, WithBookmarks());
  healthy.ReadTo(writer.Create("after it").create_revision());
  hub.clock().Advance(absl::Minutes(10));
  healthy.ReadToBookmark();
  hub.clock().Advance(absl::Seconds(11));
  healthy.ReadToBookmark();
  bool complete = false;
  while (const auto response = stuck.Next()) complete |= response->snapshot().complete();
  EXPECT_FALSE(complete);
  EXPECT_EQ(ReasonOf(stuck.Finish()), pb::ERROR_REASON_SLOW_WATCHER);
}

// Bytes that this process, the hub and the clients in one, holds from its allocator. Not what is
// resident: that also moves with what earlier tests gave back.
int64_t AllocatedBytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

int64_t GrowthWith(int watchers) {
  // The ring is small, so that memory is what watchers hold and not what they might share.
  TestHub hub(HubSpec{.ring_events = 64});
  const Client writer = hub.OnSocket();
  std::vector<Client> clients;
  std::vector<std::unique_ptr<Watch>> stuck;
  for (int i = 0; i < watchers; ++i) {
    clients.push_back(NarrowClient(hub));
    stuck.push_back(std::make_unique<Watch>(clients.back(), WatchAfter(0)));
    stuck.back()->Opened();
  }
  const int64_t before = AllocatedBytes();
  WriteEvents(writer, 24 << 20);
  return AllocatedBytes() - before;
}

TEST(SlowWatcherTest, ManyOfThemHoldAFixedAmountEach) {
  constexpr int kWatchers = 20;
  // One message in flight with what gRPC and the kernel buffer, on both sides: far below what was
  // written to each.
  constexpr int64_t kEach = 1 << 20;
  (void)GrowthWith(1);  // what the first use of everything costs
  const int64_t without = GrowthWith(0);
  const int64_t with = GrowthWith(kWatchers);
  EXPECT_LT(with - without, kWatchers * kEach) << without << " " << with;
}

}  // namespace
}  // namespace coordhub::rpc
