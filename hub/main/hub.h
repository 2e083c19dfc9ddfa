// The hub as a whole: the composition root, where every object is made.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hub/main/options.h"
#include "hub/main/pid_directory.h"
#include "hub/main/workspace_host.h"
#include "hub/rpc/server.h"

namespace coordhub::hub {

struct HubSetup {
  std::vector<WorkspacePlan> workspaces;
  std::string tcp_address;
  // Where the pid files of the scripts before are written as well; empty: nowhere.
  std::string pid_dir;
  HostEnvironment environment;
  // DrainHub was called. Any thread; must not block.
  std::function<void()> on_drain_request;
};

// A hub that serves. One thread makes, stops and destroys it.
class Hub {
 public:
  // Holds all workspaces or none, replays them, listens, and announces itself. Blocks.
  // Waits some seconds for a killed process that still holds what it needs.
  // `clean`: false after an error that left a loop hanging, as Stop has it; the process must end.
  // Errors: those of WorkspaceHost, PidDirectory::Claim and rpc::Server::Start.
  static absl::StatusOr<std::unique_ptr<Hub>> Start(HubSetup setup, bool* clean);
  ~Hub();

  // Whether all workspaces still have what they hold, as WorkspaceHost::CheckHeld has it.
  absl::Status CheckHeld() const;

  // Answers what is under way, tells the streams, and writes everything down; what does not end
  // within `grace` is cut off. False: a loop hangs, and its thread still uses what belongs to this
  // hub, which is not freed. Blocks. Idempotent.
  bool Stop(absl::Duration grace);

  const std::vector<std::unique_ptr<WorkspaceHost>>& workspaces() const { return hosts_; }
  // "127.0.0.1:7777"; empty: no TCP.
  std::string tcp_endpoint() const;
  // The file with the operator's token for TCP; empty: no TCP.
  const std::string& operator_token_file() const { return operator_token_file_; }

 private:
  explicit Hub(HubSetup setup) : setup_(std::move(setup)) {}
  absl::Status ComeUp();
  absl::Status AcquireAll();
  absl::Status CheckAddressesFree() const;
  absl::StatusOr<std::string> OperatorToken();
  absl::Status Serve();

  const HubSetup setup_;
  std::string operator_token_file_;
  // In order of lifetime: the server uses the workspaces.
  std::vector<std::unique_ptr<WorkspaceHost>> hosts_;
  std::unique_ptr<PidDirectory> pid_directory_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace coordhub::hub
