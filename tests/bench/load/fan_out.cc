#include "tests/bench/load/fan_out.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "agent/base/mutex.h"
#include "bench.grpc.pb.h"
#include "coordhub/v1/event_service.pb.h"
#include "coordhub/v1/ticket_service.grpc.pb.h"
#include "etcd.pb.h"
#include "tests/bench/load/etcd_side.h"
#include "tests/bench/load/load.h"
#include "tests/bench/load/watchers.h"

namespace coordhub::bench {
namespace {

namespace pb = ::coordhub::v1;

constexpr char kLabel[] = "rare";

// Publishes events one message each, and reads the answers beside.
class Publisher {
 public:
  virtual ~Publisher() = default;
  virtual void Publish(int64_t number) = 0;
};

// Puts, each with an answer; more at once than the widest window has.
class EtcdPublisher final : public Publisher {
 public:
  EtcdPublisher(const std::shared_ptr<grpc::Channel>& channel, int bytes)
      : put_(EtcdPut({channel}, kSlots, bytes)) {
    for (int slot = 0; slot < kSlots; ++slot) free_.push_back(slot);
  }
  ~EtcdPublisher() override {
    base::MutexLock lock(&mu_);
    while (free_.size() < kSlots) freed_.Wait(&mu_);
  }
  void Publish(int64_t /*number*/) override {
    const int slot = TakeSlot();
    put_(slot, [this, slot](bool) {
      base::MutexLock lock(&mu_);
      free_.push_back(slot);
      freed_.Signal();
    });
  }

 private:
  static constexpr int kSlots = 256;

  int TakeSlot() {
    base::MutexLock lock(&mu_);
    while (free_.empty()) freed_.Wait(&mu_);
    const int slot = free_.back();
    free_.pop_back();
    return slot;
  }

  const Operation put_;
  base::Mutex mu_;
  base::CondVar freed_;
  std::vector<int> free_ ABSL_GUARDED_BY(mu_);
};

template <class Request, class Response>
class StreamPublisher : public Publisher {
 public:
  using Stream = grpc::ClientReaderWriter<Request, Response>;
  using Fill = std::function<void(int64_t number, Request* request)>;
  StreamPublisher(std::unique_ptr<grpc::ClientContext> context, std::unique_ptr<Stream> stream,
                  Fill fill)
      : context_(std::move(context)), stream_(std::move(stream)), fill_(std::move(fill)) {
    reader_ = std::thread([this] {
      Response response;
      while (stream_->Read(&response)) {
      }
    });
  }
  ~StreamPublisher() override {
    stream_->WritesDone();
    reader_.join();
    (void)stream_->Finish();
  }
  void Publish(int64_t number) override {
    Request request;
    fill_(number, &request);
    stream_->Write(request);
  }

 private:
  const std::unique_ptr<grpc::ClientContext> context_;
  const std::unique_ptr<Stream> stream_;
  const Fill fill_;
  std::thread reader_;
};

std::unique_ptr<Publisher> MakePublisher(const FanOutOptions& options,
                                         const std::shared_ptr<grpc::Channel>& channel) {
  using Server = FanOutOptions::Server;
  if (options.server == Server::kEtcd) {
    return std::make_unique<EtcdPublisher>(channel, options.event_bytes);
  }
  auto context = std::make_unique<grpc::ClientContext>();
  if (options.server == Server::kHub) {
    auto stream = pb::TicketService::NewStub(channel)->MutateTickets(context.get());
    return std::make_unique<StreamPublisher<pb::MutateTicketsRequest, pb::MutateTicketsResponse>>(
        std::move(context), std::move(stream), [](int64_t number, auto* request) {
          auto* spec = request->add_mutations()->mutable_create_ticket()->mutable_spec();
          spec->set_title("an event of the benchmark");
          if (number % 100 == 0) spec->add_labels(kLabel);
        });
  }
  auto stream = Reference::NewStub(channel)->Publish(context.get());
  return std::make_unique<StreamPublisher<Payload, Payload>>(
      std::move(context), std::move(stream), [bytes = options.event_bytes](int64_t, auto* request) {
        request->set_body(std::string(static_cast<size_t>(bytes), 'e'));
      });
}

// How the events of a server are watched.
Watchers::Options WatchOf(const FanOutOptions& options) {
  using Server = FanOutOptions::Server;
  Watchers::Options watch;
  if (options.server == Server::kReference) {
    SubscribeRequest request;
    request.set_coalesce(options.coalesce);
    watch.method = "/coordhub.bench.Reference/Subscribe";
    watch.request = request.SerializeAsString();
    return watch;
  }
  watch.opens_with_message = true;
  if (options.server == Server::kEtcd) {
    etcdserverpb::WatchRequest request;
    request.mutable_create_request()->set_key("ticket/");
    request.mutable_create_request()->set_range_end("ticket0");  // '0' follows '/'
    watch.method = "/etcdserverpb.Watch/Watch";
    watch.request = request.SerializeAsString();
    watch.events_field = 11;
    return watch;
  }
  pb::WatchEventsRequest request;
  request.set_start(pb::WatchEventsRequest::START_NOW);
  if (options.filtered) request.mutable_filter()->add_labels(kLabel);
  watch.method = "/coordhub.v1.EventService/WatchEvents";
  watch.request = request.SerializeAsString();
  return watch;
}

// Which events are out, and when each was published.
class Flight {
 public:
  // More than can be out at a time.
  static constexpr size_t kEvents = 1 << 16;

