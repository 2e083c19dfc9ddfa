#include <algorithm>
#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kPage = 1000;

struct Options {
  std::vector<std::string> states;
  size_t limit = 20;
};

absl::StatusOr<std::vector<pb::Operation>> Fetch(const agent::Client& client,
                                                 pb::ListOperationsRequest request, size_t limit) {
  std::vector<pb::Operation> operations;
  while (true) {
    request.set_page_size(static_cast<int32_t>(std::min(kPage, limit - operations.size())));
    COORDHUB_ASSIGN_OR_RETURN(const auto page,
                              client.Call<pb::ListOperationsResponse>(
                                  "/coordhub.v1.OperationService/ListOperations", request));
    operations.insert(operations.end(), page.operations().begin(), page.operations().end());
    if (page.next_page_token().empty() || operations.size() >= limit) return operations;
    request.set_page_token(page.next_page_token());
  }
}

absl::StatusOr<ExitCode> List(Context& context, const Options& options) {
  pb::ListOperationsRequest request;
  for (const std::string& state : options.states) {
    COORDHUB_ASSIGN_OR_RETURN(const auto parsed, ParseOperationState(state, "--state"));
    request.add_states(parsed);
  }
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(const auto operations, Fetch(client, request, options.limit));
  if (context.json()) {
    context.out() << ToJsonArray(operations, context.host().out_is_terminal);
  } else {
    context.out() << OperationTable(context, operations, context.host().clock->Wall()).Render();
  }
  return ExitCode::kOk;
}

}  // namespace

void AddOperationList(CLI::App* operation, Context* context) {
  CLI::App* command = AddCommand(
      operation, "list",
      "List long work of the hub, the newest first: what is under way, and the last that ended. "
      "Columns: id, kind, state, percent, age, who asked for it, what it is about, note",
      "coordctl operation list\n"
      "coordctl operation list --state running\n"
      "coordctl operation list --limit 1000 --json | jq -r '.[].operationId'");
  auto options = std::make_shared<Options>();
  AddStateOption(command, &options->states, OperationStateNames(),
                 "Only these states; may be repeated");
  command->add_option("--limit,-n", options->limit, "At most so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  OnRun(command, context, [options](Context& c) { return List(c, *options); });
}

}  // namespace coordhub::coordctl
