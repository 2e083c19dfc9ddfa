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

// The same with only those commands whose names are among `words`: what a line can come to that
// consists of them.
std::unique_ptr<CLI::App> MakeAppFor(Context* context, const std::vector<std::string>& words);

// Does what `arguments` (without the program's name) ask for. Returns the exit code. Never throws.
// `context`, a new one, keeps the connections that were made, so that who is about to end need not
// wait until they are closed.
int RunCoordctl(Context* context, const std::vector<std::string>& arguments);
// The same, with a context of its own.
int RunCoordctl(Host host, const std::vector<std::string>& arguments);

}  // namespace coordhub::coordctl
