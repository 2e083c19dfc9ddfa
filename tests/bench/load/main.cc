// bench_load: one load on one server; prints one line of JSON. `coordhub-bench` runs it.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "bench.grpc.pb.h"
#include "etcd.grpc.pb.h"
#include "nlohmann/json.hpp"
#include "tests/bench/load/calls.h"
#include "tests/bench/load/etcd_side.h"
#include "tests/bench/load/fan_out.h"
#include "tests/bench/load/hub_side.h"
#include "tests/bench/load/idle.h"
#include "tests/bench/load/load.h"
#include "tests/bench/load/server_probe.h"
#include "tests/bench/load/streams.h"
#include "tests/bench/load/writes_beside.h"

namespace coordhub::bench {
namespace {

using nlohmann::json;

// What the command line says.
struct Arguments {
  LoadOptions load;
  std::string kind;
  int pid = 0;
  int request_bytes = 20;
  int answer_bytes = 300;
  int tickets = 0;
  int agents = 0;
  int streams = 1;
  int per_message = 1;
  double writes = 0;
  double heavy_reads = 0;
  FanOutOptions fan_out;
  int idle_agents = 1'000;
};

json ToJson(const Summary& summary) {
  return {{"operations", summary.operations},
          {"per_second", summary.per_second},
          {"p50_us", summary.p50_us},
          {"p99_us", summary.p99_us},
          {"max_us", summary.max_us}};
}

// The server's processor time over the window.
class ServerCost {
 public:
  explicit ServerCost(int pid) : pid_(pid) {}
  void OnWindow(bool begins) {
    if (begins) {
      before_ = ProcessorSeconds(pid_);
    } else {
      used_ = ProcessorSeconds(pid_) - before_;
      resident_ = ResidentBytes(pid_);
    }
  }
  void AddTo(json* result, double operations) const {
    (*result)["server_seconds"] = used_;
    (*result)["server_us_per_operation"] = operations > 0 ? used_ * 1e6 / operations : 0;
    (*result)["server_resident_bytes"] = resident_;
  }

