// Calls that are tried until they succeed, fail for good, or run out of time.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/mutex.h"
#include "agent/client/options.h"
#include "agent/client/retry_policy.h"
#include "agent/client/transport.h"

namespace coordhub::agent {

// What all Clients of one endpoint share. Owns the transport. Thread-safe; callers block on their
// own threads.
class Connection {
 public:
  // Of `options` it takes `timeout`, `retry`, `make_request_id`, `on_retry`, `clock` and `ids`; the
  // last two must be set.
  Connection(const ClientOptions& options, std::unique_ptr<Transport> transport);
  ~Connection();

  // Tries the unary call `method` until it succeeds, an error is not Retryable, or `timeout` has
  // passed. `request` is sent unchanged each time: a mutation must carry its request_id already.
  // When time runs out (all of it is used, but for a last part in which no attempt could succeed,
  // or in which the hub advised against one), the last attempt's error is returned, with a note of
  // how often it was tried.
  absl::Status Call(const std::string& method, const google::protobuf::MessageLite& request,
                    google::protobuf::MessageLite* response, const Credentials& credentials,
                    absl::Duration timeout);

  // Ends all calls and streams with CANCELLED, now and later.
  void Shutdown();
  bool shut_down() const;

  Transport& transport() { return *transport_; }
  base::Clock& clock() { return clock_; }
  base::IdSource& ids() { return ids_; }
  // The id of a mutation that has none.
  std::string NewRequestId() { return make_request_id_ ? make_request_id_() : ids_.NewUid(); }
  absl::Duration timeout() const { return timeout_; }
  const RetryPolicy& retry() const { return retry_; }

 private:
  // Sleeps, but not beyond Shutdown. False: shut down.
  bool PauseUntil(base::MonoTime until);

  const absl::Duration timeout_;
  const RetryPolicy retry_;
  const std::function<std::string()> make_request_id_;
  const std::function<void(const absl::Status&, absl::Duration)> on_retry_;
  base::Clock& clock_;
  base::IdSource& ids_;
  const std::unique_ptr<Transport> transport_;

  mutable base::Mutex mu_;  // a leaf
  base::CondVar shut_down_cv_;
  bool shut_down_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace coordhub::agent
