#include "tests/bench/load/idle.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/client/lease_tracker.h"
#include "bench.pb.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/event_service.pb.h"
#include "etcd.pb.h"
#include "tests/bench/load/etcd_side.h"
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
  void Send() { StartWrite(&message_); }
  void AwaitAnswer() {
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

using Channels = std::vector<std::shared_ptr<grpc::Channel>>;

// What one agent says, and what it says it with.
struct BeatSpec {
  std::string method;
  std::string session;
  std::string message;
};

// Streams that beat, one on each channel.
class Beats {
 public:
  Beats(const Channels& channels, const std::function<BeatSpec(size_t)>& spec) {
    for (size_t i = 0; i < channels.size(); ++i) {
      stubs_.push_back(std::make_unique<grpc::GenericStub>(channels[i]));
      const BeatSpec it = spec(i);
      streams_.push_back(
          std::make_unique<BeatStream>(stubs_.back().get(), it.method, it.session, it.message));
      streams_.back()->Send();
      streams_.back()->AwaitAnswer();
    }
  }
  ~Beats() {
    for (const auto& stream : streams_) stream->End();
  }
  // Each when the client library would, for `seconds`; they began at any time of the period.
  void BeatFor(double seconds, double period_seconds) {
    const int64_t begin = NowNs();
    const int64_t end = begin + static_cast<int64_t>(seconds * 1e9);
    const absl::Duration period = absl::Seconds(period_seconds);
    std::vector<agent::LeaseTracker> leases;
    for (size_t i = 0; i < streams_.size(); ++i) {
      leases.emplace_back(3 * period, base::MonoTime{begin});
      const double part = static_cast<double>(i + 1) / static_cast<double>(streams_.size());
      leases.back().Sent(0, base::MonoTime{begin} + (part - 1) * period);
    }
    for (;;) {
      int64_t next = end;
      for (const agent::LeaseTracker& lease : leases) next = std::min(next, lease.NextSend().ns);
      WaitUntilNs(next);
      if (next >= end) return;
      BeatDue(&leases);
    }
  }

 private:
  // Agents are processes of their own: none waits for the answer to another.
  void BeatDue(std::vector<agent::LeaseTracker>* leases) {
    const base::MonoTime now{NowNs()};
    std::vector<size_t> sent;
    for (size_t i = 0; i < streams_.size(); ++i) {
      if ((*leases)[i].NextSend() > now) continue;
      streams_[i]->Send();
      (*leases)[i].Sent(0, now);
      sent.push_back(i);
    }
    for (const size_t i : sent) streams_[i]->AwaitAnswer();
  }

  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  std::vector<std::unique_ptr<BeatStream>> streams_;
};

std::unique_ptr<Beats> BeatHub(const Channels& channels, const std::vector<std::string>& sessions) {
  pb::KeepAliveRequest request;
  request.set_sequence(1);
  return std::make_unique<Beats>(channels, [&](size_t i) {
    return BeatSpec{"/coordhub.v1.AgentService/KeepAlive", sessions[i],
                    request.SerializeAsString()};
  });
}

std::unique_ptr<Beats> BeatReference(const Channels& channels) {
  Payload request;
  request.set_answer_bytes(16);
  return std::make_unique<Beats>(channels, [&](size_t) {
    return BeatSpec{"/coordhub.bench.Reference/EchoStream", "", request.SerializeAsString()};
  });
}

std::unique_ptr<Beats> BeatEtcd(const Channels& channels, const std::vector<int64_t>& leases) {
  return std::make_unique<Beats>(channels, [&](size_t i) {
    etcdserverpb::LeaseKeepAliveRequest request;
    request.set_id(leases[i]);
    return BeatSpec{"/etcdserverpb.Lease/LeaseKeepAlive", "", request.SerializeAsString()};
  });
}

// etcd's watches are bidirectional streams, open with the answer to their first message.
std::unique_ptr<Beats> WatchEtcd(const Channels& channels) {
  etcdserverpb::WatchRequest request;
  request.mutable_create_request()->set_key("ticket/");
  request.mutable_create_request()->set_range_end("ticket0");  // all that begins with the key
  return std::make_unique<Beats>(channels, [&](size_t) {
    return BeatSpec{"/etcdserverpb.Watch/Watch", "", request.SerializeAsString()};
  });
}

std::unique_ptr<Watchers> Watch(const Channels& channels, bool hub) {
  pb::WatchEventsRequest request;
  request.set_start(pb::WatchEventsRequest::START_NOW);
  auto watchers = std::make_unique<Watchers>(
      channels, static_cast<int>(channels.size()),
      Watchers::Options{
          .method =
              hub ? "/coordhub.v1.EventService/WatchEvents" : "/coordhub.bench.Reference/Subscribe",
          .request = hub ? request.SerializeAsString() : SubscribeRequest().SerializeAsString(),
          .opens_with_message = hub,
          .on_event = [](size_t, int64_t) {}});
  watchers->AwaitOpen();
  return watchers;
}

void Pass(const IdleOptions& options, Beats* beats) {
  if (options.on_window) options.on_window(true);
  beats->BeatFor(options.seconds, options.beat_seconds);
  if (options.on_window) options.on_window(false);
}

}  // namespace

void RunIdle(const IdleOptions& options) {
  const auto registrar = Connect(options.target, 1);
  const auto channels = Connect(options.target, options.agents, /*as_agents=*/true);
  if (options.server == IdleOptions::Server::kEtcd) {
    const auto watches = WatchEtcd(channels);
    const auto leases = EtcdLeases(registrar.front(), options.agents);
    return Pass(options, BeatEtcd(channels, leases).get());
  }
  if (options.server == IdleOptions::Server::kReference) {
    const auto watchers = Watch(channels, /*hub=*/false);
    return Pass(options, BeatReference(channels).get());
  }
  HubSide hub(registrar);
  hub.RegisterAgents(options.agents);
  const auto watchers = Watch(channels, /*hub=*/true);
  Pass(options, BeatHub(channels, hub.sessions()).get());
}

}  // namespace coordhub::bench
