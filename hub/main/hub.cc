#include "hub/main/hub.h"

#include <utility>

#include "agent/base/atomic_file.h"
#include "agent/base/session_token.h"
#include "agent/base/status_macros.h"
#include "hub/main/dying_holder.h"
#include "hub/main/secrets.h"
#include "hub/rpc/listen_address.h"

namespace coordhub::hub {
namespace {

// A process with much memory takes its time to be gone.
constexpr absl::Duration kPatienceWithTheDying = absl::Seconds(5);

}  // namespace

absl::StatusOr<std::unique_ptr<Hub>> Hub::Start(HubSetup setup, bool* clean) {
  std::unique_ptr<Hub> hub(new Hub(std::move(setup)));
  const absl::Status status = hub->ComeUp();
  *clean = true;
  if (status.ok()) return hub;
  *clean = hub->Stop(absl::ZeroDuration());
  // A thread that hangs still uses it.
  if (!*clean) (void)hub.release();  // NOLINT(bugprone-unused-return-value)
  return status;
}

absl::Status Hub::ComeUp() {
  COORDHUB_RETURN_IF_ERROR(AcquireAll());
  if (!setup_.pid_dir.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(pid_directory_, PidDirectory::Claim(setup_.pid_dir));
  }
  for (const auto& host : hosts_) COORDHUB_RETURN_IF_ERROR(host->Run());
  COORDHUB_RETURN_IF_ERROR(Serve());
  for (const auto& host : hosts_) host->workspace()->BeginLeases();
  for (const auto& host : hosts_) COORDHUB_RETURN_IF_ERROR(host->Announce(tcp_endpoint()));
  return absl::OkStatus();
}

Hub::~Hub() { Stop(absl::ZeroDuration()); }

absl::Status Hub::AcquireAll() {
  for (const WorkspacePlan& plan : setup_.workspaces) {
    COORDHUB_RETURN_IF_ERROR(
        OutlastDyingHolder(*setup_.environment.clock, kPatienceWithTheDying, [&]() -> absl::Status {
          COORDHUB_ASSIGN_OR_RETURN(auto host, WorkspaceHost::Acquire(plan, setup_.environment));
          hosts_.push_back(std::move(host));
          return absl::OkStatus();
        }));
  }
  return absl::OkStatus();
}

// Whether the server will be able to listen: asked before, because it can be asked again.
absl::Status Hub::CheckAddressesFree() const {
  for (const auto& host : hosts_) {
    COORDHUB_RETURN_IF_ERROR(rpc::ClearSocketPath(host->socket_path()));
  }
  if (setup_.tcp_address.empty()) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(const rpc::TcpAddress address, rpc::ParseLoopback(setup_.tcp_address));
  return address.port == 0 ? absl::OkStatus() : rpc::CheckFree(address);
}

// One token for the whole hub, in the state directory of each workspace: clients look in their own.
absl::StatusOr<std::string> Hub::OperatorToken() {
  if (setup_.tcp_address.empty()) return std::string();
  operator_token_file_ = hosts_.front()->plan().state.operator_token();
  COORDHUB_ASSIGN_OR_RETURN(std::string token, LoadOrMakeSecret(operator_token_file_, [this] {
                              return base::NewOperatorToken(*setup_.environment.ids);
                            }));
  for (size_t i = 1; i < hosts_.size(); ++i) {
    COORDHUB_RETURN_IF_ERROR(
        base::AtomicReplaceFile(hosts_[i]->plan().state.operator_token(), token + "\n", 0600));
  }
  return token;
}

absl::Status Hub::Serve() {
  rpc::ServerOptions options;
  for (const auto& host : hosts_) {
    rpc::ServedWorkspace served;
    served.workspace = host->workspace();
    served.key = host->key();
    served.socket_path = host->socket_path();
    served.common_dir = host->plan().common_dir;
    served.state_dir = host->plan().state.dir();
    served.mirror_problem = [host = host.get()] { return host->MirrorProblem(); };
    served.log_dir = host->plan().log_dir;
    served.loops = host->loops();
    served.operations = host->operations();
    served.worktrees = host->worktrees();
    served.observation = [observer = host->observer()] { return observer->latest(); };
    options.workspaces.push_back(std::move(served));
  }
  options.tcp_address = setup_.tcp_address;
  COORDHUB_ASSIGN_OR_RETURN(options.operator_token, OperatorToken());
  options.version = setup_.environment.version;
  options.clock = setup_.environment.clock;
  options.ids = setup_.environment.ids;
  options.on_drain_request = setup_.on_drain_request;
  COORDHUB_RETURN_IF_ERROR(OutlastDyingHolder(*setup_.environment.clock, kPatienceWithTheDying,
                                              [this] { return CheckAddressesFree(); }));
  COORDHUB_ASSIGN_OR_RETURN(server_, rpc::Server::Start(std::move(options)));
  return absl::OkStatus();
}

absl::Status Hub::CheckHeld() const {
  for (const auto& host : hosts_) COORDHUB_RETURN_IF_ERROR(host->CheckHeld());
  return absl::OkStatus();
}

bool Hub::Stop(absl::Duration grace) {
  // It removes the sockets, while work that is under way still writes down how it ended.
  for (const auto& host : hosts_) host->ReleaseSocket();
  // The server drains the workspaces, so that waiting calls end before it does.
  if (server_ != nullptr) server_->Shutdown(grace);
  server_.reset();
  bool clean = true;
  for (const auto& host : hosts_) clean = host->Stop() && clean;
  pid_directory_.reset();
  return clean;
}

std::string Hub::tcp_endpoint() const {
  if (server_ == nullptr || server_->tcp_port() == 0) return std::string();
  const size_t colon = setup_.tcp_address.rfind(':');
  return setup_.tcp_address.substr(0, colon) + ":" + std::to_string(server_->tcp_port());
}

}  // namespace coordhub::hub
