#include "agent/coordctl/app.h"

#include <algorithm>
#include <functional>
#include <ostream>
#include <string_view>
#include <utility>

#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/help.h"
#include "agent/coordctl/report.h"
#include "agent/coordctl/usage.h"

namespace coordhub::coordctl {
namespace {

constexpr char kFooter[] =
    "Environment: COORDHUB_ENDPOINT, COORDHUB_WORKSPACE, COORDHUB_SESSION, COORDHUB_AGENT,\n"
    "  COORDHUB_TICKET, COORDHUB_FENCE, NO_COLOR\n"
    "Without a terminal, lists are lines with tabs between the columns, without headings.\n";

// An empty word, as of a variable that is not set, names nobody.
CLI::Validator NotEmpty() {
  return CLI::Validator(
      [](std::string& value) { return std::string(value.empty() ? "must not be empty" : ""); }, "");
}

void AddGlobals(CLI::App* app, Globals* globals) {
  app->add_option("--endpoint", globals->endpoint,
                  "The hub: unix:/path or host:port; default: $COORDHUB_ENDPOINT, else the hub of "
                  "the repository around you");
  app->add_option("--workspace", globals->workspace,
                  "The workspace, where the endpoint has several; default: $COORDHUB_WORKSPACE");
  app->add_option("--session", globals->session,
                  "Act as the agent with this session: a file with its token, or the token; "
                  "default: $COORDHUB_SESSION, else the one registered in this worktree")
      ->check(NotEmpty());
  app->add_option("--as", globals->as,
                  "Act as this agent, registered here before, or as `operator`; default: "
                  "$COORDHUB_AGENT")
      ->check(NotEmpty());
  app->add_option("--operator-token", globals->operator_token,
                  "File with the operator's token, for a hub on TCP");
  app->add_flag("--json", globals->json, "Print JSON, errors too (on standard error)");
  app->add_option("--timeout", globals->timeout,
                  "How long a call may take, with repeated attempts while there is no hub; "
                  "default: 30s, but only 1s where nobody listens");
  AddChoice(app, "--color", &globals->color, {"auto", "always", "never"},
            "Colours; auto: on a terminal, unless NO_COLOR is set")
      ->capture_default_str();
  // A script's own option gives way to the one that its user adds.
  for (CLI::Option* option : app->get_options()) {
    if (option->get_items_expected_max() == 1) option->take_last();
  }
}

CLI::App* AddGroup(CLI::App* app, const std::string& name, const std::string& description) {
  CLI::App* group = app->add_subcommand(name, description);
  group->require_subcommand(1);
  group->fallthrough();
  return group;
}

struct Command {
  const char* name;
  void (*add)(CLI::App* parent, Context* context);
};

// An empty name: the commands that belong to no group.
struct Group {
  const char* name;
  const char* description;
  std::vector<Command> commands;
};

// In the order in which --help has them.
const std::vector<Group>& Groups() {
  static const auto& groups = *new std::vector<Group>{
      {"agent",
       "Agents and their sessions",
       {{"register", AddAgentRegister},
        {"list", AddAgentList},
        {"show", AddAgentShow},
        {"hold", AddAgentHold},
        {"leave", AddAgentLeave}}},
      {"ticket",
       "Units of work",
       {{"create", AddTicketCreate},
        {"import", AddTicketImport},
        {"list", AddTicketList},
        {"show", AddTicketShow},
        {"next", AddTicketNext},
        {"claim", AddTicketClaim},
        {"renew", AddTicketRenew},
        {"progress", AddTicketProgress},
        {"complete", AddTicketComplete},
        {"fail", AddTicketFail},
        {"release", AddTicketRelease},
        {"cancel", AddTicketCancel},
        {"reopen", AddTicketReopen},
        {"comment", AddTicketComment},
        {"update", AddTicketUpdate}}},
      {"loop",
       "The hub's background loops",
       {{"list", AddLoopList},
        {"step", AddLoopStep},
        {"pause", AddLoopPause},
        {"resume", AddLoopResume}}},
      {"round",
       "Convergence: bringing branches together",
       {{"open", AddRoundOpen},
        {"ready", AddRoundReady},
        {"withdraw", AddRoundWithdraw},
        {"status", AddRoundStatus},
        {"plan", AddRoundPlan},
        {"integrate", AddRoundIntegrate},
        {"list", AddRoundList},
        {"log", AddRoundLog},
        {"cancel", AddRoundCancel}}},
      {"worktree",
       "Worktrees of the repository",
       {{"add", AddWorktreeAdd}, {"list", AddWorktreeList}, {"remove", AddWorktreeRemove}}},
      {"gate",
       "Commands that merged work must pass",
       {{"set", AddGateSet},
        {"list", AddGateList},
        {"delete", AddGateDelete},
        {"run", AddGateRun},
        {"log", AddGateLog}}},
      {"operation",
       "The hub's long work",
       {{"list", AddOperationList}, {"show", AddOperationShow}, {"cancel", AddOperationCancel}}},
      {"",
       "",
       {{"status", AddStatus},
        {"top", AddTop},
        {"conflicts", AddConflicts},
        {"debug", AddDebug},
        {"maintain", AddMaintain},
        {"watch", AddWatch},
        {"me", AddMe},
        {"hub", AddHub},
        {"completion", AddCompletion}}}};
  return groups;
}

using IsWanted = std::function<bool(std::string_view name)>;

void AddCommands(CLI::App* app, Context* context, const IsWanted& is_wanted) {
  for (const Group& group : Groups()) {
    const bool at_root = group.name[0] == '\0';
    if (!at_root && !is_wanted(group.name)) continue;
    CLI::App* parent = at_root ? app : AddGroup(app, group.name, group.description);
    for (const Command& command : group.commands) {
      if (is_wanted(command.name)) command.add(parent, context);
    }
  }
}

std::unique_ptr<CLI::App> MakeTree(Context* context, const IsWanted& is_wanted) {
  auto app = std::make_unique<CLI::App>(
      "coordctl works with a coordhub: agents, tickets and what happens to them.", "coordctl");
  app->set_version_flag("--version", std::string("coordctl ") + COORDHUB_VERSION);
  app->require_subcommand(1);
  app->formatter(MakeHelpFormatter());  // inherited by all commands
  app->footer(std::string(kFooter) + kExitCodeHelp);
  AddGlobals(app.get(), &context->globals());
  AddCommands(app.get(), context, is_wanted);
  return app;
}

// Reads the line; throws as CLI11 does where there is nothing to run.
void Parse(CLI::App* app, std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  app->parse(std::move(arguments));
}

// Whether the line is right, by the few commands that it names: to make all of them takes as long
// as a call does.
bool ParseQuickly(CLI::App* app, Context* context, const std::vector<std::string>& arguments) {
  try {
    Parse(app, arguments);
    return true;
  } catch (const CLI::ParseError&) {
    context->globals() = Globals();
    return false;
  }
}

// The same by all commands; true if there is something to run, else `*exit_code` is set.
bool ParseFully(CLI::App* app, Context* context, const std::vector<std::string>& arguments,
                int* exit_code) {
  try {
    Parse(app, arguments);
    return true;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // help and version are "errors", too
      app->exit(error, context->out(), context->err());
      *exit_code = static_cast<int>(ExitCode::kOk);
      return false;
    }
    // Wherever the line goes wrong, the error is to be what it asked for.
    const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
    context->globals().json = json;
    context->err() << ErrorText(*context, UsageError(*app, error));
    if (!json) context->err() << "See: coordctl --help, or --help after any command\n";
    *exit_code = static_cast<int>(ExitCode::kUsage);
    return false;
  }
}

}  // namespace

