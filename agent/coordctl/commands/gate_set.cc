#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/gate_output.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::string gate_id;
  std::string target;
  std::string timeout;
  std::vector<std::string> command;
};

absl::StatusOr<ExitCode> Set(Context& context, const Options& options) {
  pb::SetGateRequest request;
  request.set_gate_id(options.gate_id);
  request.set_target(options.target);
  if (!options.timeout.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const absl::Duration timeout,
                              ParseDuration(options.timeout, "--timeout"));
    *request.mutable_timeout() = agent::ToProto(timeout);
  }
  for (const std::string& word : options.command) request.add_command(word);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(
      const auto response,
      client.Call<pb::SetGateResponse>("/coordhub.v1.ConvergenceService/SetGate", request));
  PrintGateAnswer(context, response, response.gate());
  return ExitCode::kOk;
}

}  // namespace

void AddGateSet(CLI::App* gate, Context* context) {
  CLI::App* command = AddCommand(
      gate, "set",
      "Make or change a gate: a command that merged work must pass. It runs without a shell, as "
      "the hub's user, in a temporary worktree of the tree that is tried. The operator's",
      "coordctl gate set tests -- make test\n"
      "coordctl gate set tests --target main --timeout 30m -- make -j4 test\n"
      "coordctl gate set lint -- sh -c 'make lint && ! grep -rn FIXME src'");
  auto options = std::make_shared<Options>();
  command->add_option("GATE", options->gate_id, "Its name: a-z, 0-9, dot, hyphen, underscore")
      ->required();
  command->add_option("COMMAND", options->command, "Program and arguments, behind --")->required();
  command->add_option("--target", options->target,
                      "The branch that it watches: it runs there whenever that moves, and a "
                      "failure opens a ticket. Default: none");
  command->add_option("--timeout", options->timeout,
                      "Then it is ended, with all that it started; 1s to 24h. Default: 10m");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Set(c, *options); });
}

}  // namespace coordhub::coordctl
