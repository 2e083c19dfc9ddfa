// A hub in this process, and clients of it over real sockets.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/error.h"
#include "agent/base/ids.h"
#include "agent/base/manual_clock.h"
#include "agent/base/mutex.h"
#include "agent/base/session_token.h"
#include "coordhub/v1/agent_service.grpc.pb.h"
#include "coordhub/v1/event_service.grpc.pb.h"
#include "coordhub/v1/hub_service.grpc.pb.h"
#include "coordhub/v1/repository_service.grpc.pb.h"
#include "coordhub/v1/ticket_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "hub/engine/workspace.h"
#include "hub/git/observation.h"
#include "hub/git/observer.h"
#include "hub/loops/loop_runner.h"
#include "hub/operations/backup_kind.h"
#include "hub/operations/verify_kind.h"
#include "hub/operations/workspace_operations.h"
#include "hub/operations/worktree_kinds.h"
#include "hub/operations/worktree_requests.h"
#include "hub/rpc/server.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::rpc {

namespace pb = ::coordhub::v1;

// What a call came to, as our clients read it.
absl::Status FromGrpc(const grpc::Status& status);
pb::ErrorReason ReasonOf(const grpc::Status& status);
std::string MetadataOf(const grpc::Status& status, std::string_view key);

// A connection of its own, and calls over it that may differ in who makes them.
class Client {
 public:
  explicit Client(const std::string& target, grpc::ChannelArguments args = {});

  // Later calls carry this token. Empty: none.
  void set_session(std::string token) { session_ = std::move(token); }
  void set_operator(std::string token) { operator_ = std::move(token); }
  // Names the program to the hub. Empty: it names none.
  void set_client_id(std::string id) { client_id_ = std::move(id); }
  const std::string& session() const { return session_; }

  // A context for one call: the tokens, and a deadline that only a broken test meets.
  std::unique_ptr<grpc::ClientContext> Context() const;

  // Calls a unary method: `Call(&pb::TicketService::Stub::CreateTicket, request, &response)`.
  template <class Service, class Request, class Response>
  grpc::Status Call(grpc::Status (Service::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
                    const Request& request, Response* response) const {
    const auto context = Context();
    Service stub(channel_);
    return (stub.*method)(context.get(), request, response);
  }

  // The few that most tests need; each expects to succeed.
  pb::RegisterAgentResponse Register(const std::string& agent_id,
                                     absl::Duration ttl = absl::Seconds(60));
  pb::Ticket Create(const std::string& title) const;
  pb::Ticket Claim(const std::string& ticket_id) const;
  pb::Ticket Complete(const pb::Ticket& claimed) const;
  pb::GetHubResponse GetHub(bool with_digest = false) const;

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::string session_;
  std::string operator_;
  std::string client_id_;
};

// How a hub is made; the default has one workspace `main`, on a socket and on TCP.
struct HubSpec {
  std::vector<std::string> workspaces = {"main"};
  bool tcp = true;
  int max_streams = 1'000;
  absl::Duration slow_watcher_timeout = absl::Seconds(30);
  // Small rings make watchers fall behind.
  size_t ring_events = 65'536;
  size_t waiters_capacity = 4'096;
  size_t queue_bytes = 64 << 20;
  engine::Archiving::Rules archiving;
  int64_t text_quota = 0;
  // Of every workspace; merges are previewed there.
  std::string common_dir = "/repo/.git";
  // Watches the repository at `common_dir`, where worktrees are then made. Not owned. Null: what
  // SetObservation says is seen, and worktrees are made nowhere.
  git::Observer* observer = nullptr;
  std::vector<std::string> worktree_branches;
  // The loops of each workspace; null: `comms` and `monitor`, which have nothing to do.
  std::function<void(loops::LoopRunner* runner)> add_loops;
  // What DrainHub tells.
  std::function<void()> on_drain_request;
};

// Of its workspaces' logs.
std::string LogIdOfTestHub(size_t workspace = 0);

// The hub: real engine, memory journals, a clock that is moved by hand.
class TestHub {
 public:
  explicit TestHub(HubSpec spec = {});
  ~TestHub();

  Client OnSocket(size_t workspace = 0) const;
  // Without tokens.
  Client OnTcp() const;
  // As the operator.
  Client OperatorOnTcp() const;

  std::string socket_target(size_t workspace = 0) const;
  std::string socket_path(size_t workspace = 0) const;
  std::string tcp_target() const;
  const std::string& operator_token() const { return operator_token_; }
  std::string key(size_t workspace = 0) const;

  base::ManualClock& clock() { return clock_; }
  // Lets time pass in steps, as for a hub that runs; a single jump would count as one that did not.
  void Age(absl::Duration time);
  engine::Workspace& workspace(size_t index = 0) { return *workspaces_[index]; }
  loops::LoopRunner& loops(size_t index = 0) { return *loops_[index]; }
  // Lets time pass for the loops.
  void AdvanceLoops(absl::Duration time);
  Server& server() { return *server_; }
  void StopServer() { server_.reset(); }
  // Puts an operation under way that nobody does: a gate of `caller`'s. Returns its id.
  std::string BeginOperation(const std::string& subject,
                             core::Caller caller = core::Caller::Operator());
  // Git has the branch at a commit of forty such digits, and nobody has compared it yet.
  void Observe(const std::string& branch, char digit);
  // All branches were compared where they are; what conflicts stays as it is.
  void CompareAll();
  // A command of the hub's own, as the loops give them; it must succeed.
  engine::Outcome Submit(core::Caller caller, core::CommandBody body);
  // What all workspaces saw of git; at first an empty repository. Null: nothing yet.
  void SetObservation(git::ObservationPtr observation) {
    base::MutexLock lock(&observation_mu_);
    observation_ = std::move(observation);
  }

 private:
  git::ObservationPtr observation() const {
    base::MutexLock lock(&observation_mu_);
    return observation_;
  }

  const base::TempDir dir_;
  mutable base::Mutex observation_mu_;
  git::ObservationPtr observation_ ABSL_GUARDED_BY(observation_mu_) =
      std::make_shared<const git::Observation>();
  base::ManualClock clock_;
  base::SequenceIdSource ids_{1};
  const std::string operator_token_;
  std::vector<std::unique_ptr<engine::Workspace>> workspaces_;
  std::unique_ptr<operations::WorkspaceOperations> MakeOperations(const HubSpec& spec,
                                                                  engine::Workspace* workspace);

  std::vector<std::unique_ptr<loops::LoopRunner>> loops_;
  std::vector<std::unique_ptr<operations::WorktreeRequests>> worktrees_;
  std::vector<std::unique_ptr<operations::WorkspaceOperations>> operations_;
  std::unique_ptr<Server> server_;
};

}  // namespace coordhub::rpc
