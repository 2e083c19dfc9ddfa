// Processes: the children of this one, and others that it may signal. The only place that forks,
// waits for a child or sends a signal (tests/tools/check_layers sees to it), so that none is ever
// sent to an id that is not positive: to the system -1 is everybody and 0 everybody near.

#pragma once

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/unique_fd.h"

namespace coordhub::base {

// Whether there is a process with this id, whoever owns it; one that has ended and was not waited
// for yet is one. False for an id that is not positive. Any thread.
bool ProcessExists(pid_t pid);

// A running process, held so that its id cannot become another's while it is used. Movable; not
// thread-safe.
class HeldProcess {
 public:
  // Nullopt: there is no such process, the id is not positive, or the kernel has no pidfds.
  static std::optional<HeldProcess> Find(pid_t pid);

  pid_t pid() const { return pid_; }

  // Errors: IO_FAILED (no right to). One that has ended is no error.
  absl::Status Signal(int signal) const;

  // Whether it ended within `timeout`. Blocks.
  bool WaitForExit(absl::Duration timeout) const;

 private:
  HeldProcess(pid_t pid, UniqueFd fd) : pid_(pid), fd_(std::move(fd)) {}

  pid_t pid_;
  UniqueFd fd_;  // a pidfd
};

// A program to run.
struct SpawnRequest {
  // The program, looked up in the PATH, and its arguments. Never passes through a shell.
  std::vector<std::string> command;
  // All of it, `NAME=value`.
  std::vector<std::string> environment;
  // Its standard descriptors; -1: /dev/null. It gets no other descriptor of ours.
  int input = -1;
  int output = -1;
  int errors = -1;
  // It leads a group of its own, so that KillGroup also ends what it starts.
  bool own_group = false;
};

// A child of this process that was not waited for yet: until then its id stays its own. Movable;
// not thread-safe.
class ChildProcess {
 public:
  // Nullopt in the child itself. Call it before any thread exists, or do in the child only what is
  // safe there.
  // Errors: IO_FAILED (fork).
  static absl::StatusOr<std::optional<ChildProcess>> Fork();
  // With the default signals, none blocked. Any thread.
  // Errors: NOT_FOUND: there is no such program; IO_FAILED (start).
  static absl::StatusOr<ChildProcess> Spawn(const SpawnRequest& request);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  // Kills it, and its group if it has one, and waits for it.
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  // Readable (poll) from its end on; -1 where the kernel has no pidfds, then ask HasEnded.
  int fd() const { return fd_.get(); }
  bool HasEnded() const;

  // Errors: IO_FAILED (signal). One that has ended, or was waited for, is no error.
  absl::Status Signal(int signal) const;
  // SIGKILL for it and, if it leads a group, for all of that.
  void Kill() const;

  // Waits for its end and returns its exit code; 128 + signal when a signal ended it. Once.
  int Wait();

  // Lets it live on without us: nobody kills it or waits for it any more. Returns its id.
  pid_t Release();

  // Waits for whatever else of this process's children has ended, so that it is gone: of a process
  // that is given orphans to look after. Whoever started such a child loses its exit code.
  void ReapOthers() const;

 private:
  ChildProcess(pid_t pid, bool leads_group);
  // Whether nobody has waited for it, nor the system in our place.
  bool IsOurs() const;
  // The same; `info` names it if it has ended.
  bool Look(siginfo_t* info) const;

  pid_t pid_ = 0;  // 0: moved from, waited for or released
  bool leads_group_ = false;
  UniqueFd fd_;  // a pidfd
};

}  // namespace coordhub::base
