#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/raw_terminal.h"
#include "agent/coordctl/top_feed.h"
#include "agent/coordctl/top_screen.h"

namespace coordhub::coordctl {
namespace {

// How often what is counted in time is drawn anew.
constexpr int kTickMs = 1000;

absl::StatusOr<ExitCode> Top(Context& context, const std::string& claim_age) {
  COORDHUB_ASSIGN_OR_RETURN(const absl::Duration old, ParseClaimAge(claim_age));
  if (context.json() || !context.host().out_is_terminal || !context.host().in_is_terminal) {
    return base::MakeFieldError("top",
                                "needs a terminal; elsewhere: coordctl status --json, or "
                                "coordctl watch --json");
  }
  RawTerminal::TakeSignals();  // before any thread exists
  context.set_quiet();         // the feed shows it when the hub is away
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  TopFeed feed(client, context.host().clock);
  absl::StatusOr<RawTerminal> terminal = RawTerminal::Open();
  if (!terminal.ok()) {
    client.Shutdown();
    return base::MakeFieldError("top", "needs a terminal");
  }
  TopScreen screen(old);
  for (bool running = true; running;) {
    const std::shared_ptr<const TopData> data = feed.data();
    terminal->Show(screen.Render(context, *data, context.host().clock->Wall(), terminal->columns(),
                                 terminal->rows()));
    const TerminalEvents events = terminal->Wait(feed.fd(), kTickMs);
    running = !events.quit;
    for (const KeyPress& press : events.keys) running = running && screen.Press(press, *data);
    feed.SetDetail(screen.detail());
  }
  client.Shutdown();  // ends a call that is under way
  return ExitCode::kOk;
}

}  // namespace

void AddTop(CLI::App* root, Context* context) {
  CLI::App* command =
      AddCommand(root, "top",
                 "What `status` shows, live: changes appear as they happen. Keys: 1 2 3 or Tab "
                 "tickets, agents, "
                 "branches; arrows select, Enter looks closer, s and r sort, ? help, q quits",
                 "coordctl top\n"
                 "coordctl top --claim-age 90m");
  const auto claim_age = AddClaimAge(command);
  OnRun(command, context, [claim_age](Context& c) { return Top(c, *claim_age); });
}

}  // namespace coordhub::coordctl
