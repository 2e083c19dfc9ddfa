#include "agent/coordctl/commands/gate_output.h"

#include <cstddef>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kShown = 200;
constexpr size_t kShortCommit = 12;

Color ColorOf(pb::Gate::Verdict verdict) {
  switch (verdict) {
    case pb::Gate::VERDICT_GREEN:
      return Color::kGreen;
    case pb::Gate::VERDICT_RED:
      return Color::kRed;
    default:
      return Color::kDim;
  }
}

}  // namespace

std::string VerdictName(pb::Gate::Verdict verdict) {
  switch (verdict) {
    case pb::Gate::VERDICT_GREEN:
      return "GREEN";
    case pb::Gate::VERDICT_RED:
      return "RED";
    case pb::Gate::VERDICT_UNSPECIFIED:
      return "-";
    default:
      return absl::StrCat(static_cast<int>(verdict));  // of a newer hub
  }
}

Table GateTable(const Context& context, const std::vector<pb::Gate>& gates, absl::Time now) {
  Table table = context.NewTable(
      {"GATE", "VERDICT", "TARGET", "COMMIT", "INCIDENT", "AGE", "TIMEOUT", "COMMAND"});
  for (const pb::Gate& gate : gates) {
    table.Add({{gate.gate_id(), Color::kBold},
               {VerdictName(gate.verdict()), ColorOf(gate.verdict())},
               {base::OneLine(gate.target(), kShown)},
               {gate.commit().substr(0, kShortCommit)},
               {gate.incident_ticket_id(), Color::kRed},
               {gate.has_run_time() ? ShowAge(agent::FromProto(gate.run_time()), now) : ""},
               {gate.has_timeout() ? ShowSpan(agent::FromProto(gate.timeout())) : ""},
               {base::OneLine(absl::StrJoin(gate.command(), " "), kShown)}});
  }
  return table;
}

void PrintGateAnswer(Context& context, const google::protobuf::Message& answer,
                     const pb::Gate& gate) {
  if (context.json()) {
    context.out() << ToJson(answer, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << GateTable(context, {gate}, context.host().clock->Wall()).Render();
  }
}

absl::StatusOr<ExitCode> PrintGateLog(Context& context, const pb::GetGateLogRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(
      const auto response,
      client.Call<pb::GetGateLogResponse>("/coordhub.v1.ConvergenceService/GetGateLog", request));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
    return ExitCode::kOk;
  }
  if (response.omitted_bytes() > 0) {
    context.err() << "(" << response.omitted_bytes() << " bytes before this are not kept)\n";
  }
  if (response.operation_id().empty()) context.err() << "no gate has run there yet\n";
  context.out() << SafeBlock(response.text(), "");
  return ExitCode::kOk;
}

}  // namespace coordhub::coordctl
