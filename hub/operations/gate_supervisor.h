// The process between the hub and a gate that runs. Everything that the gate starts is below it:
// who loses its parent becomes its child, so it knows when all have ended, and sees to it.
//
// It is the hub's program with another command, so that between fork and exec there is nothing of a
// process with many threads. Its standard descriptors are
//   input   a pipe of which nothing is read: once the other end is closed, by whoever wants the
//   gate
//           to end or by the end of the hub, it ends the gate: SIGTERM, a second later SIGKILL;
//   output  a pipe, to which it writes "ended N\n" (the gate's exit code) once nothing is left;
//   error   what the gate gets as its standard output and error.

#pragma once

#include <string>
#include <vector>

namespace coordhub::operations {

// What the hub's program takes as its first argument to become one; in no help.
inline constexpr char kGateSupervisorCommand[] = "gate-supervisor";

// What follows that argument: the directory to run in, then the gate's program and its arguments.
// The gate gets this process's environment. Returns the exit code of the process. One thread, no
// other children.
int SuperviseGate(std::vector<std::string> arguments);

}  // namespace coordhub::operations
