#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/commands/claim_options.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  ClaimOptions claim;
  std::string reason;
  std::string retry_delay;
  bool final = false;
};

absl::StatusOr<ExitCode> Fail(Context& context, const Options& options) {
  pb::FailTicketRequest request;
  request.set_reason(options.reason);
  request.set_final(options.final);
  if (!options.retry_delay.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const absl::Duration delay,
                              ParseDuration(options.retry_delay, "--retry-delay"));
    *request.mutable_retry_delay() = agent::ToProto(delay);
  }
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const ClaimRef claim, options.claim.Resolve(context, client));
  request.set_ticket_id(claim.ticket_id);
  request.set_fence(claim.fence);
  COORDHUB_ASSIGN_OR_RETURN(const pb::FailTicketResponse response, client.FailTicket(request));
  PrintTicketAnswer(context, response, response.ticket());
  return ExitCode::kOk;
}

}  // namespace

void AddTicketFail(CLI::App* ticket, Context* context) {
  CLI::App* command = AddCommand(
      ticket, "fail",
      "End a claim: this attempt failed. Another one follows unless --final, or too many failed",
      "coordctl ticket fail T-17 --reason \"the test needs a GPU\"\n"
      "coordctl ticket fail T-17 --reason \"not possible: see comment\" --final");
  auto options = std::make_shared<Options>();
  options->claim.AddTo(command);
  command->add_option("--reason,-m", options->reason, "Why, up to 4 KiB")->required();
  command->add_flag("--final", options->final, "Failed for good");
  command
      ->add_option("--retry-delay", options->retry_delay,
                   "Not again before this time, up to 24h; default: grows with the attempts")
      ->excludes("--final");
  AddRequestId(command, context);
  OnRun(command, context, [options](Context& c) { return Fail(c, *options); });
}

}  // namespace coordhub::coordctl
