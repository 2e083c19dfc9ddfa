// What the commands about gates print.

#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/coordctl/context.h"
#include "coordhub/v1/convergence_service.pb.h"

namespace coordhub::coordctl {

// "GREEN", "RED"; "-": it never ran on its target.
std::string VerdictName(pb::Gate::Verdict verdict);

// Columns: name, verdict, target, commit of the verdict, incident, age of the verdict, timeout,
// command.
Table GateTable(const Context& context, const std::vector<pb::Gate>& gates, absl::Time now);

// The answer with --json, else the gate's row.
void PrintGateAnswer(Context& context, const google::protobuf::Message& answer,
                     const pb::Gate& gate);

// Asks for a log and prints it: what was left out is a note on standard error.
absl::StatusOr<ExitCode> PrintGateLog(Context& context, const pb::GetGateLogRequest& request);

}  // namespace coordhub::coordctl
