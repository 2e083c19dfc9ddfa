// What may be wrong with a hub, and what to do about it.

#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/base/endpoint.h"
#include "agent/base/git_location.h"
#include "agent/coordctl/overview.h"

namespace coordhub::coordctl {

struct Finding {
  enum class Level {
    kFine,     // looked at, and in order
    kWarning,  // works, but somebody should know
    kProblem,  // does not work
  };
  Level level = Level::kFine;
  std::string area;    // "hub", "journal", "loops", "mirror", "repository", "agents", "tickets"
  std::string what;    // a sentence; may hold text from agents
  std::string advice;  // what to do; empty where there is nothing to be done
};

// Where a hub keeps its things, found without it.
struct Site {
  base::GitLocation repository;
  base::StatePaths state;
  // Of the endpoint file; its status if that cannot be read.
  absl::StatusOr<std::optional<base::EndpointFile>> endpoint;
  // The hub's own log, and where it writes tickets.md: as the endpoint file has them, else where
  // they are unless the hub was told otherwise. An empty mirror: there is none.
  std::string log_file;
  std::string mirror_dir;
};
Site FindSite(const base::GitLocation& repository);

// What the files tell: the state directory, secrets' permissions, lock, endpoint, processes,
// socket, journal, disk, log. Changes nothing, takes no lock; blocks on the file system. `now`
// tells which errors of the log are recent.
std::vector<Finding> DiagnoseFiles(const Site& site, absl::Time now);

// What a hub that answers tells of itself. `stuck`: BLOCKED tickets whose blockers can never be
// met; `buried`: BURIED ones. `version`: of this program.
std::vector<Finding> DiagnoseHub(const Overview& overview, const std::vector<pb::Ticket>& stuck,
                                 const std::vector<pb::Ticket>& buried, const std::string& version);

}  // namespace coordhub::coordctl
