// For work that computes for long and is not urgent.

#pragma once

namespace coordhub::base {

// Leaves the processor to other threads for 0.1 ms, to whom a burst of many milliseconds would be a
// delay. A yield would not do: the scheduler lets a thread that can run finish its slice. Any
// thread.
void GiveWay();

}  // namespace coordhub::base
