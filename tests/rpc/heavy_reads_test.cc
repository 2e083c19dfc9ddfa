// Reads that take their time, and what goes on beside them.
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/mutex.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/rpc/contract.h"
#include "tests/rpc/hub_fixture.h"

namespace coordhub::rpc {
namespace {

// Holds up whoever comes, until it is opened.
class Barrier {
 public:
  void Pass() {
    base::MutexLock lock(&mu_);
    ++came_;
    changed_.Signal();
    while (!open_) changed_.Wait(&mu_);
  }
  void AwaitSomebody() {
    base::MutexLock lock(&mu_);
    while (came_ == 0) changed_.Wait(&mu_);
  }
  void Open() {
    base::MutexLock lock(&mu_);
    open_ = true;
    changed_.SignalAll();
  }

 private:
  base::Mutex mu_;
  base::CondVar changed_;
  int came_ ABSL_GUARDED_BY(mu_) = 0;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
};

// Calls of any method that are under way together, over one connection.
class Calls {
 public:
  explicit Calls(const Client& client) : client_(client), stub_(client.channel()) {}
  ~Calls() {
    for (auto& [name, call] : calls_) call->context->TryCancel();
    while (open_ > 0) Next();
  }

  void Start(const std::string& name, const std::string& request) {
    const auto& method = MethodNamed(name);
    auto call = std::make_unique<Call>();
    call->name = name;
    call->context = client_.Context();
    const grpc::Slice slice(request);
    call->reader = stub_.PrepareUnaryCall(
        call->context.get(), absl::StrCat("/", method.service()->full_name(), "/", name),
        grpc::ByteBuffer(&slice, 1), &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->response, &call->status, call.get());
    ++open_;
    calls_.emplace(name, std::move(call));
  }
  // Waits until one of them is over; its name.
  std::string Next() {
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
    --open_;
    const auto* call = static_cast<Call*>(tag);
    EXPECT_TRUE(call->status.ok()) << call->name << ": " << FromGrpc(call->status);
    return call->name;
  }
  int open() const { return open_; }

 private:
  struct Call {
    std::string name;
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
    grpc::ByteBuffer response;
    grpc::Status status;
  };

  const Client& client_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  std::multimap<std::string, std::unique_ptr<Call>> calls_;
  int open_ = 0;
};

// A server of its own, which asks for the mirror's problems whenever it describes a workspace.
class HeavyReadsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    ServedWorkspace served;
    served.workspace = &hub_.workspace();
    served.key = hub_.key();
    served.socket_path = path_;
    served.observation = [] { return std::make_shared<const git::Observation>(); };
    served.mirror_problem = [this] {
      barrier_.Pass();
      return std::string();
    };
    options.workspaces.push_back(std::move(served));
    options.operator_token = hub_.operator_token();
    options.clock = &hub_.clock();
    options.clock_is_manual = true;
    options.ids = &ids_;
    auto server = Server::Start(std::move(options));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void TearDown() override { barrier_.Open(); }

  // Whoever asks for the hub stands at the barrier; so then does the thread that it is asked on.
  void BlockThatThread(Calls* calls) {
    calls->Start("GetHub", "");
    barrier_.AwaitSomebody();
  }

