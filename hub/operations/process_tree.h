// Processes as /proc tells of them: those below this one, and those that carry a mark.

#pragma once

#include <string>

namespace coordhub::operations {

// Sends a signal to every process below this one, however far; returns to how many. Those that have
// ended and wait for their parents do not count. Reads /proc; blocks.
int SignalDescendants(int signal);

// The same for every other process of this user in whose environment the variable stands
// (`NAME=value`): what lost its parent is found by it, too.
int SignalMarked(const std::string& variable, int signal);

// SIGKILL for those with the mark, until none is left. False: after some seconds some are; they
// hang in the kernel.
bool EndMarked(const std::string& variable);

}  // namespace coordhub::operations
