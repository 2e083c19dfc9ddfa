// Many streams that receive events, and what they saw.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/mutex.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/load/meter.h"

namespace coordhub::bench {

// How many elements of the field `number` a message has; the rest of it is not looked at. So a
// client costs the same whatever the events are.
int CountEvents(const grpc::ByteBuffer& message, int number);

// Server streams of one method. Events are told apart by their place in the stream.
class Watchers {
 public:
  struct Options {
    std::string method;
    // Serialized.
    std::string request;
    // The field of the responses that has the events.
    int events_field = 1;
    // Whether a stream is open with its first message, or with its metadata already.
    bool opens_with_message = false;
    // Called for each event of each watcher, with the event's number from 0; on gRPC's threads.
    std::function<void(size_t watcher, int64_t event)> on_event;
  };
  Watchers(const std::vector<std::shared_ptr<grpc::Channel>>& channels, int count, Options options);
  // Cancels all and waits for their ends.
  ~Watchers();
  Watchers(const Watchers&) = delete;
  Watchers& operator=(const Watchers&) = delete;

  void AwaitOpen();
  int64_t events() const { return events_; }
  int64_t messages() const { return messages_; }

 private:
  class Reactor;

  const Options options_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  std::vector<std::unique_ptr<Reactor>> reactors_;
  std::atomic<int64_t> events_{0};
  std::atomic<int64_t> messages_{0};
  base::Mutex mu_;
  base::CondVar changed_;
  int open_ ABSL_GUARDED_BY(mu_) = 0;
  int ended_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace coordhub::bench
