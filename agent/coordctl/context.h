// What every command works with: the global options, who it acts as, the hub, and the output.

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/endpoint.h"
#include "agent/base/git_location.h"
#include "agent/client/client.h"
#include "agent/coordctl/exit_code.h"
#include "agent/coordctl/host.h"
#include "agent/coordctl/session_store.h"
#include "agent/coordctl/terminal.h"

namespace coordhub::coordctl {

namespace pb = ::coordhub::v1;

// The options that every command takes.
struct Globals {
  std::string endpoint;
  std::string workspace;
  std::string session;         // a token, or a file that has one
  std::string as;              // an agent that is registered here, or `operator`
  std::string operator_token;  // a file
  std::string timeout = "30s";
  std::string color = "auto";
  bool json = false;
};

// One invocation. Not thread-safe.
class Context {
 public:
  using Run = std::function<absl::StatusOr<ExitCode>(Context&)>;

  explicit Context(Host host) : host_(std::move(host)) {}

  Host& host() { return host_; }
  const Host& host() const { return host_; }
  Globals& globals() { return globals_; }
  bool json() const { return globals_.json; }
  bool terminal() const { return host_.out_is_terminal && !globals_.json; }
  std::ostream& out() { return *host_.out; }
  std::ostream& err() { return *host_.err; }
  bool color() const;
  Table NewTable(std::vector<std::string> headings) const;

  // What the command line asked for; set while it is parsed, run after it.
  void set_run(Run run) { run_ = std::move(run); }
  const Run& run() const { return run_; }

  // The repository around the user.
  // Errors: those of base::LocateRepository.
  absl::StatusOr<base::GitLocation> Repository() const;
  // The worktree that the user stands in, under which sessions are kept.
  absl::StatusOr<std::string> Worktree() const;
  // Where tokens are kept. Errors: NOT_FOUND/WORKSPACE_NOT_FOUND  not inside a repository.
  absl::StatusOr<SessionStore> Sessions();

  // A client that acts as whom the options, the environment and the worktree say (README.md, "Who
  // acts"). Does not call the hub yet.
  //
  // Errors: those of base::ResolveEndpoint, and
  //   FAILED_PRECONDITION/AGENT_ENDED  the agent that is asked for has no session here.
  //   INVALID_ARGUMENT/INVALID_FIELD   several agents are registered in this worktree, or an
  //   option's
  //                                    value is not acceptable.
  absl::StatusOr<agent::Client> Connect();
  // The same for the operator, or with another session's token.
  absl::StatusOr<agent::Client> ConnectAs(const std::string& session_token);

  // With Connect: whose stored session it took without being told to; empty: nobody's.
  const std::string& implied_agent() const { return implied_agent_; }

 private:
  absl::StatusOr<base::ResolvedEndpoint> Endpoint();
  absl::StatusOr<std::string> ChooseSession();
  absl::StatusOr<std::string> StoredToken(const std::string& agent_id);
  absl::StatusOr<std::string> ImpliedToken();
  absl::StatusOr<std::string> OperatorToken(const base::ResolvedEndpoint& endpoint) const;
  std::function<void(const absl::Status&, absl::Duration)> WaitingNote();

  Host host_;
  Globals globals_;
  Run run_;
  std::string implied_agent_;
};

}  // namespace coordhub::coordctl
