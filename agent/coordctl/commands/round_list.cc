#include <algorithm>
#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"
#include "coordhub/v1/convergence_service.pb.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kPage = 1000;

absl::StatusOr<std::vector<pb::Round>> Fetch(const agent::Client& client, size_t limit) {
  pb::ListRoundsRequest request;
  std::vector<pb::Round> rounds;
  while (true) {
    request.set_page_size(static_cast<int32_t>(std::min(kPage, limit - rounds.size())));
    COORDHUB_ASSIGN_OR_RETURN(
        const auto page,
        client.Call<pb::ListRoundsResponse>("/coordhub.v1.ConvergenceService/ListRounds", request));
    rounds.insert(rounds.end(), page.rounds().begin(), page.rounds().end());
    if (page.next_page_token().empty() || rounds.size() >= limit) return rounds;
    request.set_page_token(page.next_page_token());
  }
}

absl::StatusOr<ExitCode> List(Context& context, size_t limit) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(const auto rounds, Fetch(client, limit));
  if (context.json()) {
    context.out() << ToJsonArray(rounds, context.host().out_is_terminal);
  } else {
    context.out() << RoundTable(context, rounds, context.host().clock->Wall()).Render();
  }
  return ExitCode::kOk;
}

}  // namespace

void AddRoundList(CLI::App* round, Context* context) {
  CLI::App* command = AddCommand(
      round, "list",
      "List rounds, the newest first. Columns: id, state, target, members that are ready, "
      "blockers, age, who opened it, reason",
      "coordctl round list\n"
      "coordctl round list --json | jq -r '.[].roundId'");
  auto limit = std::make_shared<size_t>(20);
  command->add_option("--limit,-n", *limit, "At most so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  OnRun(command, context, [limit](Context& c) { return List(c, *limit); });
}

}  // namespace coordhub::coordctl
