#pragma once

#include <memory>
#include <string>

#include "hub/journal/journal.h"

namespace coordhub::journal {

// A journal without a disk, for tests: real semantics, passes the same contract suite.
std::unique_ptr<Journal> NewMemoryJournal(std::string log_id);

}  // namespace coordhub::journal
