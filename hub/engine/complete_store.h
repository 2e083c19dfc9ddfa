#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "hub/journal/journal.h"

namespace coordhub::engine {

// Puts into an incomplete store what releases before kept in snapshots and events only: the texts
// as of the head. A complete one is left alone. Before anything else is written; blocks on the
// disk. After a kill it is done again. `note` gets remarks for the log. Errors: those of the
// journal.
absl::Status CompleteStore(journal::Journal* journal, const std::function<void(std::string)>& note);

}  // namespace coordhub::engine