  Flight(int window, int watchers) : watchers_(watchers), tokens_(window) {}

  // Blocks while the window is full. False: it is over.
  bool Take() {
    base::MutexLock lock(&mu_);
    while (tokens_ == 0 && !over_) free_.Wait(&mu_);
    if (over_) return false;
    --tokens_;
    return true;
  }
  void Publish(int64_t number) {
    left_[At(number)] = watchers_;
    published_ns_[At(number)] = NowNs();
  }
  // When it was published.
  int64_t Deliver(int64_t number) {
    const int64_t published = published_ns_[At(number)];
    if (--left_[At(number)] == 0) {
      base::MutexLock lock(&mu_);
      ++tokens_;
      free_.Signal();
    }
    return published;
  }
  void End() {
    base::MutexLock lock(&mu_);
    over_ = true;
    free_.Signal();
  }

 private:
  static size_t At(int64_t number) { return static_cast<size_t>(number) % kEvents; }

  const int watchers_;
  base::Mutex mu_;
  base::CondVar free_;
  int tokens_ ABSL_GUARDED_BY(mu_);
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  std::array<std::atomic<int>, kEvents> left_{};
  std::array<std::atomic<int64_t>, kEvents> published_ns_{};
};

void PublishAll(const FanOutOptions& options, Publisher* publisher, Flight* flight,
                const std::atomic<bool>& stopping, std::atomic<int64_t>* published) {
  int64_t due = NowNs();
  while (!stopping) {
    if (options.rate > 0) {
      WaitUntilNs(due);
      due += static_cast<int64_t>(1e9 / options.rate);
    } else if (!flight->Take()) {
      return;
    }
    const int64_t number = (*published)++;
    flight->Publish(number);
    publisher->Publish(number);
  }
}

}  // namespace

FanOutResult RunFanOut(const FanOutOptions& options) {
  const auto channels = Connect(options.target, options.channels);
  const auto flight = std::make_unique<Flight>(options.window, options.watchers);
  std::vector<Meter> meters(static_cast<size_t>(options.watchers));
  const auto window_ns = static_cast<int64_t>(options.seconds * 1e9);
  Watchers::Options watch = WatchOf(options);
  watch.on_event = [&](size_t watcher, int64_t event) {
    if (options.filtered) return meters[watcher].Count(NowNs(), NowNs());
    meters[watcher].Count(flight->Deliver(event), NowNs());
  };
  auto watchers = std::make_unique<Watchers>(channels, options.watchers, std::move(watch));
  watchers->AwaitOpen();

  const int64_t begin = NowNs() + static_cast<int64_t>(options.warm_up_seconds * 1e9);
  for (Meter& meter : meters) meter.SetWindow(begin, begin + window_ns);
  std::atomic<bool> stopping{false};
  std::atomic<int64_t> published{0};
  const auto publisher = MakePublisher(options, Connect(options.target, 1).front());
  std::thread publishing(
      [&] { PublishAll(options, publisher.get(), flight.get(), stopping, &published); });
  WaitUntilNs(begin);
  const int64_t published_before = published;
  if (options.on_window) options.on_window(true);
  WaitUntilNs(begin + window_ns);
  if (options.on_window) options.on_window(false);
  FanOutResult result;
  result.published = published - published_before;
  stopping = true;
  flight->End();
  publishing.join();
  result.events_per_message = static_cast<double>(watchers->events()) /
                              static_cast<double>(std::max<int64_t>(1, watchers->messages()));
  watchers.reset();  // nobody counts any more
  result.deliveries = Summarize(meters, window_ns);
  return result;
}

}  // namespace coordhub::bench
