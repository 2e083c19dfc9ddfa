// What `coordctl debug --bundle` collects for whoever is to help.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/coordctl/archive.h"
#include "agent/coordctl/context.h"
#include "agent/coordctl/diagnosis.h"

namespace coordhub::coordctl {

// What is known; all but `report` may be missing.
struct BundleInput {
  std::string report;  // the findings, as JSON
  const Site* site = nullptr;
  const Overview* overview = nullptr;
  std::vector<pb::Ticket> tickets;
  std::vector<pb::Event> events;  // the newest
};

// Files: the findings, the hub's answers, the heads of the newest events (never the records that
// they change), the list of the state directory, the ends of the logs, and the environment's
// COORDHUB_ variables. What never gets in: keys, tokens (also where a log or a variable has one),
// bodies of tickets, comments. Reads the logs; blocks on the file system.
std::vector<ArchiveEntry> CollectBundle(const Context& context, const BundleInput& input);

}  // namespace coordhub::coordctl
