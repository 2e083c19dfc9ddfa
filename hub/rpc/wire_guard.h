// Between strangers on TCP and gRPC.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "agent/base/unique_fd.h"
#include "hub/rpc/frame_watch.h"

namespace coordhub::rpc {

// What gRPC 1.51 does not bound by itself. Its limits are those that a client has acknowledged, so
// that one which acknowledges nothing has none; and its bound for metadata begins anew with each
// CONTINUATION frame (CVE-2023-33953). The figures stand in the README.
struct WireBounds {
  // Connections over TCP; each takes three descriptors.
  size_t connections = 1'024;
  FrameBounds frames;
  // Open streams of all connections.
  size_t streams_in_all = 16'384;
  // From a stream's headers to the end of its request, or the first word of an answer.
  absl::Duration begun_for = absl::Seconds(30);
  // From the connection's start until the client has acknowledged our settings; from the start of a
  // header block to its end; for what is left when one side has closed.
  absl::Duration patience = absl::Seconds(10);
};

// Carries the bytes of each connection to gRPC and back, looking at the heads of HTTP/2 frames
// only, and cuts a connection that goes beyond the bounds. Holds at most one buffer a direction for
// it: what one side does not take, the other one is not asked for, and a client that does not read
// is not read. One thread; any other may call.
class WireGuard {
 public:
  // Owns the descriptor of gRPC's end of a connection. On the thread that calls Add.
  using Admit = std::function<void(int connection)>;

  WireGuard(const WireBounds& bounds, Admit admit);
  ~WireGuard();
  WireGuard(const WireGuard&) = delete;
  WireGuard& operator=(const WireGuard&) = delete;

  // Starts the thread. Errors: IO_FAILED.
  absl::Status Start();
  // Cuts what is left and ends the thread; once gRPC has ended its side. Idempotent.
  void Stop();

  // A client's connection, which does not block. Closed at once when there are too many. One
  // thread.
  void Add(base::UniqueFd client) ABSL_LOCKS_EXCLUDED(mu_);

  size_t connections() const { return connections_; }

 private:
  class Link;

  void Run();
  // Moves what can be moved, and cuts the connection if need be.
  void Serve(Link* link, int64_t now_ms);
  // Once in a while: those whose time is over.
  void CutLate(int64_t now_ms);
  // `why` is for the log; null: it has ended.
  void Cut(Link* link, const char* why);
  void DropCut();
  void TakeNew() ABSL_LOCKS_EXCLUDED(mu_);

  const WireBounds bounds_;
  const Admit admit_;
  base::UniqueFd epoll_;
  base::UniqueFd wake_;
  std::thread thread_;
  std::atomic<size_t> connections_{0};

  base::Mutex mu_;  // a leaf
  std::vector<std::unique_ptr<Link>> new_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  // The thread's.
  std::list<std::unique_ptr<Link>> links_;
  bool any_cut_ = false;
  size_t streams_ = 0;
  int64_t cut_ = 0;
  int64_t last_log_ms_ = 0;
};

}  // namespace coordhub::rpc
