// Completion of command lines in bash and zsh, made from the tree of commands itself.

#pragma once

#include <string>

#include "CLI/CLI.hpp"

namespace coordhub::coordctl {

// A script to be sourced. It completes commands, options, and values that are one of a few; ids of
// tickets and agents it asks of the hub.
std::string BashCompletion(const CLI::App& root);
std::string ZshCompletion(const CLI::App& root);

}  // namespace coordhub::coordctl