 private:
  const int pid_;
  double before_ = 0;
  double used_ = 0;
  int64_t resident_ = 0;
};

Operation Echo(const std::vector<std::shared_ptr<grpc::Channel>>& channels,
               const Arguments& arguments, bool durable, int slots) {
  using EchoCalls = Calls<Payload, Payload>;
  auto stubs = std::make_shared<std::vector<std::unique_ptr<Reference::Stub>>>();
  for (const auto& channel : channels) stubs->push_back(Reference::NewStub(channel));
  return [stubs, durable, calls = std::make_shared<EchoCalls>(slots),
          body = std::string(static_cast<size_t>(arguments.request_bytes), 'r'),
          answer = arguments.answer_bytes](int slot, const Done& done) {
    auto& call = calls->Begin(slot);
    call.request.set_body(body);
    call.request.set_answer_bytes(answer);
    auto* async = (*stubs)[static_cast<size_t>(slot) % stubs->size()]->async();
    const auto ended = [done](const grpc::Status& status) {
      Check(status, "Echo");
      done(true);
    };
    if (durable) {
      async->DurableEcho(&*call.context, &call.request, &call.response, ended);
    } else {
      async->Echo(&*call.context, &call.request, &call.response, ended);
    }
  };
}

Operation HubOperation(HubSide* hub, const std::string& kind, int slots) {
  if (kind == "claim") return hub->Claim(slots);
  if (kind == "pairs") return hub->ClaimAndComplete(slots);
  if (kind == "create") return hub->Create(slots);
  if (kind == "get") return hub->Get(slots);
  return hub->List(slots);
}

bool IsOfHub(const std::string& kind) {
  return !kind.ends_with("echo") && !kind.starts_with("etcd");
}

Operation UnaryOperation(HubSide* hub, const std::vector<std::shared_ptr<grpc::Channel>>& channels,
                         const Arguments& arguments) {
  const std::string& kind = arguments.kind;
  const int slots = arguments.load.in_flight;
  if (kind == "etcd-put") return EtcdPut(channels, slots, arguments.answer_bytes);
  if (kind == "etcd-txn") return EtcdTxn(channels, slots, arguments.answer_bytes);
  if (kind.ends_with("echo")) return Echo(channels, arguments, kind == "durable-echo", slots);
  return HubOperation(hub, kind, slots);
}

// What `--writes` asks for: tickets on a hub, durable echoes on the reference.
Operation WriteOperation(HubSide* hub, const std::vector<std::shared_ptr<grpc::Channel>>& channels,
                         const Arguments& arguments) {
  constexpr int kSlots = WritesBeside::kSlots;
  if (IsOfHub(arguments.kind)) return hub->Create(kSlots);
  return Echo(channels, arguments, /*durable=*/true, kSlots);
}

json RunUnary(const Arguments& arguments) {
  const auto channels = Connect(arguments.load.target, arguments.load.channels);
  const auto write_channels = Connect(arguments.load.target, 1);
  HubSide hub(channels);
  HubSide write_hub(write_channels);
  if (IsOfHub(arguments.kind)) {
    hub.RegisterAgents(arguments.agents);
    hub.CreateTickets(arguments.tickets);
    AwaitQuiet(arguments.pid);
  }
  Load load(arguments.load, UnaryOperation(&hub, channels, arguments));
  ServerCost cost(arguments.pid);
  load.set_on_window([&](bool begins) { cost.OnWindow(begins); });
  std::optional<WritesBeside> heavy_reads;
  if (arguments.heavy_reads > 0) {
    heavy_reads.emplace(arguments.load, arguments.heavy_reads,
                        write_hub.HeavyRead(WritesBeside::kSlots));
  }
  std::optional<WritesBeside> writes;
  if (arguments.writes > 0) {
    writes.emplace(arguments.load, arguments.writes,
                   WriteOperation(&write_hub, write_channels, arguments));
  }
  const Summary summary = load.Run();
  json result = ToJson(summary);
  if (heavy_reads) result["heavy_reads_per_second"] = heavy_reads->Finish().per_second;
  if (writes) result["writes_per_second"] = writes->Finish().per_second;
  if (IsOfHub(arguments.kind)) {
    result["request_bytes"] = hub.request_bytes();
    result["response_bytes"] = hub.response_bytes();
  }
  cost.AddTo(&result, static_cast<double>(summary.operations));
  return result;
}

// Runs pipelines until the window is over. `make` begins one on a channel, with its meter.
template <class Request, class Response>
json RunPipelines(
    const Arguments& arguments,
    const std::function<void(const std::shared_ptr<grpc::Channel>&, int stream,
                             grpc::ClientContext*, Pipeline<Request, Response>*)>& call,
    typename Pipeline<Request, Response>::Options options) {
  const auto channels = Connect(arguments.load.target, arguments.load.channels);
  const auto streams = static_cast<size_t>(arguments.streams);
  std::vector<Meter> meters(streams);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<Pipeline<Request, Response>*> pipelines;
  base::Mutex mu;
  base::CondVar ended;
  size_t ended_count = 0;
  options.on_end = [&](const grpc::Status& status) {
    Check(status, "stream");
    base::MutexLock lock(&mu);
    ++ended_count;
    ended.Signal();
  };
  const int64_t begin = NowNs() + static_cast<int64_t>(arguments.load.warm_up_seconds * 1e9);
  const auto window_ns = static_cast<int64_t>(arguments.load.seconds * 1e9);
  for (size_t i = 0; i < streams; ++i) {
    meters[i].SetWindow(begin, begin + window_ns);
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    pipelines.push_back(new Pipeline<Request, Response>(options, &meters[i]));
    call(channels[i % channels.size()], static_cast<int>(i), contexts[i].get(), pipelines[i]);
    pipelines[i]->Begin();
  }
  ServerCost cost(arguments.pid);
  WaitUntilNs(begin);
  cost.OnWindow(true);
  WaitUntilNs(begin + window_ns);
  cost.OnWindow(false);
  for (auto* pipeline : pipelines) pipeline->Stop();
  {
    base::MutexLock lock(&mu);
    while (ended_count < streams) ended.Wait(&mu);
  }
  const Summary summary = Summarize(meters, window_ns);
  json result = ToJson(summary);
  cost.AddTo(&result, static_cast<double>(summary.operations));
  return result;
}

json RunEchoStream(const Arguments& arguments) {
  std::vector<std::unique_ptr<Reference::Stub>> stubs;
  return RunPipelines<Payload, Payload>(
      arguments,
      [&stubs](const auto& channel, int, auto* context, auto* pipeline) {
        stubs.push_back(Reference::NewStub(channel));
        stubs.back()->async()->EchoStream(context, pipeline);
      },
      {.in_flight = arguments.load.in_flight,
       .per_request = 1,
       .add =
           [&arguments](Payload* request) {
             request->set_body(std::string(static_cast<size_t>(arguments.request_bytes), 'r'));
             request->set_answer_bytes(arguments.answer_bytes);
           },
       .count = [](const Payload&) { return 1; },
       .on_end = nullptr});
}

json RunMutations(const Arguments& arguments) {
  std::vector<std::unique_ptr<pb::TicketService::Stub>> stubs;
  return RunPipelines<pb::MutateTicketsRequest, pb::MutateTicketsResponse>(
      arguments,
      [&stubs](const auto& channel, int, auto* context, auto* pipeline) {
        stubs.push_back(pb::TicketService::NewStub(channel));
        stubs.back()->async()->MutateTickets(context, pipeline);
      },
      {.in_flight = arguments.load.in_flight,
       .per_request = arguments.per_message,
       .add =
           [](pb::MutateTicketsRequest* request) {
             request->add_mutations()->mutable_create_ticket()->mutable_spec()->set_title(
                 "a ticket of the benchmark");
           },
       .count = [](const pb::MutateTicketsResponse& response) { return response.results_size(); },
       .on_end = nullptr});
}

json RunKeepAlive(const Arguments& arguments) {
  HubSide hub(Connect(arguments.load.target, 1));
  hub.RegisterAgents(arguments.streams);
  std::vector<std::unique_ptr<pb::AgentService::Stub>> stubs;
  return RunPipelines<pb::KeepAliveRequest, pb::KeepAliveResponse>(
      arguments,
      [&](const auto& channel, int stream, auto* context, auto* pipeline) {
        context->AddMetadata("coordhub-session", hub.sessions()[static_cast<size_t>(stream)]);
        stubs.push_back(pb::AgentService::NewStub(channel));
        stubs.back()->async()->KeepAlive(context, pipeline);
      },
      {.in_flight = 1,
       .per_request = 1,
       .add = [](pb::KeepAliveRequest* request) { request->set_sequence(1); },
       .count = [](const pb::KeepAliveResponse&) { return 1; },
       .on_end = nullptr});
}

json RunEtcdKeepAlive(const Arguments& arguments) {
  const std::vector<int64_t> leases =
      EtcdLeases(Connect(arguments.load.target, 1).front(), arguments.streams);
  std::vector<std::unique_ptr<etcdserverpb::Lease::Stub>> stubs;
  std::atomic<size_t> next{0};
  return RunPipelines<etcdserverpb::LeaseKeepAliveRequest, etcdserverpb::LeaseKeepAliveResponse>(
      arguments,
      [&](const auto& channel, int, auto* context, auto* pipeline) {
        stubs.push_back(etcdserverpb::Lease::NewStub(channel));
        stubs.back()->async()->LeaseKeepAlive(context, pipeline);
      },
      {.in_flight = 1,
       .per_request = 1,
       .add = [&](auto* request) { request->set_id(leases[next++ % leases.size()]); },
       .count = [](const auto&) { return 1; },
       .on_end = nullptr});
}

json RunFanOutLoad(Arguments arguments) {
  FanOutOptions& options = arguments.fan_out;
  options.target = arguments.load.target;
  using Server = FanOutOptions::Server;
  options.server = arguments.kind == "fan-out"        ? Server::kHub
                   : arguments.kind == "etcd-fan-out" ? Server::kEtcd
                                                      : Server::kReference;
  options.coalesce = arguments.kind == "reference-fan-out-coalesced";
  options.channels = arguments.load.channels;
  options.rate = arguments.load.rate;
  options.seconds = arguments.load.seconds;
  options.warm_up_seconds = arguments.load.warm_up_seconds;
  options.event_bytes = arguments.answer_bytes;
  ServerCost cost(arguments.pid);
  options.on_window = [&cost](bool begins) { cost.OnWindow(begins); };
  const FanOutResult fan_out = RunFanOut(options);
  json result = ToJson(fan_out.deliveries);
  result["published"] = fan_out.published;
  result["events_per_message"] = fan_out.events_per_message;
  cost.AddTo(&result, static_cast<double>(fan_out.deliveries.operations));
  return result;
}

json RunIdleLoad(const Arguments& arguments) {
  using Server = IdleOptions::Server;
  ServerCost cost(arguments.pid);
  RunIdle({.target = arguments.load.target,
           .server = arguments.kind == "idle"        ? Server::kHub
                     : arguments.kind == "etcd-idle" ? Server::kEtcd
                                                     : Server::kReference,
           .agents = arguments.idle_agents,
           .seconds = arguments.load.seconds,
           .beat_seconds = 20,
           .on_window = [&cost](bool begins) { cost.OnWindow(begins); }});
  json result;
  cost.AddTo(&result, 0);
  result["server_share"] = result["server_seconds"].get<double>() / arguments.load.seconds;
  return result;
}

json RunKind(const Arguments& arguments) {
  const std::string& kind = arguments.kind;
  if (kind == "echo-stream") return RunEchoStream(arguments);
  if (kind == "mutations") return RunMutations(arguments);
  if (kind == "keep-alive") return RunKeepAlive(arguments);
  if (kind == "etcd-keep-alive") return RunEtcdKeepAlive(arguments);
  if (kind.find("fan-out") != std::string::npos) return RunFanOutLoad(arguments);
  if (kind.find("idle") != std::string::npos) return RunIdleLoad(arguments);
  return RunUnary(arguments);
}

int Main(int argc, char** argv) {
  CLI::App app("One load on one server; prints one line of JSON", "bench_load");
  Arguments arguments;
  app.add_option("kind", arguments.kind)
      ->required()
      ->check(CLI::IsMember({"echo",
                             "durable-echo",
                             "echo-stream",
                             "claim",
                             "pairs",
                             "create",
                             "get",
                             "list",
                             "mutations",
                             "keep-alive",
                             "fan-out",
                             "reference-fan-out",
                             "reference-fan-out-coalesced",
                             "idle",
                             "reference-idle",
                             "etcd-put",
                             "etcd-txn",
                             "etcd-keep-alive",
                             "etcd-fan-out",
                             "etcd-idle"}));
  app.add_option("--target", arguments.load.target)->required();
  app.add_option("--pid", arguments.pid, "The server's");
  app.add_option("--in-flight", arguments.load.in_flight);
  app.add_option("--channels", arguments.load.channels);
  app.add_option("--seconds", arguments.load.seconds);
  app.add_option("--warm-up", arguments.load.warm_up_seconds);
  app.add_option("--rate", arguments.load.rate, "Open loop: so many a second");
  app.add_option("--request-bytes", arguments.request_bytes);
  app.add_option("--answer-bytes", arguments.answer_bytes);
  app.add_option("--tickets", arguments.tickets, "Created before");
  app.add_option("--agents", arguments.agents, "Registered before");
  app.add_option("--streams", arguments.streams);
  app.add_option("--per-message", arguments.per_message, "Mutations of one message at the most");
  app.add_option("--writes", arguments.writes,
                 "Tickets created, or durable echoes, a second meanwhile");
  app.add_option("--heavy-reads", arguments.heavy_reads,
                 "Reads of thousands of tickets or events, a second meanwhile");
  app.add_option("--watchers", arguments.fan_out.watchers);
  app.add_option("--window", arguments.fan_out.window);
  app.add_flag("--filtered", arguments.fan_out.filtered);
  app.add_option("--idle-agents", arguments.idle_agents);
  CLI11_PARSE(app, argc, argv);
  std::printf("%s\n", RunKind(arguments).dump().c_str());
  std::fflush(stdout);
  // The last callbacks have told their results and may still be on their way out of gRPC, which at
  // an orderly exit is taken down under their feet (an assertion in one of 250 runs).
  std::_Exit(0);
}

}  // namespace
}  // namespace coordhub::bench

int main(int argc, char** argv) { return coordhub::bench::Main(argc, argv); }
