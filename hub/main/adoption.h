// What a shared_state/ that scripts kept before the hub holds, and a copy of it.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordhub/v1/ticket.pb.h"

namespace coordhub::hub {

// One line of tickets.md that is not blank, as the import will take it.
struct AdoptedLine {
  int64_t number = 0;  // from 1
  // Unset: no ticket comes of it.
  std::optional<v1::TicketSpec> ticket;
  // Why not; empty with `ticket`. The hub's own lines are no part of this list.
  std::string why;
  // The line's beginning, for people: no control characters, not made safe for a terminal.
  std::string text;
};

// A loop of the old scripts that a pid file names and that runs.
struct OldLoop {
  std::string pid_file;
  pid_t pid = 0;
  std::string directory;  // where it works; empty: that cannot be told
};

struct Adoption {
  std::string directory;
  bool exists = false;
  std::vector<AdoptedLine> lines;    // of tickets.md
  int64_t tickets = 0;               // how many of them become tickets
  int64_t own_lines = 0;             // written by a hub that is known here
  std::vector<std::string> inbox;    // files that wait in inbox/
  bool temporary_status = false;     // status.md.tmp, which a killed daemon left
  bool foreign_convergence = false;  // a convergence.md that is not the hub's
  std::vector<OldLoop> running;

  int64_t not_tickets() const { return static_cast<int64_t>(lines.size()) - tickets; }
};

// Looks, and changes nothing. `known_here`: this repository has been served, so that a line in the
// form of the hub's own is one. `pid_directory`: where the old scripts keep their pid files;
// empty: nobody asks.
// Blocks on the file system.
// Errors: IO_FAILED: the directory or tickets.md is unreadable, or not what its name says.
absl::StatusOr<Adoption> LookAtSharedState(const std::string& directory, bool known_here,
                                           const std::string& pid_directory);

// Copies the directory with all files, directories and links in it (links as such) to
// `<state_dir>/shared_state.before-coordhub-<time>`, and returns its path. The state directory must
// exist. Errors: IO_FAILED, DISK_FULL; what was copied until then stays.
absl::StatusOr<std::string> BackUpSharedState(const std::string& directory,
                                              const std::string& state_dir, absl::Time now);

}  // namespace coordhub::hub
