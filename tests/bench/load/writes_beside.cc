#include "tests/bench/load/writes_beside.h"

#include <utility>

namespace coordhub::bench {
namespace {

LoadOptions Beside(LoadOptions load, double rate) {
  load.in_flight = WritesBeside::kSlots;
  load.rate = rate;
  return load;
}

}  // namespace

WritesBeside::WritesBeside(const LoadOptions& load, double rate, Operation write)
    : load_(Beside(load, rate), std::move(write)), thread_([this] { summary_ = load_.Run(); }) {}

WritesBeside::~WritesBeside() {
  if (thread_.joinable()) thread_.join();
}

Summary WritesBeside::Finish() {
  thread_.join();
  return summary_;
}

}  // namespace coordhub::bench
