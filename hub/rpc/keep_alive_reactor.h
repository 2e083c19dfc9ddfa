// One KeepAlive stream.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/agent_service.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "hub/core/records.h"
#include "hub/rpc/gate.h"
#include "hub/rpc/server_call.h"
#include "hub/rpc/service_host.h"
#include "hub/rpc/stream.h"

namespace coordhub::rpc {

// Each message renews the session and is answered; claims that were lost, other conflicts of the
// agent's branch, another round and the hub's drain are told unasked. One write is in flight; what
// comes meanwhile is answered together with the latest `sequence`. Ends with SESSION_ENDED when the
// session does, OK when the agent closes its side.
//
// As WatchReactor: news is noted under `mu_`, and Pump decides there on the one next action and
// performs it outside. Lifetime: holds itself from Start to OnDone. Lock order: `mu_` before those
// of the engine.
class KeepAliveReactor final : public CallReactor,
                               public Stream,
                               public std::enable_shared_from_this<KeepAliveReactor> {
 public:
  // `principal` is a session.
  static void Start(std::shared_ptr<ServiceHost> host, const Gate* gate,
                    std::unique_ptr<StreamServerCall> call, const Principal& principal);

  // CallReactor
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Stream
  void OnTimer() override {}
  void OnDrain(const engine::Workspace* workspace) override;
  void OnAgentResumed() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnAgentEnded() override;
  void OnClaimEnded(const std::string& ticket_id, int64_t fence, std::optional<Loss> lost) override;
  void OnBranchNews() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnEventsMissed() override;

 private:
  enum class Action { kNothing, kWrite, kFinish };
  struct Step {
    Action action = Action::kNothing;
    absl::Status status;  // kFinish
  };

  KeepAliveReactor(std::shared_ptr<ServiceHost> host, const Gate* gate,
                   std::unique_ptr<StreamServerCall> call, Principal principal)
      : host_(std::move(host)),
        gate_(*gate),
        call_(std::move(call)),
        principal_(std::move(principal)) {}

  // What a message of the agent says. Errors end the stream.
  absl::Status HandleRequest(const grpc::ByteBuffer& bytes) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Join(const v1::KeepAliveRequest& first) ABSL_LOCKS_EXCLUDED(mu_);
  void End(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_);

  void Pump() ABSL_LOCKS_EXCLUDED(mu_);
  Step Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Step Write(const v1::KeepAliveResponse& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Step FinishWith(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Conflicts of the agent's branch, and the round that it is in, as they are told.
  struct BranchNews {
    // (the other branch, revision of the last change)
    std::vector<std::pair<std::string, int64_t>> conflicts;
    std::string round_id;
    bool operator==(const BranchNews&) const = default;
  };
  BranchNews BranchNewsAt(const core::View& view) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TellBranchNews(const core::View& view, v1::KeepAliveResponse* answer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The claims held and lost, from the newest view.
  v1::KeepAliveResponse MakeAnswer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::shared_ptr<ServiceHost> host_;
  const Gate& gate_;  // valid until OnDone
  const std::unique_ptr<StreamServerCall> call_;
  const Principal principal_;
  std::shared_ptr<KeepAliveReactor> self_;

  grpc::ByteBuffer request_;  // gRPC's while a read is in flight
  grpc::ByteBuffer message_;  // gRPC's while writing_

  base::Mutex mu_;
  // Set by the first message, then constant.
  std::optional<CallScope> scope_ ABSL_GUARDED_BY(mu_);
  std::string agent_id_ ABSL_GUARDED_BY(mu_);
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  // Messages being handled: until the next read has started, nothing finishes. Two at the most,
  // since that read may be done, on another thread, before the call that started it has returned.
  int handling_ ABSL_GUARDED_BY(mu_) = 0;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  bool agent_closed_ ABSL_GUARDED_BY(mu_) = false;
  // Not OK: the stream ends so, once nothing is in flight.
  absl::Status end_ ABSL_GUARDED_BY(mu_);
  bool say_draining_ ABSL_GUARDED_BY(mu_) = false;

  bool answer_due_ ABSL_GUARDED_BY(mu_) = false;
  // Something to tell without being asked, other than losses.
  bool news_due_ ABSL_GUARDED_BY(mu_) = false;
  // The agent's branch may have other conflicts, or be in another round.
  bool branch_news_ ABSL_GUARDED_BY(mu_) = false;
  // As last told; none: never.
  std::optional<BranchNews> told_branch_news_ ABSL_GUARDED_BY(mu_);
  int64_t sequence_ ABSL_GUARDED_BY(mu_) = 0;
  // Claims as last told, by ticket: fences; and those lost since.
  std::map<std::string, int64_t> told_ ABSL_GUARDED_BY(mu_);
  struct Lost {
    int64_t fence = 0;
    Loss how = v1::LostClaim::REASON_UNSPECIFIED;
  };
  std::map<std::string, Lost> lost_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::rpc
