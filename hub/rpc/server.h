#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "hub/engine/workspace.h"
#include "hub/git/observation.h"
#include "hub/loops/loop_runner.h"
#include "hub/operations/workspace_operations.h"

namespace coordhub::rpc {

// One workspace as it is served.
struct ServedWorkspace {
  // Not owned; outlives the server.
  engine::Workspace* workspace = nullptr;
  // Signs session tokens (agent/base/session_token.h). Secret.
  std::string key;
  // Unix socket of this workspace: there, an empty workspace_id means this one.
  std::string socket_path;
  // For Workspace.common_dir and state_dir in answers; merges are previewed in the first.
  std::string common_dir;
  std::string state_dir;
  // For Workspace.mirror_problem in answers; empty: no problem. Null: there is no mirror. Any
  // thread; never blocks.
  std::function<std::string()> mirror_problem;
  // The newest observation of git; null: none yet. Null function: git is not observed. Any thread;
  // never blocks.
  std::function<git::ObservationPtr()> observation;
  // For Workspace.log_dir in answers.
  std::string log_dir;
  // Its background loops; not owned, outlive the server. Null: it has none.
  loops::LoopRunner* loops = nullptr;
  // Its long work; not owned, outlives the server. Null: it has none.
  operations::WorkspaceOperations* operations = nullptr;
};

struct ServerOptions {
  std::vector<ServedWorkspace> workspaces;
  // `host:port` on loopback (port 0: any). Empty: no TCP.
  std::string tcp_address;
  // What TCP callers without a session must present in metadata `coordhub-operator`. Secret.
  std::string operator_token;
  std::string version;
  base::Clock* clock = nullptr;
  // The clock is moved by hand, as tests do: who waits by it must look at it again and again.
  bool clock_is_manual = false;
  base::IdSource* ids = nullptr;
  // Open watches and keep-alive streams over all workspaces; more are refused with LIMIT_REACHED.
  int max_streams = 20000;
  // A watch whose write does not finish for this long is ended with SLOW_WATCHER.
  absl::Duration slow_watcher_timeout = absl::Seconds(30);
  // A watch that has not read its snapshot after this is ended too: until then it holds the records
  // as they were when it began.
  absl::Duration slow_snapshot_timeout = absl::Minutes(10);
  // DrainHub was called: main shuts down as on SIGTERM.
  std::function<void()> on_drain_request;
};

// gRPC in and out: one server per unix socket (so that each has its default workspace) and one for
// TCP, all over the same services. Any thread.
class Server {
 public:
  // Binds and serves. Errors: UNAVAILABLE-like statuses that say which address is taken and, for a
  // socket, by whom if known; INVALID_FIELD tcp_address (not loopback: TLS is needed beyond it).
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options);
  virtual ~Server() = default;

  // The TCP port that was bound; 0: none.
  virtual int tcp_port() const = 0;
  // Health goes NOT_SERVING, workspaces drain, streams get an in-band closing, then everything ends
  // at the deadline at the latest. Blocks. Idempotent.
  virtual void Shutdown(absl::Duration grace) = 0;
};

}  // namespace coordhub::rpc
