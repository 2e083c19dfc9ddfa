#include <algorithm>
#include <filesystem>
#include <optional>
#include <ostream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/git_head.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/time_text.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string name;
  std::string branch;
  std::string worktree;
  std::string program;
  std::vector<std::string> labels;
  std::string ttl;
  std::string token_file;
  bool takeover = false;
  bool share_worktree = false;
  bool show_token = false;
  bool branch_given = false;
};

// What a worktree can say of itself.
absl::Status FillFromRepository(Context& context, const Options& options,
                                pb::RegisterAgentRequest* request) {
  const absl::StatusOr<base::GitLocation>& location = context.Repository();
  request->set_branch(options.branch);
  request->set_worktree(options.worktree);
  if (!location.ok()) {
    // Fine with a hub elsewhere, as long as there is a place for the token.
    return options.token_file.empty() ? location.status() : absl::OkStatus();
  }
  if (!options.branch_given) request->set_branch(CurrentBranch(location->git_dir));
  if (options.worktree.empty()) {
    request->set_worktree(location->is_bare ? location->git_dir : location->worktree_root);
  } else {
    std::error_code error;
    const auto real = std::filesystem::canonical(options.worktree, error);
    if (!error) request->set_worktree(real.string());
  }
  return absl::OkStatus();
}

absl::StatusOr<pb::RegisterAgentRequest> RequestOf(Context& context, const Options& options) {
  pb::RegisterAgentRequest request;
  request.set_agent_id(options.name.empty() ? context.host().Env("COORDHUB_AGENT") : options.name);
  if (request.agent_id().empty()) {
    return base::MakeFieldError("NAME", "give the agent a name, or set COORDHUB_AGENT");
  }
  COORDHUB_RETURN_IF_ERROR(FillFromRepository(context, options, &request));
  request.set_program(options.program);
  for (const std::string& label : options.labels) request.add_labels(label);
  if (!options.ttl.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const absl::Duration ttl, ParseDuration(options.ttl, "--ttl"));
    *request.mutable_ttl() = agent::ToProto(ttl);
  }
  request.set_takeover(options.takeover);
  request.set_share_worktree(options.share_worktree);
  return request;
}

// Tokens to present, until the hub takes one: of this agent's own session here, which is then
// resumed (but by a takeover, which wants another one), else of its parent's (`conversation-42` for
// `conversation-42/reviewer`), wherever that is registered. Another worktree's session of this name
// is somebody else's.
std::vector<Actor> ToPresent(const SessionStore& store, const WorktreeRef& worktree,
                             const pb::RegisterAgentRequest& request) {
  const std::string& name = request.agent_id();
  const std::string parent = name.substr(0, std::min(name.rfind('/'), name.size()));
  KeptSessions kept = store.List(worktree);
  std::vector<StoredSession> sessions = std::move(kept.live);
  // Among them may be one of a version before, that still lives.
  for (StoredSession& session : kept.ended) sessions.push_back(std::move(session));
  std::vector<Actor> actors;
  for (const StoredSession& session : sessions) {
    if (session.ended() || session.agent_id != name || request.takeover()) continue;
    actors.push_back(Actor::Session(session.token));
  }
  for (StoredSession& session : store.ListAll()) sessions.push_back(std::move(session));
  for (const StoredSession& session : sessions) {
    if (session.ended() || session.agent_id != parent || parent == name) continue;
    actors.push_back(Actor::Session(session.token));
  }
  return actors;
}

absl::StatusOr<pb::RegisterAgentResponse> CallAs(Context& context,
                                                 const pb::RegisterAgentRequest& request,
                                                 const Actor& actor) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectAs(actor));
  auto response = client.RegisterAgent(request);
  // The token that was named was the agent's own, which has nothing to take over.
  const bool resumed = response.ok() && response->resumed() && request.takeover();
  if (!resumed || actor.is_operator()) return response;
  return CallAs(context, request, Actor::Operator());
}

absl::StatusOr<pb::RegisterAgentResponse> Call(Context& context,
                                               const pb::RegisterAgentRequest& request,
                                               const std::vector<Actor>& actors) {
  for (const Actor& actor : actors) {
    auto response = CallAs(context, request, actor);
    // A session that has ended cannot be resumed, nor have children.
    if (response.status().code() != absl::StatusCode::kUnauthenticated) return response;
  }
  return CallAs(context, request, Actor::Operator());
}

// Forgets the other agents of the worktree whose sessions are over, so that they do not make it
// unclear who acts.
void ForgetEnded(Context& context, const SessionStore& store, const WorktreeRef& worktree,
                 const std::string& name) {
  std::vector<StoredSession> others = store.List(worktree).live;
  others.erase(std::remove_if(others.begin(), others.end(),
                              [&](const StoredSession& s) { return s.agent_id == name; }),
               others.end());
  (void)context.LivingOf(std::move(others));
  store.ForgetEnded(worktree);
}

