// What the commands about rounds share.

#pragma once

#include <string>

#include "agent/coordctl/command.h"
#include "coordhub/v1/convergence_service.pb.h"

namespace coordhub::coordctl {

// Prints an answer about one round: with --json the answer, else the round.
void PrintRoundAnswer(Context& context, const google::protobuf::Message& answer,
                      const pb::Round& round);

// The optional argument ROUND.
void AddRoundArgument(CLI::App* command, std::string* round_id);

// What a round's state is as an exit code: see kExitCodeHelp.
ExitCode ExitCodeOf(const pb::Round& round);

}  // namespace coordhub::coordctl
