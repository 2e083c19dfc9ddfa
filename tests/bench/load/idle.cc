#include "tests/bench/load/idle.h"

#include <atomic>
#include <memory>
#include <vector>

#include "bench.pb.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/event_service.pb.h"
#include "tests/bench/load/hub_side.h"
#include "tests/bench/load/load.h"
#include "tests/bench/load/meter.h"
#include "tests/bench/load/watchers.h"

namespace coordhub::bench {
namespace {

// A bidirectional stream on which one message goes out now and then, and is answered.
class BeatStream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  BeatStream(grpc::GenericStub* stub, const std::string& method, const std::string& session,
             const std::string& message) {
    const grpc::Slice slice(message);
    message_ = grpc::ByteBuffer(&slice, 1);
    if (!session.empty()) context_.AddMetadata("coordhub-session", session);
    stub->PrepareBidiStreamingCall(&context_, method, {}, this);
    AddHold();
    StartRead(&response_);
    StartCall();
  }
  // Sends, and waits for the answer.
  void Beat() {
    StartWrite(&message_);
    base::MutexLock lock(&mu_);
    while (!answered_ && !ended_) changed_.Wait(&mu_);
    answered_ = false;
  }
  void End() {
    context_.TryCancel();
    RemoveHold();
    base::MutexLock lock(&mu_);
    while (!ended_) changed_.Wait(&mu_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      base::MutexLock lock(&mu_);
      answered_ = true;
      changed_.Signal();
    }
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& /*status*/) override {
    base::MutexLock lock(&mu_);
    ended_ = true;
    changed_.Signal();
  }

 private:
  grpc::ClientContext context_;
  grpc::ByteBuffer message_;
  grpc::ByteBuffer response_;
  base::Mutex mu_;
  base::CondVar changed_;
  bool answered_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
};

std::string BeatMessage(bool hub) {
  if (hub) {
    pb::KeepAliveRequest request;
    request.set_sequence(1);
    return request.SerializeAsString();
  }
  Payload request;
  request.set_answer_bytes(16);
  return request.SerializeAsString();
}

std::string WatchMessage(bool hub) {
  if (!hub) return SubscribeRequest().SerializeAsString();
  pb::WatchEventsRequest request;
  request.set_start(pb::WatchEventsRequest::START_NOW);
  return request.SerializeAsString();
}

}  // namespace

void RunIdle(const IdleOptions& options) {
  HubSide registrar(Connect(options.target, 1));
  if (options.hub) registrar.RegisterAgents(options.agents);
  const auto channels = Connect(options.target, options.agents);
  Watchers watchers(channels, options.agents,
                    {.method = options.hub ? "/coordhub.v1.EventService/WatchEvents"
                                           : "/coordhub.bench.Reference/Subscribe",
                     .request = WatchMessage(options.hub),
                     .opens_with_message = options.hub,
                     .on_event = [](size_t, int64_t) {}});
  watchers.AwaitOpen();
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  std::vector<std::unique_ptr<BeatStream>> beats;
  for (size_t i = 0; i < channels.size(); ++i) {
    stubs.push_back(std::make_unique<grpc::GenericStub>(channels[i]));
    beats.push_back(std::make_unique<BeatStream>(
        stubs.back().get(),
        options.hub ? "/coordhub.v1.AgentService/KeepAlive"
                    : "/coordhub.bench.Reference/EchoStream",
        options.hub ? registrar.sessions()[i] : "", BeatMessage(options.hub)));
    beats.back()->Beat();
  }
  if (options.on_window) options.on_window(true);
  const int64_t begin = NowNs();
  const auto gap = static_cast<int64_t>(options.beat_seconds * 1e9 / options.agents);
  const auto window_ns = static_cast<int64_t>(options.seconds * 1e9);
  for (int64_t i = 0; i * gap < window_ns; ++i) {
    WaitUntilNs(begin + i * gap);
    beats[static_cast<size_t>(i) % beats.size()]->Beat();
  }
  WaitUntilNs(begin + window_ns);
  if (options.on_window) options.on_window(false);
  for (const auto& beat : beats) beat->End();
}

}  // namespace coordhub::bench
