#include <limits>
#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/overview.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

// Rows of a section, so that everything stays on one screen.
constexpr size_t kRows = 10;

absl::StatusOr<ExitCode> Status(Context& context, bool all, const std::string& claim_age) {
  COORDHUB_ASSIGN_OR_RETURN(const absl::Duration old, ParseClaimAge(claim_age));
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(Overview overview, ReadOverview(client, *context.host().clock));
  overview.claim_age = old;
  if (context.json()) {
    context.out() << OverviewJson(overview, context.host().out_is_terminal);
  } else {
    context.out() << OverviewText(context, overview,
                                  all ? std::numeric_limits<size_t>::max() : kRows);
  }
  const std::vector<std::string> problems = ProblemsOf(overview);
  if (problems.empty()) return ExitCode::kOk;
  if (!context.json()) {
    for (const std::string& problem : problems) {
      context.err() << "coordctl: " << SafeBlock(problem, "");
    }
    context.err() << "For what to do about it: coordctl debug\n";
  }
  return ExitCode::kFailed;
}

}  // namespace

void AddStatus(CLI::App* root, Context* context) {
  CLI::App* command = AddCommand(
      root, "status",
      "Everything on one screen: the hub and its loops, tickets by state, agents, claims with "
      "their age and the last sign of work, claims that end soon, branches, worktrees, conflicts "
      "and rounds. Exit code 1: something is not well; 6: no "
      "hub",
      "coordctl status\n"
      "coordctl status --json | jq -r '.problems[]'\n"
      "coordctl status --all --claim-age 90m");
  auto all = std::make_shared<bool>(false);
  command->add_flag("--all,-a", *all, "All rows of every section, not only the first 10");
  const auto claim_age = AddClaimAge(command);
  OnRun(command, context, [all, claim_age](Context& c) { return Status(c, *all, *claim_age); });
}

}  // namespace coordhub::coordctl
