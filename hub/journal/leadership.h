#pragma once

#include "absl/status/status.h"

namespace coordhub::journal {

// Who may append. A journal that is open has it; whoever opens it while another leads is refused
// (WORKSPACE_LOCKED) or takes it over. Once lost it never comes back to this object.
class Leadership {
 public:
  virtual ~Leadership() = default;

  // Whether this journal is, as far as can be told now, the one that may append. If not, the error
  // is one for which OutcomeOf says kFenced, or, after a failure, kUnknown; the journal refuses
  // everything from then on. For whoever appends nothing for a while. Writer's thread.
  virtual absl::Status CheckHeld() = 0;
};

}  // namespace coordhub::journal
