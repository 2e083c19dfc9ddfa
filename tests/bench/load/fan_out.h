// Events to many watchers, flat out or paced.

#pragma once

#include <functional>
#include <string>

#include "tests/bench/load/meter.h"

namespace coordhub::bench {

struct FanOutOptions {
  std::string target;
  enum class Server { kHub, kReference, kEtcd };
  Server server = Server::kHub;
  // The reference's streams send what waits in one message.
  bool coalesce = false;
  int watchers = 100;
  int channels = 100;
  // Flat out: events that not all watchers have yet. Paced: events a second instead.
  int window = 16;
  double rate = 0;
  int event_bytes = 400;
  // Hub: watch only tickets with this label, which every hundredth has.
  bool filtered = false;
  double seconds = 2;
  double warm_up_seconds = 0.7;
  std::function<void(bool begins)> on_window;
};

struct FanOutResult {
  // Of deliveries: one event to one watcher. Latency from the publisher's call, paced runs only.
  Summary deliveries;
  int64_t published = 0;
  double events_per_message = 0;
};

FanOutResult RunFanOut(const FanOutOptions& options);

}  // namespace coordhub::bench
