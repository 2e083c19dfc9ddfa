// Many unary calls at once, of which some are taken back.
#include <cstdint>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "grpcpp/support/async_unary_call.h"
#include "gtest/gtest.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using CallsTest = ServicesTest;

// One call after the other of the same kind, each from the end of the one before.
struct Lane {
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientAsyncResponseReader<pb::CreateTicketResponse>> reader;
  pb::CreateTicketResponse response;
  grpc::Status status;
  bool taken_back = false;
};

// Enough of them, without a rest, for the second thread of the queue to help.
constexpr int kLanes = 64;
constexpr int kCalls = 20'000;
constexpr int kTakenBackEvery = 5;

class Flood {
 public:
  explicit Flood(const TestHub& hub) {
    for (int i = 0; i < 4; ++i) clients_.push_back(hub.OnSocket());
    for (const Client& client : clients_) stubs_.emplace_back(client.channel());
  }

  // Gives the numbers of calls that ended OK, and that were taken back in time.
  std::pair<std::multiset<std::string>, int> Run() {
    for (Lane& lane : lanes_) Begin(&lane);
    void* tag = nullptr;
    bool ok = false;
    for (int ended = 0; ended < kCalls && queue_.Next(&tag, &ok); ++ended) {
      Lane* lane = static_cast<Lane*>(tag);
      End(*lane);
      if (begun_ < kCalls) Begin(lane);
    }
    return {std::move(created_), taken_back_};
  }

 private:
  void Begin(Lane* lane) {
    const auto client = static_cast<size_t>(begun_) % clients_.size();
    lane->context = clients_[client].Context();
    lane->response.Clear();
    pb::CreateTicketRequest request;
    request.mutable_spec()->set_title("t");
    lane->reader = stubs_[client].AsyncCreateTicket(lane->context.get(), request, &queue_);
    lane->reader->Finish(&lane->response, &lane->status, lane);
    lane->taken_back = ++begun_ % kTakenBackEvery == 0;
    if (lane->taken_back) lane->context->TryCancel();
  }

  void End(const Lane& lane) {
    if (lane.status.ok()) {
      created_.insert(lane.response.ticket().ticket_id());
    } else {
      EXPECT_TRUE(lane.taken_back) << FromGrpc(lane.status);
      EXPECT_EQ(lane.status.error_code(), grpc::StatusCode::CANCELLED);
      ++taken_back_;
    }
  }

  std::vector<Client> clients_;
  std::vector<pb::TicketService::Stub> stubs_;
  grpc::CompletionQueue queue_;
  std::vector<Lane> lanes_{kLanes};
  int begun_ = 0;
  std::multiset<std::string> created_;
  int taken_back_ = 0;
};

TEST_F(CallsTest, EachOfManyIsAnsweredOnceWhileOthersAreTakenBack) {
  const auto [created, taken_back] = Flood(hub_).Run();
  EXPECT_EQ(static_cast<int>(created.size()) + taken_back, kCalls);
  EXPECT_LE(taken_back, kCalls / kTakenBackEvery);
  // An answer for each, and none that is another's.
  EXPECT_EQ(std::set<std::string>(created.begin(), created.end()).size(), created.size());
  // What was taken back was created or was not; nothing else was.
  const int64_t tickets = hub_.workspace().view()->last_ticket_number;
  EXPECT_GE(tickets, static_cast<int64_t>(created.size()));
  EXPECT_LE(tickets, kCalls);
  hub_.server().Shutdown(absl::Hours(1));  // nothing is left that it would wait for
}

// While the writer stands still there is room for one of two.
TEST(CallsOfManyBytesTest, WhoFindsNoRoomBeforeTheWriterIsTold) {
  TestHub hub(HubSpec{.queue_bytes = 1'000});
  std::promise<void> standing;
  std::promise<void> go_on;
  hub.workspace().Submit(std::make_unique<core::Command>(
                             core::Command{.caller = core::Caller::Operator(),
                                           .body = core::EndAllSessions{"a command of this test"}}),
                         base::MonoTime::InfiniteFuture(),
                         [&](const absl::StatusOr<engine::Outcome>&) {
                           standing.set_value();
                           go_on.get_future().wait();
                         });
  standing.get_future().wait();

  const Client client = hub.OnSocket();
  pb::TicketService::Stub stub(client.channel());
  grpc::CompletionQueue queue;
  std::vector<Lane> lanes(2);
  for (Lane& lane : lanes) {
    lane.context = client.Context();
    pb::CreateTicketRequest request;
    request.mutable_spec()->set_title("t");
    request.mutable_spec()->set_body(std::string(900, 'b'));
    lane.reader = stub.AsyncCreateTicket(lane.context.get(), request, &queue);
    lane.reader->Finish(&lane.response, &lane.status, &lane);
  }
  const auto next = [&queue]() -> const Lane& {
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return *static_cast<const Lane*>(tag);
  };
  // (Were both taken, both would wait for the writer, and end by their deadlines.)
  EXPECT_EQ(ReasonOf(next().status), pb::ERROR_REASON_OVERLOADED);
  go_on.set_value();
  EXPECT_TRUE(next().status.ok());
  queue.Shutdown();
}

}  // namespace
}  // namespace coordhub::rpc
