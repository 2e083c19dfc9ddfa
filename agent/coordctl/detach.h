// Going on in the background.

#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/unique_fd.h"

namespace coordhub::coordctl {

// The two ends of a command that goes on in the background: the process that was called waits until
// the one that stays says how the start went, so that a failure is not lost with the terminal.
class Detached {
 public:
  // Forks. In the process that was called it returns what the other one reports (`child` false); in
  // the one that stays, at once (`child` true), in a session of its own, without terminal, input or
  // output. Call it before any thread exists.
  //
  // Errors:
  //   INTERNAL/IO_FAILED  no process can be made.
  static absl::StatusOr<Detached> Fork();

  bool child() const { return report_.valid(); }
  // With `child` false: what was reported; "the process ended" if nothing was.
  const absl::Status& outcome() const { return outcome_; }
  // With `child` true: tells the caller's process and lets it go. Once.
  void Report(const absl::Status& status);

 private:
  base::UniqueFd report_;
  absl::Status outcome_;
};

}  // namespace coordhub::coordctl
