#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hub/core/command.h"
#include "hub/engine/workspace.h"

namespace coordhub::engine {

// A mutation on its way through the writer. Movable; `Answer` is called once.
struct Call {
  CallId id = 0;
  std::unique_ptr<core::Command> command;
  // Wall time by which it must have begun.
  absl::Time deadline = absl::InfiniteFuture();
  Done done;
  // Later calls with the same request id that came while this one waited.
  std::vector<Done> joined;

  void Answer(const absl::StatusOr<Outcome>& outcome) {
    for (Done& other : joined) other(outcome);
    done(outcome);
  }
};

}  // namespace coordhub::engine
