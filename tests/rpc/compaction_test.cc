// A watcher that falls behind while the hub compacts, and what it then makes of a snapshot.
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hub/core/records.h"
#include "hub/core/state.h"
#include "tests/rpc/streams.h"

namespace coordhub::rpc {
namespace {

// The workspace as a client knows it: each record's bytes by its kind and id.
class Fold {
 public:
  void Apply(const pb::RecordChange& change) {
    // Texts are in events only.
    if (change.has_ticket_body() || change.has_comment()) return;
    const std::string key = KeyOf(change);
    if (change.erased()) {
      records_.erase(key);
    } else {
      records_[key] = BytesOf(change);
    }
  }
  void Read(const pb::WatchEventsResponse& response) {
    for (const pb::RecordChange& record : response.snapshot().records()) Apply(record);
    for (const pb::Event& event : response.events()) {
      for (const pb::RecordChange& change : event.changes()) Apply(change);
      revision_ = event.revision();
    }
    if (response.snapshot().complete()) revision_ = response.snapshot().revision();
  }
  void ReadTo(Watch* watch, int64_t revision) {
    while (revision_ < revision) {
      const auto response = watch->Next();
      ASSERT_TRUE(response.has_value());
      Read(*response);
    }
  }
  int64_t revision() const { return revision_; }
  const std::map<std::string, std::string>& records() const { return records_; }

  // What the hub itself has.
  static Fold Of(const core::View& view) {
    Fold fold;
    fold.revision_ = view.revision;
    core::ForEachSnapshotRecord(view, [&fold](const journal::v1::SnapshotRecord& record) {
      if (record.has_record()) fold.Apply(record.record());
      return true;
    });
    return fold;
  }
  // That of a hub with just these records.
  std::string Digest(int64_t last_ticket_number) const {
    core::State state;
    for (const auto& [key, bytes] : records_) {
      auto record = std::make_shared<journal::v1::SnapshotRecord>();
      EXPECT_TRUE(record->mutable_record()->ParseFromString(bytes));
      state.LoadRecord(record);
    }
    journal::v1::SnapshotHeader header;
    header.set_revision(revision_);
    header.set_last_ticket_number(last_ticket_number);
    state.FinishLoad(header, base::Now());
    return core::Digest(*state.MakeView());
  }

 private:
  static std::string KeyOf(const pb::RecordChange& change) {
    switch (change.record_case()) {
      case pb::RecordChange::kAgent:
        return absl::StrCat("agent ", change.agent().agent_id());
      case pb::RecordChange::kTicket:
        return absl::StrCat("ticket ", change.ticket().ticket_id());
      case pb::RecordChange::kTicketBody:
        return absl::StrCat("body ", change.ticket_body().ticket_id());
      case pb::RecordChange::kComment:
        return absl::StrCat("comment ", change.comment().ticket_id(), " ",
                            change.comment().number());
      default:
        ADD_FAILURE() << "a record that this test does not know: " << change.ShortDebugString();
        return "";
    }
  }
  // Of the record alone: a change also says what was before.
  static std::string BytesOf(pb::RecordChange change) {
    change.clear_previous();
    return change.SerializeAsString();
  }

  std::map<std::string, std::string> records_;
  int64_t revision_ = 0;
};

// Some work of each kind that leaves records behind.
void Work(const Client& orchestrator, const Client& agent, int tickets) {
  for (int i = 0; i < tickets; ++i) {
    const pb::Ticket ticket = orchestrator.Create(absl::StrCat("work ", i));
    pb::AddCommentRequest comment;
    comment.set_ticket_id(ticket.ticket_id());
    comment.set_text("words");
    pb::AddCommentResponse commented;
    ASSERT_TRUE(orchestrator.Call(&pb::TicketService::Stub::AddComment, comment, &commented).ok());
    if (i % 2 == 0) agent.Complete(agent.Claim(ticket.ticket_id()));
  }
}

int64_t Compact(const Client& client, int64_t revision) {
  pb::CompactWorkspaceRequest request;
  request.set_revision(revision);
  pb::CompactWorkspaceResponse response;
  const grpc::Status status =
      client.Call(&pb::HubService::Stub::CompactWorkspace, request, &response);
  EXPECT_TRUE(status.ok()) << FromGrpc(status);
  return response.workspace().compact_revision();
}

TEST(CompactionTest, ALaggingWatcherIsToldAndItsSnapshotEndsInTheSameDigest) {
  TestHub hub(HubSpec{.ring_events = 64});
  const Client orchestrator = hub.OnSocket();
  Client agent = hub.OnSocket();
  agent.Register("conversation-1");
  Work(orchestrator, agent, 20);

  Fold resumed;
  {
    Watch watch(orchestrator, WatchAfter(0));
    resumed.ReadTo(&watch, 10);
  }
  Work(orchestrator, agent, 100);
  ASSERT_GT(Compact(orchestrator, 200), resumed.revision());

  Watch refused(orchestrator, WatchAfter(resumed.revision()));
  const grpc::Status status = refused.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_REVISION_COMPACTED);

  // It begins again, while others go on writing.
  resumed = Fold();
  std::thread writer([&] { Work(orchestrator, agent, 50); });
  Watch again(orchestrator, WatchFromSnapshot());
  writer.join();
  const int64_t head = orchestrator.GetHub().workspace().head_revision();
  resumed.ReadTo(&again, head);
  ASSERT_EQ(resumed.revision(), head);

  // 170 tickets and an agent: to the byte what the hub holds.
  EXPECT_EQ(resumed.records().size(), 171u);
  EXPECT_EQ(resumed.records(), Fold::Of(*hub.workspace().view()).records());
  EXPECT_EQ(resumed.Digest(170), orchestrator.GetHub(/*with_digest=*/true).workspace().digest());
}

TEST(CompactionTest, AWatchThatCompactionOvertakesEndsWithTheReason) {
  TestHub hub(HubSpec{.ring_events = 64});
  const Client orchestrator = hub.OnSocket();
  Client agent = hub.OnSocket();
  agent.Register("conversation-1");
  Work(orchestrator, agent, 50);
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  const Client narrow(hub.socket_target(), args);
  // It does not read, so its cursor stays where the buffers were full.
  Watch behind(narrow, WatchAfter(0));
  behind.Opened();
  pb::AddCommentRequest comment;
  comment.set_ticket_id("T-1");
  comment.set_text(std::string(60'000, 'x'));
  pb::AddCommentResponse commented;
  for (int i = 0; i < 150; ++i) {
    ASSERT_TRUE(orchestrator.Call(&pb::TicketService::Stub::AddComment, comment, &commented).ok());
  }
  Work(orchestrator, agent, 50);
  const int64_t head = orchestrator.GetHub().workspace().head_revision();
  ASSERT_EQ(Compact(orchestrator, head), head);
  const grpc::Status status = behind.Finish();
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_REVISION_COMPACTED) << FromGrpc(status);
  ASSERT_LT(behind.events().back().revision(), head);
}

}  // namespace
}  // namespace coordhub::rpc
