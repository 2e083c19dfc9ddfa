#pragma once

#include <memory>
#include <string>

#include "hub/journal/journal.h"

namespace coordhub::journal {

struct MemoryOptions {
  std::string log_id;
  // As of a release that kept no store.
  bool store_incomplete = false;
};

// A journal without a disk, for tests: real semantics, passes the same contract suite.
std::unique_ptr<Journal> NewMemoryJournal(const MemoryOptions& options);
std::unique_ptr<Journal> NewMemoryJournal(std::string log_id);

}  // namespace coordhub::journal