// Keeps the token for the worktree.
absl::StatusOr<pb::RegisterAgentResponse> RegisterHere(Context& context,
                                                       const pb::RegisterAgentRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<Actor> named, context.NamedSession());
  COORDHUB_ASSIGN_OR_RETURN(const SessionStore store, context.Sessions());
  COORDHUB_ASSIGN_OR_RETURN(const WorktreeRef worktree,
                            context.WorktreeToRegisterIn(request.worktree()));
  COORDHUB_RETURN_IF_ERROR(store.Prepare(worktree, request.agent_id()));
  COORDHUB_ASSIGN_OR_RETURN(const pb::RegisterAgentResponse response,
                            named.has_value()
                                ? CallAs(context, request, *named)
                                : Call(context, request, ToPresent(store, worktree, request)));
  COORDHUB_RETURN_IF_ERROR(
      store.Put(worktree, response.agent().agent_id(), response.session_token()));
  ForgetEnded(context, store, worktree, request.agent_id());
  return response;
}

// Keeps the token in a file of the caller's.
absl::StatusOr<pb::RegisterAgentResponse> RegisterInFile(Context& context,
                                                         const pb::RegisterAgentRequest& request,
                                                         const std::string& file) {
  // Whoever names this very file as the session that acts means the one that is about to begin.
  const Globals& globals = context.globals();
  const std::string session =
      globals.session.empty() ? context.host().Env("COORDHUB_SESSION") : globals.session;
  const bool means_itself = globals.as.empty() && session == file;
  std::optional<Actor> named;
  if (!means_itself) {
    COORDHUB_ASSIGN_OR_RETURN(named, context.NamedSession());
  }
  COORDHUB_RETURN_IF_ERROR(PrepareTokenFile(file));
  const absl::StatusOr<std::string> own = ReadToken(file, "--token-file");
  std::vector<Actor> actors;
  if (own.ok() && !request.takeover()) actors.push_back(Actor::Session(*own));
  COORDHUB_ASSIGN_OR_RETURN(
      pb::RegisterAgentResponse response,
      named.has_value() ? CallAs(context, request, *named) : Call(context, request, actors));
  COORDHUB_RETURN_IF_ERROR(base::AtomicReplaceFile(file, response.session_token() + "\n", 0600));
  return response;
}

void Print(Context& context, pb::RegisterAgentResponse response, const Options& options) {
  const std::string token = response.session_token();
  if (!options.show_token) response.clear_session_token();
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
    return;
  }
  const pb::Agent& agent = response.agent();
  context.out() << AgentText(context, agent, {response.claims().begin(), response.claims().end()},
                             context.host().clock->Wall());
  if (options.show_token) context.out() << KeyLine(context, "token", token);
  context.err() << (response.resumed() ? "Resumed the session. " : "") << "It ends after "
                << ShowSpan(agent::FromProto(agent.ttl()))
                << " of silence; keep it alive with: coordctl agent hold --pid PID --detach\n";
}

absl::StatusOr<ExitCode> Register(Context& context, const Options& options) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::RegisterAgentRequest request, RequestOf(context, options));
  auto response = options.token_file.empty() ? RegisterHere(context, request)
                                             : RegisterInFile(context, request, options.token_file);
  if (!response.ok()) return response.status();
  Print(context, *std::move(response), options);
  return ExitCode::kOk;
}

}  // namespace

void AddAgentRegister(CLI::App* agent, Context* context) {
  CLI::App* command =
      AddCommand(agent, "register",
                 "Begin a session, or resume the one that was begun in this worktree under this "
                 "name. Its token is kept for this worktree; later commands here act as the agent. "
                 "A name with a slash is a sub-agent's: its parent is the session that is named "
                 "(--session, --as, COORDHUB_SESSION), else the one that is registered here under "
                 "what stands before the slash",
                 "coordctl agent register conversation-42\n"
                 "coordctl agent register conversation-42 --ttl 10m --program claude-code\n"
                 "coordctl agent register conversation-42 --takeover\n"
                 "coordctl agent register observer-1 --share-worktree\n"
                 "coordctl --session parent.token agent register conversation-42/reviewer\n"
                 "coordctl agent register ci-7 --token-file /run/user/1000/ci-7.token");
  auto options = std::make_shared<Options>();
  command->add_option("NAME", options->name, "Default: $COORDHUB_AGENT");
  auto* branch =
      command->add_option("--branch,-b", options->branch,
                          "The branch that it works on; default: the one checked out here");
  command->add_option("--worktree", options->worktree, "Its worktree; default: this one");
  command->add_option("--program", options->program, "The program that drives it");
  AddListOption(command, "--label,-l", &options->labels, "A label; may be repeated");
  command->add_option("--ttl", options->ttl,
                      "Silence after which the session ends, 5s to 24h; default: 60s, or what the "
                      "resumed session has");
  command->add_flag(
      "--takeover", options->takeover,
      "End a live session of this name, also one that was begun in this worktree, and "
      "begin another; its claims go back to the queue");
  command->add_flag(
      "--share-worktree", options->share_worktree,
      "Also where another live agent is registered in this worktree: the two share it "
      "on purpose (a sub-agent shares its parent's without asking)");
  command->add_option("--token-file", options->token_file,
                      "Keep the token in this file instead; use it with --session or "
                      "COORDHUB_SESSION");
  command->add_flag("--show-token", options->show_token,
                    "Print the token, too. It is a secret: whoever has it is this agent");
  AddRequestId(command, context);
  OnRun(command, context, [options, branch](Context& c) {
    options->branch_given = branch->count() > 0;
    return Register(c, *options);
  });
}

}  // namespace coordhub::coordctl
