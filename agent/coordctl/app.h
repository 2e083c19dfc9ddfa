// The command line program as a whole.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "agent/coordctl/context.h"

namespace coordhub::coordctl {

// The tree of commands; what is parsed goes into `context`, which outlives it.
std::unique_ptr<CLI::App> MakeApp(Context* context);

// Does what `arguments` (without the program's name) ask for. Returns the exit code. Never throws.
int RunCoordctl(Host host, const std::vector<std::string>& arguments);

}  // namespace coordhub::coordctl
