// What the measured server's process uses.

#pragma once

#include <cstdint>

namespace coordhub::bench {

// User and system time of process `pid`, in seconds; 0 where there is none.
double ProcessorSeconds(int pid);
// Resident memory in bytes.
int64_t ResidentBytes(int pid);
// Waits until the process has come to rest after what it was given to do; 20 s at the most.
void AwaitQuiet(int pid);

}  // namespace coordhub::bench
