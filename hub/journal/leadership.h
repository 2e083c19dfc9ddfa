#pragma once

#include "absl/status/status.h"

namespace coordhub::journal {

// Who may append. A journal that is open has it; whoever opens it while another leads is refused
// (WORKSPACE_LOCKED) or takes it over. Once lost it never comes back to this object.
class Leadership {
 public:
  virtual ~Leadership() = default;

  // OK: as far as can be told now, this journal is the one that may append. Otherwise an error for
  // which OutcomeOf says kFenced, saying why. Some system calls at most. Any thread.
  //
  // The writer's calls do not ask each time. Whoever finds the leadership lost makes sure that
  // nothing is acknowledged any more.
  virtual absl::Status CheckLeadership() const = 0;
};

}  // namespace coordhub::journal
