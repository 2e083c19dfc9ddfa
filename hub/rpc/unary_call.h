// One unary call, from its start until its answer is on the way.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "google/protobuf/message.h"
#include "hub/rpc/call_deadline.h"
#include "hub/rpc/connection_shares.h"
#include "hub/rpc/gate.h"
#include "hub/rpc/server_call.h"
#include "hub/rpc/service_host.h"

namespace coordhub::rpc {

// Answered once, by whoever comes first; what comes later is dropped. Holds itself until gRPC is
// done with it, and then lives as long as a callback of the engine's holds it: so a result that
// nobody waits for any more finds it. Any thread; no method blocks.
class UnaryCall final : public CallReactor, public std::enable_shared_from_this<UnaryCall> {
 public:
  // What takes place when the caller goes away before the answer.
  using OnGone = std::function<void()>;

  static std::shared_ptr<UnaryCall> Start(std::shared_ptr<ServiceHost> host, const Gate* gate,
                                          std::unique_ptr<UnaryServerCall> call);

  ServiceHost& host() const { return *host_; }
  const Gate& gate() const { return gate_; }
  base::MonoTime deadline() const { return deadline_; }
  // Set once the caller is known, before anything is shared with other threads.
  const Principal& principal() const { return *principal_; }
  void set_principal(Principal principal) { principal_ = std::move(principal); }

  // For the log. Before anything is shared with other threads; `method` outlives the call.
  void set_method(const std::string& method) { method_ = &method; }
  void set_subject(std::string_view workspace_id, std::string_view request_id) {
    workspace_id_ = workspace_id;
    request_id_ = request_id;
  }
  // By whoever answers, before.
  void set_revision(int64_t revision) { revision_ = revision; }

  void Answer(const google::protobuf::Message& response);
  // `status` is not OK.
  void Refuse(const absl::Status& status);

  // Calls `on_gone` when the caller goes away; at once if it is gone. It must not hold this call.
  // Such a call may take its time.
  void WhenGone(OnGone on_gone) ABSL_LOCKS_EXCLUDED(mu_);
  // Answers CALLER_GONE when the caller goes away, for work that cannot be called off.
  void RefuseWhenGone();

  // Whether somebody has answered it, so that whoever still works for it may stop.
  bool answered() const { return answered_; }

  // Ends the call as a caller that went away would.
  void CutOff() ABSL_LOCKS_EXCLUDED(mu_);

  void OnCancel() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnDone() override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  UnaryCall(std::shared_ptr<ServiceHost> host, const Gate* gate,
            std::unique_ptr<UnaryServerCall> call)
      : host_(std::move(host)),
        gate_(*gate),
        deadline_(DeadlineOf(call->context(), host_->clock())),
        began_(host_->clock().Mono()),
        connection_(ConnectionOf(&call->context())),
        call_(std::move(call)) {}
  void LogEnd(const absl::Status& status) const;
  void RefuseUnread();

  const std::shared_ptr<ServiceHost> host_;
  const Gate& gate_;  // valid until OnDone
  const base::MonoTime deadline_;
  const base::MonoTime began_;
  const ConnectionKey connection_;
  std::optional<Principal> principal_;  // once the caller is known
  bool is_counted_ = false;             // among the host's open calls
  // For the log.
  const std::string* method_ = nullptr;
  std::string workspace_id_;
  std::string request_id_;
  int64_t revision_ = 0;
  std::atomic<bool> may_wait_{false};
  std::unique_ptr<UnaryServerCall> call_;  // until OnDone
  std::atomic<bool> answered_{false};
  size_t answer_bytes_ = 0;  // 0: counted nowhere
  std::shared_ptr<UnaryCall> self_;

  base::Mutex mu_;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  OnGone on_gone_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::rpc
