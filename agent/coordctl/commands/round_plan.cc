#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/round_output.h"
#include "agent/coordctl/json_output.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kShown = 300;
constexpr size_t kShortCommit = 10;

void AddStep(const std::string& place, const pb::IntegrationStep& step, Table* table) {
  std::string why = step.reason();
  if (step.conflict_paths_size() > 0) {
    absl::StrAppend(&why, " (", absl::StrJoin(step.conflict_paths(), ", "), ")");
  }
  table->Add({{place, step.reason().empty() ? Color::kGreen : Color::kRed},
              {base::OneLine(step.branch(), kShown), Color::kBold},
              {step.commit().substr(0, kShortCommit)},
              {step.agent_id().empty() ? "-" : base::OneLine(step.agent_id(), kShown)},
              {base::OneLine(why, kShown)}});
}

std::string PlanText(const Context& context, const pb::PlanIntegrationResponse& plan) {
  Table table = context.NewTable({"STEP", "BRANCH", "COMMIT", "MEMBER", "WHY NOT"});
  for (int i = 0; i < plan.steps_size(); ++i) {
    AddStep(absl::StrCat(i + 1), plan.steps(i), &table);
  }
  for (const pb::IntegrationStep& step : plan.left_out()) AddStep("left out", step, &table);
  std::string text = table.Render();
  if (plan.has_costliest() && context.terminal()) {
    const pb::CostliestConflict& costliest = plan.costliest();
    absl::StrAppend(&text, "Without the conflict between ",
                    base::TerminalSafe(costliest.branch_a()), " and ",
                    base::TerminalSafe(costliest.branch_b()), ", ", costliest.branches(),
                    " more would come along\n");
  }
  if (!plan.exact() && context.terminal()) {
    text += "This order was found by a heuristic: another may bring more along\n";
  }
  return text;
}

absl::StatusOr<ExitCode> Plan(Context& context, const std::string& round_id) {
  pb::PlanIntegrationRequest request;
  request.set_round_id(round_id);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(const auto plan,
                            client.Call<pb::PlanIntegrationResponse>(
                                "/coordhub.v1.ConvergenceService/PlanIntegration", request));
  if (context.json()) {
    context.out() << ToJson(plan, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << PlanText(context, plan);
  }
  return ExitCode::kOk;
}

}  // namespace

void AddRoundPlan(CLI::App* round, Context* context) {
  CLI::App* command = AddCommand(
      round, "plan",
      "Show in which order a round's branches would be merged, what would be left out, and why. "
      "Changes nothing",
      "coordctl round plan\n"
      "coordctl round plan C-3 --json | jq -r '.steps[].branch'");
  auto round_id = std::make_shared<std::string>();
  AddRoundArgument(command, round_id.get());
  OnRun(command, context, [round_id](Context& c) { return Plan(c, *round_id); });
}

}  // namespace coordhub::coordctl
