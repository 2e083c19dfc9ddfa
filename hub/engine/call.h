#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/base/clock.h"
#include "hub/core/command.h"
#include "hub/engine/workspace.h"

namespace coordhub::engine {

// A mutation on its way through the writer. Movable; `Answer` is called once.
struct Call {
  CallId id = 0;
  std::unique_ptr<core::Command> command;
  // Monotonic time by which it must have begun.
  base::MonoTime deadline = base::MonoTime::InfiniteFuture();
  // Empty once this caller went away while others who joined still wait.
  Done done;

  // A later call with the same request id that came while this one waited.
  struct Joined {
    CallId id = 0;
    Done done;
  };
  std::vector<Joined> joined;

  void Answer(absl::StatusOr<Outcome> outcome) {
    for (Joined& other : joined) other.done(outcome);
    if (done) done(std::move(outcome));
  }
  // Takes out one caller, this one or one that joined; an empty Done when it is not among them.
  Done Leave(CallId caller) {
    if (caller == id) return std::exchange(done, nullptr);
    for (auto it = joined.begin(); it != joined.end(); ++it) {
      if (it->id != caller) continue;
      Done left = std::move(it->done);
      joined.erase(it);
      return left;
    }
    return nullptr;
  }
  bool abandoned() const { return !done && joined.empty(); }
};

}  // namespace coordhub::engine
