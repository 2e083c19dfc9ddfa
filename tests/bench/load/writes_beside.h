// Writes, or reads of another kind, that go on beside another load on the same server.

#pragma once

#include <thread>

#include "tests/bench/load/load.h"

namespace coordhub::bench {

// Runs `write` `rate` times a second, with the window of the load that begins at the same time:
// what was there to prepare for that is over by then.
class WritesBeside {
 public:
  // Slots that `write` has to have.
  static constexpr int kSlots = 64;

  WritesBeside(const LoadOptions& load, double rate, Operation write);
  ~WritesBeside();

  // Blocks until the window is over; once.
  Summary Finish();

 private:
  Load load_;
  Summary summary_;
  std::thread thread_;
};

}  // namespace coordhub::bench
