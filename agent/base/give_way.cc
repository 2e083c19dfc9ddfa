#include "agent/base/give_way.h"

#include <chrono>
#include <thread>

namespace coordhub::base {

// The one place that sleeps: there is nothing to wait for but others.
void GiveWay() { std::this_thread::sleep_for(std::chrono::microseconds(100)); }

}  // namespace coordhub::base
