// Runs a gate: a command of the operator's in a temporary worktree of the tree that is tried.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hub/operations/gate_supervisor.h"

namespace coordhub::operations {

// What is to be run.
struct GateRun {
  // Program and arguments; no shell.
  std::vector<std::string> command;
  // From the command's start; then it is ended.
  absl::Duration timeout;
  std::string common_dir;
  // Hex; exists in the repository.
  std::string commit;
  // See gate_scratch.h.
  std::string scratch_dir;
  // The operation's id and a step ("O-17", "O-17.3"): names the tree, and with the operation's part
  // the log. No two runs at once have the same.
  std::string id;
  // Asked now and then; may be null.
  std::function<bool()> cancelled;
  // What becomes the process between the hub and the gate (gate_supervisor.h).
  std::vector<std::string> supervisor = {"/proc/self/exe", kGateSupervisorCommand};
};

struct GateResult {
  enum class End {
    kPassed,
    // Another exit code than 0, or it could not be started.
    kFailed,
    kTimedOut,
    kCancelled,
    // There was no tree to run it in.
    kNotRun,
  };
  End end = End::kNotRun;
  // With kPassed and kFailed; 128 + signal when a signal ended it.
  int exit_code = 0;
  // One line for people: how it ended, and with kFailed and kTimedOut its last words.
  std::string note;
};

// Runs it and waits for its end. Whatever comes of it, afterwards nothing that it started runs any
// more, and the worktree is gone; what it wrote is in its log (gate_log.h), which is brought up to
// date every second. It gets no input, a group and a session of its own, and of the hub's
// environment what names the user, the language and the path, with TMPDIR, COORDHUB_GATE (the id)
// and COORDHUB_GATE_TREE (the worktree). Blocks; any thread.
// Errors: STATE_DIR_UNUSABLE, DISK_FULL, IO_FAILED.
absl::StatusOr<GateResult> RunGate(const GateRun& run);

}  // namespace coordhub::operations
