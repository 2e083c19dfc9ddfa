// Answers that callers have not taken yet.

#pragma once

#include <atomic>
#include <cstddef>
#include <list>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/rpc/connection_shares.h"
#include "hub/rpc/stream.h"

namespace coordhub::rpc {

class StreamTimer;
class UnaryCall;

// An answer is in memory until gRPC has handed it to the connection, which is when the caller
// allows it: one who allows nothing has it kept. So they are bounded in bytes, for each connection
// and in all, and in time: a call whose caller has not taken a large answer after the patience that
// slow watchers get is cut. Small ones are bounded by the number of calls, and count in all. Any
// thread.
class UnreadAnswers final : public Stream, public std::enable_shared_from_this<UnreadAnswers> {
 public:
  static constexpr size_t kLarge = 4 << 10;
  static constexpr size_t kBytesPerConnection = 64 << 20;
  static constexpr size_t kBytesInAll = 256 << 20;

  // `timer` and `clock` outlive it.
  UnreadAnswers(StreamTimer* timer, const base::Clock* clock, absl::Duration patience)
      : timer_(*timer), clock_(*clock), patience_(patience) {}

  // False: there is no room for one more answer of this size, on this connection or in all.
  bool TryAdd(const std::shared_ptr<UnaryCall>& call, ConnectionKey connection, size_t bytes);
  // It was taken, or the call is over. What TryAdd was given.
  void Remove(const UnaryCall* call, ConnectionKey connection, size_t bytes);

  size_t bytes() const { return bytes_; }

  // Stream
  void OnTimer() override;
  void OnDrain(const engine::Workspace*) override {}
  void OnAgentEnded() override {}
  void OnAgentResumed() override {}
  void OnClaimEnded(const std::string&, int64_t, std::optional<Loss>) override {}
  void OnEventsMissed() override {}

 private:
  struct Large {
    const UnaryCall* key;
    std::weak_ptr<UnaryCall> call;
    base::MonoTime since;
  };

  void Watch(const std::shared_ptr<UnaryCall>& call) ABSL_LOCKS_EXCLUDED(mu_);

  StreamTimer& timer_;
  const base::Clock& clock_;
  const absl::Duration patience_;
  std::atomic<size_t> bytes_{0};
  ConnectionShares shares_{kBytesPerConnection, kBytesInAll};

  base::Mutex mu_;  // a leaf
  // Large ones that were not taken: those that wait longest first.
  std::list<Large> large_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<const UnaryCall*, std::list<Large>::iterator> by_call_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::rpc