std::unique_ptr<CLI::App> MakeApp(Context* context) {
  return MakeTree(context, [](std::string_view) { return true; });
}

std::unique_ptr<CLI::App> MakeAppFor(Context* context, const std::vector<std::string>& words) {
  const auto is_named = [&words](std::string_view name) {
    return std::find(words.begin(), words.end(), name) != words.end();
  };
  if (is_named("completion")) return MakeApp(context);  // prints the tree
  return MakeTree(context, is_named);
}

int RunCoordctl(Context* context, const std::vector<std::string>& arguments) {
  std::unique_ptr<CLI::App> app = MakeAppFor(context, arguments);
  if (!ParseQuickly(app.get(), context, arguments)) {
    app = MakeApp(context);
    int exit_code = 0;
    if (!ParseFully(app.get(), context, arguments, &exit_code)) return exit_code;
  }
  const absl::StatusOr<ExitCode> result = context->run()(*context);
  if (result.ok()) return static_cast<int>(*result);
  (void)context->NoteIfEnded(result.status());
  context->err() << ErrorText(*context, result.status()) << std::flush;
  return static_cast<int>(ExitCodeFor(result.status()));
}

int RunCoordctl(Host host, const std::vector<std::string>& arguments) {
  Context context(std::move(host));
  return RunCoordctl(&context, arguments);
}

}  // namespace coordhub::coordctl
