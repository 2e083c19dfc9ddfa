// Running the git program. Private to this folder.

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/unique_fd.h"

namespace coordhub::git {

// Ends commands from another thread: those that run under it, and those that begin later. Any
// thread; must outlive them.
class GitCancel {
 public:
  GitCancel();
  void Cancel() const;
  bool cancelled() const;
  // Readable from Cancel on; -1 where the kernel gave none.
  int fd() const { return event_.get(); }

 private:
  const base::UniqueFd event_;
};

struct GitCommand {
  // Without the program's name. Never passes through a shell.
  std::vector<std::string> arguments;
  // Then it is killed, with whatever it started.
  absl::Duration timeout = absl::Seconds(60);
  // Gets standard output, piece by piece.
  std::function<void(std::string_view)> on_output;
  // More output than this, in bytes, and it is killed.
  size_t max_output = 256u << 20;
  // Then it is killed as well. Not owned; null: nobody cancels it.
  const GitCancel* cancel = nullptr;
  // What it reads from standard input.
  std::string input;
  // More of its environment, `NAME=value`, also such as RunGit keeps from it otherwise.
  std::vector<std::string> environment;
  // Asked some times a second; true: it is killed, as by `cancel`. Null: nobody is asked.
  std::function<bool()> is_cancelled;
  // Its standard input instead, which it shares with us: a lock on that file is held until both are
  // done with it, also when only git lives on. -1: `input`. Not owned.
  int input_file = -1;
};

struct GitResult {
  enum class End {
    kExited,
    // There is no program `git` in the PATH.
    kNotInstalled,
    kTimedOut,
    kTooMuchOutput,
    kCancelled,
  };
  End end = End::kExited;
  // With kExited; 128 + signal when a signal ended it.
  int exit_code = 0;
  // What it wrote to standard error, cut at 4 KiB.
  std::string error_text;

  bool ok() const { return end == End::kExited && exit_code == 0; }
  // Why it is not ok, in one line.
  std::string Explain() const;
};

// Runs `git` and waits for its end. It reads no terminal, takes no optional locks (so it never
// writes the index), fetches nothing, starts no file system monitor, and sees nothing of a GIT_DIR
// or the like in our environment. Blocks; any thread.
// Errors: IO_FAILED (operation): no pipe or process could be made.
absl::StatusOr<GitResult> RunGit(const GitCommand& command);

}  // namespace coordhub::git
