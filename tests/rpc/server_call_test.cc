// A call whose client goes away while its handler still runs.
#include <atomic>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "hub/rpc/message_codec.h"
#include "hub/rpc/queued_service.h"
#include "tests/agent/base/temp_dir.h"
#include "tests/rpc/raw_stream.h"

namespace coordhub::rpc {
namespace {

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";

// How often the handler asks for help again while it waits; nothing rests on it.
constexpr absl::Duration kAskAgain = absl::Milliseconds(5);

// Its first call is held in the handler until the second one has come, on the queue's other thread.
class HeldService final : public QueuedService, private CallReactor {
 public:
  HeldService()
      : QueuedService(grpc::health::v1::HealthCheckRequest::descriptor()->file()->service(0)) {}
  void set_queue(CallQueue* queue) { queue_ = queue; }
  void AwaitFirst() {
    base::MutexLock lock(&mu_);
    while (calls_ == 0) changed_.Wait(&mu_);
  }
  bool cancelled_in_handler() const { return cancelled_in_handler_; }
  bool cancelled() const { return cancelled_; }

 private:
  // The second call.
  class Passing final : public CallReactor {
   public:
    explicit Passing(std::unique_ptr<UnaryServerCall> call) : call_(std::move(call)) {
      call_->set_reactor(this);
      call_->Answer(Encode(grpc::health::v1::HealthCheckResponse()));
    }
    void OnCancel() override {}
    void OnDone() override { delete this; }

   private:
    const std::unique_ptr<UnaryServerCall> call_;
  };

  void OnUnary(int /*method*/, std::unique_ptr<UnaryServerCall> call) override {
    base::MutexLock lock(&mu_);
    changed_.SignalAll();
    if (++calls_ > 1) {
      new Passing(std::move(call));
      return;
    }
    first_ = std::move(call);
    first_->set_reactor(this);
    while (calls_ < 2) {
      queue_->CallHelp();
      changed_.WaitWithTimeout(&mu_, kAskAgain);
    }
    cancelled_in_handler_ = cancelled_.load();
    first_->Refuse(grpc::Status::CANCELLED);
  }
  void OnStream(int /*method*/, std::unique_ptr<StreamServerCall> /*call*/) override {}
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { first_.reset(); }

  CallQueue* queue_ = nullptr;
  base::Mutex mu_;
  base::CondVar changed_;
  int calls_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<UnaryServerCall> first_;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> cancelled_in_handler_{false};
};

TEST(ServerCallTest, ItsEndIsToldOnlyWhenItsHandlerHasReturned) {
  const base::TempDir dir;
  const std::string target = "unix:" + dir.path() + "/sock";
  HeldService service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(target, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  CallQueue queue(&builder);
  service.set_queue(&queue);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  service.Accept(&queue);
  queue.Start();

  const Client client(target);
  auto first = std::make_unique<RawStream>(client, kCheck);
  first->Send(HealthRequest("first"));
  service.AwaitFirst();
  first.reset();  // goes away
  // On the same connection: it comes after the end of the first.
  RawStream second(client, kCheck);
  second.Send(HealthRequest("second"));
  EXPECT_EQ(second.Next(), "");
  server->Shutdown();
  queue.Stop();  // until both are done
  EXPECT_FALSE(service.cancelled_in_handler());
  EXPECT_TRUE(service.cancelled());
}

}  // namespace
}  // namespace coordhub::rpc
