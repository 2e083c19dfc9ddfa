#include <algorithm>
#include <optional>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/round_output.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

// One call waits no longer, so that it ends well before its deadline.
constexpr absl::Duration kOneCall = absl::Seconds(15);

struct Options {
  std::string round_id;
  std::string wait;
  std::string until = "ready";
  bool exit_code = false;
};

bool HasEnded(const pb::Round& round) {
  return round.state() == pb::Round::STATE_CONVERGED || round.state() == pb::Round::STATE_FAILED ||
         round.state() == pb::Round::STATE_CANCELLED;
}

// The last integration changed nothing, and the round goes on.
bool HasFailedAttempt(const pb::Round& round) {
  return !HasEnded(round) && round.state() != pb::Round::STATE_INTEGRATING &&
         !round.operation_id().empty() && !round.reason().empty();
}

bool IsAwaited(const pb::Round& round, const Options& options) {
  if (HasEnded(round)) return true;
  if (options.until == "ended" && HasFailedAttempt(round)) return true;
  return options.until == "ready" && round.state() != pb::Round::STATE_OPEN;
}

void Tell(Context& context, const pb::Round& round) {
  if (!context.host().out_is_terminal || context.json()) return;
  context.err() << round.round_id() << " is " << StateName(round.state()) << ", "
                << round.blocker_count() << " blockers\n";
}

absl::StatusOr<pb::GetRoundResponse> Get(const agent::Client& client,
                                         const pb::GetRoundRequest& request) {
  return client.Call<pb::GetRoundResponse>("/coordhub.v1.ConvergenceService/GetRound", request);
}

absl::StatusOr<pb::GetRoundResponse> Await(Context& context, const agent::Client& client,
                                           const Options& options, absl::Duration wait) {
  const base::MonoTime until = context.host().clock->Mono() + wait;
  const auto left = [&] {
    return std::max(absl::ZeroDuration(), until - context.host().clock->Mono());
  };
  pb::GetRoundRequest request;
  request.set_round_id(options.round_id);
  while (true) {
    *request.mutable_wait() = agent::ToProto(std::min(kOneCall, left()));
    auto response = Get(client, request);
    if (!response.ok()) {
      // There may be one soon.
      const bool none = options.round_id.empty() && absl::IsNotFound(response.status());
      if (none && request.round_id().empty() && left() > absl::ZeroDuration()) continue;
      return response;
    }
    const pb::Round& round = response->round();
    if (round.mod_revision() != request.after_revision()) Tell(context, round);
    if (IsAwaited(round, options) || left() == absl::ZeroDuration()) return response;
    // From here on this very round, also when it has ended and another began.
    request.set_round_id(round.round_id());
    request.set_after_revision(round.mod_revision());
  }
}

absl::StatusOr<ExitCode> Status(Context& context, const Options& options) {
  std::optional<absl::Duration> wait;
  if (!options.wait.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(wait, ParseDuration(options.wait, "--wait"));
  }
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  pb::GetRoundRequest request;
  request.set_round_id(options.round_id);
  COORDHUB_ASSIGN_OR_RETURN(const auto response, wait.has_value()
                                                     ? Await(context, client, options, *wait)
                                                     : Get(client, request));
  PrintRoundAnswer(context, response, response.round());
  if (!wait.has_value() && !options.exit_code) return ExitCode::kOk;
  if (options.until == "ended" && HasFailedAttempt(response.round())) return ExitCode::kRefused;
  return ExitCodeOf(response.round());
}

}  // namespace

void AddRoundStatus(CLI::App* round, Context* context) {
  CLI::App* command = AddCommand(
      round, "status",
      "Show a round: members, and everything that blocks it, with who must do what. With --wait "
      "or --exit-code it ends with 0: converged, 5: blocked, 7: ready or being integrated, 4: "
      "failed or cancelled; with --until ended also 4 when an integration changed nothing, so that "
      "the round goes on",
      "coordctl round status\n"
      "coordctl round status --wait 30m\n"
      "coordctl round status C-3 --wait 1h --until ended\n"
      "coordctl round status --json | jq -r '.round.blockers[].action'");
  auto options = std::make_shared<Options>();
  AddRoundArgument(command, &options->round_id);
  command->add_option("--wait,-w", options->wait,
                      "How long to wait until nothing blocks it, or it has ended");
  AddChoice(command, "--until", &options->until, {"ready", "ended"}, "What --wait waits for")
      ->capture_default_str();
  command->add_flag("--exit-code", options->exit_code, "Tell the state by the exit code");
  OnRun(command, context, [options](Context& c) { return Status(c, *options); });
}

}  // namespace coordhub::coordctl
