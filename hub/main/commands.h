// The subcommands of `coordhub`, one file each.

#pragma once

#include <CLI/CLI.hpp>

namespace coordhub::hub {

// Each adds its subcommand to `app`. When the command line names it, it runs while the line is
// parsed and leaves its exit code in `exit_code`, which must outlive the parsing.
void AddServeCommand(CLI::App* app, int* exit_code);
void AddStartCommand(CLI::App* app, int* exit_code);
void AddStopCommand(CLI::App* app, int* exit_code);
void AddRestartCommand(CLI::App* app, int* exit_code);
void AddStatusCommand(CLI::App* app, int* exit_code);
void AddLogsCommand(CLI::App* app, int* exit_code);
void AddRestoreCommand(CLI::App* app, int* exit_code);
void AddAdoptCommand(CLI::App* app, int* exit_code);

}  // namespace coordhub::hub