  const base::TempDir dir_;
  const std::string path_ = dir_ / "heavy.sock";
  base::SequenceIdSource ids_{7};
  Barrier barrier_;
  TestHub hub_;
  std::unique_ptr<Server> server_;
  Client client_{"unix:" + path_};
};

// Not by time: the thread for such reads is held up, and whatever is answered meanwhile does not
// run there.
TEST_F(HeavyReadsTest, DoNotRunOnTheThreadForCalls) {
  const pb::Ticket ticket = client_.Create("work");
  pb::GetTicketRequest get;
  get.set_ticket_id(ticket.ticket_id());
  Calls calls(client_);
  BlockThatThread(&calls);
  const std::vector<std::string> heavy = {"ListTickets",    "ListAgents",    "ListEvents",
                                          "ListBranches",   "ListWorktrees", "GetRepositoryStatus",
                                          "ListWorkspaces", "ListConflicts"};
  for (const std::string& name : heavy) calls.Start(name, "");
  // A request that takes long to read.
  pb::BatchCreateTicketsRequest batch;
  for (int i = 0; i < 2; ++i) {
    batch.add_tickets()->mutable_spec()->set_title("long");
    batch.mutable_tickets(i)->mutable_spec()->set_body(std::string(60'000, 'x'));
  }
  calls.Start("BatchCreateTickets", batch.SerializeAsString());
  // What comes after them on the same connection is answered before.
  for (int i = 0; i < 50; ++i) {
    calls.Start("GetTicket", get.SerializeAsString());
    EXPECT_EQ(calls.Next(), "GetTicket");
  }
  barrier_.Open();
  std::multiset<std::string> answered;
  while (calls.open() > 0) answered.insert(calls.Next());
  std::multiset<std::string> expected(heavy.begin(), heavy.end());
  expected.insert("GetHub");
  expected.insert("BatchCreateTickets");
  EXPECT_EQ(answered, expected);
}

TEST_F(HeavyReadsTest, ASnapshotIsReadOffTheThreadForCalls) {
  client_.Create("work");
  Calls calls(client_);
  BlockThatThread(&calls);
  pb::WatchEventsRequest request;
  request.set_start(pb::WatchEventsRequest::START_SNAPSHOT);
  const auto context = client_.Context();
  pb::EventService::Stub stub(client_.channel());
  const auto watch = stub.WatchEvents(context.get(), request);
  pb::WatchEventsResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_TRUE(response.has_opened());
  // Nothing but the thread that is held up can go on with it; others are served.
  std::atomic<bool> opened = false;
  std::thread open([&] {
    for (int i = 0; i < 50; ++i) client_.Create(absl::StrCat("meanwhile ", i));
    opened = true;
    barrier_.Open();
  });
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_TRUE(opened) << "the snapshot was read on another thread";
  EXPECT_EQ(response.snapshot().records_size(), 1);
  EXPECT_TRUE(response.snapshot().complete());
  open.join();
  context->TryCancel();
  while (watch->Read(&response)) {
  }
  (void)watch->Finish();
  while (calls.open() > 0) calls.Next();
}

// A narrow filter from long ago looks at all that the ring holds.
TEST_F(HeavyReadsTest, AWatchLooksOnOffTheThreadForCalls) {
  pb::MutateTicketsRequest creations;
  for (int i = 0; i < 500; ++i) {
    creations.add_mutations()->mutable_create_ticket()->mutable_spec()->set_title("many");
  }
  pb::TicketService::Stub tickets(client_.channel());
  const auto creating = client_.Context();
  const auto stream = tickets.MutateTickets(creating.get());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(stream->Write(creations));
  stream->WritesDone();
  for (pb::MutateTicketsResponse results; stream->Read(&results);) {
  }
  ASSERT_TRUE(stream->Finish().ok());

  Calls calls(client_);
  BlockThatThread(&calls);
  pb::WatchEventsRequest request;
  request.mutable_filter()->add_ticket_ids("T-5000");
  const auto context = client_.Context();
  pb::EventService::Stub stub(client_.channel());
  const auto watch = stub.WatchEvents(context.get(), request);
  pb::WatchEventsResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_TRUE(response.has_opened());
  std::atomic<bool> opened = false;
  std::thread open([&] {
    for (int i = 0; i < 50; ++i) client_.Create("meanwhile");
    opened = true;
    barrier_.Open();
  });
  // Bookmarks may come before.
  while (watch->Read(&response) && response.events().empty()) {
  }
  EXPECT_TRUE(opened);
  ASSERT_EQ(response.events_size(), 1);
  EXPECT_EQ(response.events(0).changes(0).ticket().ticket_id(), "T-5000");
  open.join();
  context->TryCancel();
  while (watch->Read(&response)) {
  }
  (void)watch->Finish();
  while (calls.open() > 0) calls.Next();
}

}  // namespace
}  // namespace coordhub::rpc
