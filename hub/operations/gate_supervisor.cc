#include "hub/operations/gate_supervisor.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/process.h"
#include "agent/base/unique_fd.h"
#include "hub/operations/process_tree.h"

namespace coordhub::operations {
namespace {

// What a gate gets to end in by itself.
constexpr absl::Duration kGrace = absl::Seconds(1);
// After that nobody is waited for any more who cannot be killed: it hangs in the kernel.
constexpr absl::Duration kKillPatience = absl::Seconds(3);
// Between two looks while something is under way.
constexpr int kLookMs = 100;
// The same while what was killed ends.
constexpr int kKillLookMs = 5;

constexpr int kCannotStart = 127;

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD}) sigaddset(&signals, signal);
  return signals;
}

// In the child, between fork and exec. Nobody else is in this process, but it is done quickly all
// the same.
[[noreturn]] void BecomeGate(pid_t supervisor, const std::string& directory,
                             std::vector<std::string> command) {
  setsid();
  // Whoever kills the supervisor has killed the gate as well.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(kCannotStart);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  close_range(STDERR_FILENO + 1, ~0U, 0);
  for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::vector<char*> words;
  for (std::string& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  if (chdir(directory.c_str()) == 0) execvp(words[0], words.data());
  const std::string text =
      absl::StrCat("cannot start ", command.front(), ": ", std::strerror(errno), "\n");
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
  _exit(kCannotStart);
}

class Supervisor {
 public:
  Supervisor(base::ChildProcess gate, base::UniqueFd signals)
      : gate_(std::move(gate)), signals_(std::move(signals)) {}

  // Returns the gate's exit code once nothing is left.
  int Watch() {
    std::optional<base::MonoTime> kill_time;
    while (!gate_.HasEnded() && (!kill_time.has_value() || clock_.Mono() < *kill_time)) {
      AwaitNews(kLookMs);
      gate_.ReapOthers();
      if (!asked_to_stop_ || kill_time.has_value()) continue;
      SignalDescendants(SIGTERM);
      kill_time = clock_.Mono() + kGrace;
    }
    EndAll();
    if (gate_.HasEnded()) return gate_.Wait();
    // It cannot be killed, so nobody waits for it.
    gate_.Release();
    return 128 + SIGKILL;
  }

 private:
  // SIGKILL until nobody is left, twice: whoever forked and ended while /proc was read was seen in
  // neither place.
  void EndAll() {
    const base::MonoTime deadline = clock_.Mono() + kKillPatience;
    for (int times_none = 0; times_none < 2 && clock_.Mono() < deadline;) {
      times_none = SignalDescendants(SIGKILL) == 0 ? times_none + 1 : 0;
      if (times_none == 0) AwaitNews(kKillLookMs);
      gate_.ReapOthers();
    }
  }

  void AwaitNews(int timeout_ms) {
    // A negative descriptor is passed over.
    std::array<pollfd, 2> waited = {pollfd{signals_.get(), POLLIN, 0},
                                    pollfd{asked_to_stop_ ? -1 : STDIN_FILENO, POLLIN, 0}};
    if (poll(waited.data(), waited.size(), timeout_ms) <= 0) return;
    if (waited[1].revents != 0) asked_to_stop_ = true;
    signalfd_siginfo signal{};
    while (read(signals_.get(), &signal, sizeof(signal)) == sizeof(signal)) {
      if (signal.ssi_signo != SIGCHLD) asked_to_stop_ = true;
    }
  }

  const base::SystemClock clock_;
  base::ChildProcess gate_;
  const base::UniqueFd signals_;
  bool asked_to_stop_ = false;
};

}  // namespace

int SuperviseGate(std::vector<std::string> arguments) {
  if (arguments.size() < 2) return kCannotStart;
  prctl(PR_SET_NAME, "coordhub-gate");
  const pid_t self = getpid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const sigset_t handled = HandledSignals();
  sigprocmask(SIG_BLOCK, &handled, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // When the thread that waits for us ends, the hub has; the pipe says so, too.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  base::UniqueFd signals(signalfd(-1, &handled, SFD_NONBLOCK | SFD_CLOEXEC));

  const std::string directory = arguments.front();
  arguments.erase(arguments.begin());
  absl::StatusOr<std::optional<base::ChildProcess>> gate = base::ChildProcess::Fork();
  if (!gate.ok()) return kCannotStart;
  if (!gate->has_value()) BecomeGate(self, directory, std::move(arguments));

  const int exit_code = Supervisor(std::move(**gate), std::move(signals)).Watch();
  const std::string text = absl::StrCat("ended ", exit_code, "\n");
  return write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0
                                                                                             : 1;
}

}  // namespace coordhub::operations
