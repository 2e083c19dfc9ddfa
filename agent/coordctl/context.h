// What every command works with: the global options, who it acts as, the hub, and the output.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/endpoint.h"
#include "agent/base/git_location.h"
#include "agent/client/client.h"
#include "agent/coordctl/actor.h"
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
  std::string timeout;         // as the user gave it; empty: not given
  std::string request_id;      // of commands that take one; empty: not given
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
  const absl::StatusOr<base::GitLocation>& Repository();
  // The worktree that the user stands in, to which sessions are bound. Errors: as Repository; those
  // of ReadWorktreeId.
  absl::StatusOr<WorktreeRef> Worktree();
  // The one at `path`, given an id if it is one of this repository and has none. Errors: as
  // Repository; those of EnsureWorktreeId.
  absl::StatusOr<WorktreeRef> WorktreeToRegisterIn(const std::string& path);
  // Where tokens are kept. Errors: those of Repository and of AwaitHub.
  absl::StatusOr<SessionStore> Sessions();

  // ---- who acts: who_acts.cc ----

  // A client that acts as whom the options, the environment and the worktree say (README.md, "Who
  // acts"), for a command that changes something. Of several agents of this worktree, those whose
  // sessions are over are noted as such; if more than one is left, nobody is guessed at. Where all
  // have ended, nobody acts: an agent's end makes no operator.
  //
  // Errors: those of base::ResolveEndpoint, and
  //   UNAVAILABLE/HUB_UNREACHABLE      no hub has been started, or none listens for as long as the
  //                                    user is willing to wait. Metadata: `endpoint`.
  //   FAILED_PRECONDITION/AGENT_ENDED  the agent that is asked for has no session here.
  //   UNAUTHENTICATED/SESSION_ENDED    the sessions of all agents of this worktree are over.
  //   PERMISSION_DENIED/SESSION_REQUIRED  what is kept of an agent cannot be read, or the
  //                                    environment names a session without saying which.
  //   INVALID_ARGUMENT/INVALID_FIELD   several agents are registered in this worktree, or an
  //                                    option's value is not acceptable.
  absl::StatusOr<agent::Client> Connect();
  // The same for a command that only reads: unless somebody is named it acts as the operator, so
  // that it does not keep an agent alive that is dead; so it does where the environment names one
  // whose session is over. Where the operator would have to prove to be one and cannot, as Connect.
  absl::StatusOr<agent::Client> ConnectToRead();
  // The same for a command that asks who acts: as Connect, but of several agents none is chosen
  // (undecided_agents), and where nobody acts it goes on (nobody); then as ConnectToRead.
  absl::StatusOr<agent::Client> ConnectAsSelf();
  // The same for an import: as Connect, but as the operator where an agent of this worktree lives.
  absl::StatusOr<agent::Client> ConnectToImport();
  // The same for what is the operator's alone: where an agent is or was registered, he has to be
  // named. Errors: as Connect; PERMISSION_DENIED/OPERATOR_REQUIRED.
  absl::StatusOr<agent::Client> ConnectForOperator();
  // The same for this very actor.
  absl::StatusOr<agent::Client> ConnectAs(const Actor& actor);

  // Whom the command line or COORDHUB_SESSION names; nullopt: nobody.
  // Errors: those of ReadToken, AGENT_ENDED and SESSION_REQUIRED as Connect.
  absl::StatusOr<std::optional<Actor>> NamedSession();

  // Notes the end of the stored session that a call just used, if that call ended with `status`
  // because the session is over, or none of this hub. True: it was.
  bool NoteIfEnded(const absl::Status& status);
  // Notes the end of what is stored, for whatever worktree, of the session that `agent` describes;
  // one that has begun since stays. Whatever goes wrong is noticed the next time.
  void NoteEnd(const pb::Agent& agent);

  // Forgets that agents were registered in this worktree whose sessions are over; returns how many.
  // Whoever stands there is taken for the operator again, so this is for the operator to say.
  // Errors: those of Sessions; INTERNAL/IO_FAILED.
  absl::StatusOr<size_t> ForgetEndedHere();

  // Of `sessions`, those that are over, as far as the operator can tell. Asks about the workspace
  // that they belong to, whichever the command line names.
  std::vector<StoredSession> DeadOf(const std::vector<StoredSession>& sessions);
  // Of `sessions`, those that still live, as far as the operator can tell; notes the others' end.
  std::vector<StoredSession> LivingOf(std::vector<StoredSession> sessions);

  // The id of this invocation's mutation: the one that --request-id gives, else one made anew, in
  // both cases the same each time. Every client that is connected here uses it.
  std::string RequestId();
  // Names the client that Connect makes, where a later process is to repeat what this one begins.
  void set_client_id(std::string client_id) { client_id_ = std::move(client_id); }
  // Whether a mutation may have been sent.
  bool mutation_sent() const { return mutation_sent_; }
  // Whether the command takes --request-id, and what it means without saying so, which a repetition
  // must say (a ticket, a fence).
  void set_repeatable(bool repeatable) { repeatable_ = repeatable; }
  void set_meant(const std::string& words) { meant_ = words; }
  // The words which, added to the command line, make its repetition have the effect of one; empty
  // where there are none.
  std::string Repetition() const;

  // Nothing is told about a hub that is waited for: the screen belongs to the command.
  void set_quiet() { quiet_ = true; }

  // Whose stored session Connect and the like took without being told to; empty: nobody's.
  std::string implied_agent() const { return implied_ ? used_.agent_id : ""; }
  // After ConnectAsSelf: the agents that it did not choose between.
  const std::vector<std::string>& undecided_agents() const { return undecided_agents_; }
  // After ConnectAsSelf: why nobody acts here; OK: somebody does.
  const absl::Status& nobody() const { return nobody_; }

 private:
  using Resolver = std::function<absl::StatusOr<base::ResolvedEndpoint>()>;

  // The hub's, which is waited for the first time.
  absl::StatusOr<base::ResolvedEndpoint> Endpoint();
  // Looks where it is now; needs nothing of the context.
  Resolver MakeResolver();
  std::string NamedWorkspace() const;
  absl::StatusOr<absl::Duration> Timeout() const;
  absl::StatusOr<std::string> OperatorToken(const base::ResolvedEndpoint& endpoint) const;
  std::function<void(const absl::Status&, absl::Duration)> WaitingNote();

  // By --as and --session.
  absl::StatusOr<std::optional<Actor>> FlaggedActor();
  // By the environment.
  absl::StatusOr<std::optional<Actor>> EnvironmentsActor();
  // In some way.
  absl::StatusOr<std::optional<Actor>> NamedActor();
  absl::StatusOr<Actor> StoredActor(const std::string& agent_id);
  // What is kept of this worktree, among which nobody was named.
  absl::StatusOr<KeptSessions> KeptHere();
  absl::StatusOr<agent::Client> ConnectImplied(const StoredSession& session);
  absl::StatusOr<agent::Client> ConnectAsReader();

  Host host_;
  Globals globals_;
  Run run_;
  std::optional<absl::StatusOr<base::GitLocation>> repository_;  // once it was looked for
  std::optional<base::ResolvedEndpoint> endpoint_;               // once it was found
  bool mutation_sent_ = false;
  // Empty: a new one for each client.
  std::string client_id_;
  bool repeatable_ = false;
  std::string meant_;
  bool quiet_ = false;
  StoredSession used_;  // the stored session of the last client; its token is empty if none was
  bool implied_ = false;
  std::vector<std::string> undecided_agents_;
  absl::Status nobody_;
  std::vector<agent::Client> made_;  // keeps their connections until this goes
};

}  // namespace coordhub::coordctl
