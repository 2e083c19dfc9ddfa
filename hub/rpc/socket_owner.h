#pragma once

#include <sys/types.h>

#include <optional>

namespace coordhub::rpc {

// A process that listens on a TCP port of this machine, as far as this user may see it: for the
// words of a refusal. Looks through /proc, in proportion to its processes and descriptors.
std::optional<pid_t> PidListeningOn(int port);

}  // namespace coordhub::rpc
