#include <ostream>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/await_operation.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/gate_output.h"
#include "agent/coordctl/json_output.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string gate_id;
  bool wait = false;
};

// The gate at the operation's end or later.
absl::StatusOr<pb::Gate> GateAfter(const agent::Client& client, const std::string& gate_id,
                                   const pb::Operation& operation) {
  pb::ListGatesRequest request;
  request.set_min_revision(operation.mod_revision());
  COORDHUB_ASSIGN_OR_RETURN(
      const auto response,
      client.Call<pb::ListGatesResponse>("/coordhub.v1.ConvergenceService/ListGates", request));
  for (const pb::Gate& gate : response.gates()) {
    if (gate.gate_id() == gate_id) return gate;
  }
  return base::MakeError(pb::ERROR_REASON_GATE_NOT_FOUND,
                         absl::StrCat("gate ", gate_id, " was deleted meanwhile"),
                         {{"gate_id", gate_id}});
}

absl::Status DidNotRun(const pb::Operation& operation) {
  return base::MakeError(
      pb::ERROR_REASON_OPERATION_STATE,
      absl::StrCat("the gate did not run: ",
                   operation.error().empty() ? operation.note() : operation.error()),
      {{"operation_id", operation.operation_id()}});
}

absl::StatusOr<ExitCode> Await(Context& context, const agent::Client& client,
                               const Options& options, const pb::RunGateResponse& begun) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::Operation operation,
                            AwaitOperation(client, begun.operation_id(), begun.revision()));
  if (operation.state() != pb::Operation::STATE_DONE) return DidNotRun(operation);
  COORDHUB_ASSIGN_OR_RETURN(const pb::Gate gate, GateAfter(client, options.gate_id, operation));
  if (gate.verdict() == pb::Gate::VERDICT_UNSPECIFIED) {
    return base::MakeError(pb::ERROR_REASON_OPERATION_STATE,
                           "the gate was set to something else while it ran",
                           {{"operation_id", operation.operation_id()}});
  }
  PrintGateAnswer(context, gate, gate);
  if (!context.json())
    context.err() << operation.operation_id() << ": " << operation.note() << "\n";
  return gate.verdict() == pb::Gate::VERDICT_GREEN ? ExitCode::kOk : ExitCode::kFailed;
}

absl::StatusOr<ExitCode> RunIt(Context& context, const Options& options) {
  pb::RunGateRequest request;
  request.set_gate_id(options.gate_id);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(
      const auto response,
      client.Call<pb::RunGateResponse>("/coordhub.v1.ConvergenceService/RunGate", request));
  if (options.wait) return Await(context, client, options, response);
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << response.operation_id() << "\t" << options.gate_id << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddGateRun(CLI::App* gate, Context* context) {
  CLI::App* command = AddCommand(
      gate, "run",
      "Run a gate on its target as it is now. Answers at once with the operation; with --wait the "
      "exit code says how the target is: 0 green, 1 red",
      "coordctl gate run tests\n"
      "coordctl gate run tests --wait || coordctl gate log tests");
  auto options = std::make_shared<Options>();
  command->add_option("GATE", options->gate_id, "Its name")->required();
  command->add_flag("--wait,-w", options->wait, "Wait until it has run");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return RunIt(c, *options); });
}

}  // namespace coordhub::coordctl
