// How a command is hung into the tree of commands. Only these files and commands/ know CLI11.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/coordctl/context.h"
#include "google/protobuf/message.h"

namespace coordhub::coordctl {

// A command below `parent`. `examples`: whole command lines, one a line, shown by --help.
CLI::App* AddCommand(CLI::App* parent, const std::string& name, const std::string& description,
                     const std::string& examples);

// What the command does, unless a subcommand of it was named, once the whole command line is known
// to be right.
void OnRun(CLI::App* command, Context* context, Context::Run run);

// An option that may be given several times, or once with values separated by commas.
CLI::Option* AddListOption(CLI::App* command, const std::string& name,
                           std::vector<std::string>* values, const std::string& description);

// An option whose value is one of `choices`.
CLI::Option* AddChoice(CLI::App* command, const std::string& name, std::string* value,
                       const std::vector<std::string>& choices, const std::string& description);

// Makes `option` take bare numbers of tickets, too: 17 for T-17 (and 17:integrated for
// T-17:integrated).
CLI::Option* TakeTicketIds(CLI::Option* option);

// --state: one or more of `names`, in any case.
CLI::Option* AddStateOption(CLI::App* command, std::vector<std::string>* values,
                            const std::vector<std::string>& names, const std::string& description);

// --request-id, for a command that is one mutation.
void AddRequestId(CLI::App* command, Context* context);

// The text that --x TEXT and --x-file FILE give: `file` prevails, "-" is standard input.
//
// Errors:
//   INVALID_ARGUMENT/INVALID_FIELD  the file cannot be read, or has more than 1 MiB. Metadata:
//                                   `field` = `option`.
absl::StatusOr<std::string> TextOrFile(Context& context, const std::string& text,
                                       const std::string& file, const std::string& option);

// A whole file, or standard input for "-", of at most `max_bytes`. Errors as TextOrFile.
absl::StatusOr<std::string> ReadInput(Context& context, const std::string& file, size_t max_bytes,
                                      const std::string& option);

// Prints an answer about one ticket: with --json the answer, on a terminal its id, state and title,
// else its row of `ticket list`.
void PrintTicketAnswer(Context& context, const google::protobuf::Message& answer,
                       const pb::Ticket& ticket);

}  // namespace coordhub::coordctl
