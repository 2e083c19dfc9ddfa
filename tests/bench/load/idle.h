// Many agents that have nothing to do.

#pragma once

#include <functional>
#include <string>

namespace coordhub::bench {

struct IdleOptions {
  // The hub: agents with a KeepAlive and a watch on a connection each. The reference: as many
  // connections with two streams each. etcd: as many with a lease that is kept alive and a watch.
  enum class Server { kHub, kReference, kEtcd };

  std::string target;
  Server server = Server::kHub;
  int agents = 1'000;
  double seconds = 5;
  // Each agent says that it lives so often.
  double beat_seconds = 20;
  std::function<void(bool begins)> on_window;
};

// Opens all, lets the window pass while they beat, closes them.
void RunIdle(const IdleOptions& options);

}  // namespace coordhub::bench
