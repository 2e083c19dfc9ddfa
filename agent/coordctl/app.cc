#include "agent/coordctl/app.h"

#include <algorithm>
#include <ostream>
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

void AddGlobals(CLI::App* app, Globals* globals) {
  app->add_option("--endpoint", globals->endpoint,
                  "The hub: unix:/path or host:port; default: $COORDHUB_ENDPOINT, else the hub of "
                  "the repository around you");
  app->add_option("--workspace", globals->workspace,
                  "The workspace, where the endpoint has several; default: $COORDHUB_WORKSPACE");
  app->add_option("--session", globals->session,
                  "Act as the agent with this session: a file with its token, or the token; "
                  "default: $COORDHUB_SESSION, else the one registered in this worktree");
  app->add_option("--as", globals->as,
                  "Act as this agent, registered here before, or as `operator`; default: "
                  "$COORDHUB_AGENT");
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

void AddCommands(CLI::App* app, Context* context) {
  CLI::App* agent = AddGroup(app, "agent", "Agents and their sessions");
  AddAgentRegister(agent, context);
  AddAgentList(agent, context);
  AddAgentShow(agent, context);
  AddAgentHold(agent, context);
  AddAgentLeave(agent, context);

  CLI::App* ticket = AddGroup(app, "ticket", "Units of work");
  AddTicketCreate(ticket, context);
  AddTicketImport(ticket, context);
  AddTicketList(ticket, context);
  AddTicketShow(ticket, context);
  AddTicketNext(ticket, context);
  AddTicketClaim(ticket, context);
  AddTicketRenew(ticket, context);
  AddTicketProgress(ticket, context);
  AddTicketComplete(ticket, context);
  AddTicketFail(ticket, context);
  AddTicketRelease(ticket, context);
  AddTicketCancel(ticket, context);
  AddTicketReopen(ticket, context);
  AddTicketComment(ticket, context);
  AddTicketUpdate(ticket, context);

  CLI::App* loop = AddGroup(app, "loop", "The hub's background loops");
  AddLoopList(loop, context);
  AddLoopStep(loop, context);
  AddLoopPause(loop, context);
  AddLoopResume(loop, context);

  AddStatus(app, context);
  AddTop(app, context);
  AddDebug(app, context);
  AddMaintain(app, context);
  AddWatch(app, context);
  AddMe(app, context);
  AddHub(app, context);
  AddCompletion(app, context);
}

// Parses; true if there is something to run, else `*exit_code` is set.
bool Parse(CLI::App* app, Context* context, std::vector<std::string> arguments, int* exit_code) {
  // Wherever the line goes wrong, the error is to be what it asked for.
  const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app->parse(std::move(arguments));
    return true;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // help and version are "errors", too
      app->exit(error, context->out(), context->err());
      *exit_code = static_cast<int>(ExitCode::kOk);
      return false;
    }
    context->globals().json = json;
    context->err() << ErrorText(*context, UsageError(*app, error));
    if (!json) context->err() << "See: coordctl --help, or --help after any command\n";
    *exit_code = static_cast<int>(ExitCode::kUsage);
    return false;
  }
}

}  // namespace

std::unique_ptr<CLI::App> MakeApp(Context* context) {
  auto app = std::make_unique<CLI::App>(
      "coordctl works with a coordhub: agents, tickets and what happens to them.", "coordctl");
  app->set_version_flag("--version", std::string("coordctl ") + COORDHUB_VERSION);
  app->require_subcommand(1);
  app->formatter(MakeHelpFormatter());  // inherited by all commands
  app->footer(std::string(kFooter) + kExitCodeHelp);
  AddGlobals(app.get(), &context->globals());
  AddCommands(app.get(), context);
  return app;
}

int RunCoordctl(Host host, const std::vector<std::string>& arguments) {
  Context context(std::move(host));
  const std::unique_ptr<CLI::App> app = MakeApp(&context);
  int exit_code = 0;
  if (!Parse(app.get(), &context, arguments, &exit_code)) return exit_code;
  const absl::StatusOr<ExitCode> result = context.run()(context);
  if (result.ok()) return static_cast<int>(*result);
  (void)context.ForgetIfEnded(result.status());
  context.err() << ErrorText(context, result.status()) << std::flush;
  return static_cast<int>(ExitCodeFor(result.status()));
}

}  // namespace coordhub::coordctl
