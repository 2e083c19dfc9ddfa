#include "hub/main/stop_signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "agent/base/clock.h"

namespace coordhub::hub {
namespace {

bool IsIgnored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

// In milliseconds, rounded up so that the last wait does not become a busy one; -1: for ever.
int PollTimeout(absl::Duration left) {
  if (left == absl::InfiniteDuration()) return -1;
  return static_cast<int>(
      std::clamp<int64_t>(absl::ToInt64Milliseconds(left + absl::Microseconds(999)), 0, 1'000'000));
}

// Out of descriptors before the hub even began.
[[noreturn]] void Die(const char* what) {
  std::perror(what);
  _exit(1);
}

}  // namespace

StopSignals::StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    // A blocked signal is queued even if it is ignored; leaving it out keeps it ignored.
    if (!IsIgnored(signal)) sigaddset(&set, signal);
  }
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_.Reset(signalfd(-1, &set, SFD_CLOEXEC));
  if (!signals_.valid()) Die("signalfd");
  requests_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!requests_.valid()) Die("eventfd");
}

void StopSignals::Request() {
  const uint64_t one = 1;
  // Fails only when it was asked for 2^64 times already.
  [[maybe_unused]] const ssize_t written = write(requests_.get(), &one, sizeof(one));
}

std::optional<std::string> StopSignals::WaitFor(absl::Duration timeout) {
  pollfd entries[] = {{.fd = signals_.get(), .events = POLLIN},
                      {.fd = requests_.get(), .events = POLLIN}};
  const base::SystemClock clock;
  const base::MonoTime ends = clock.Mono() + timeout;
  while (true) {
    const int ready = poll(entries, 2, PollTimeout(ends - clock.Mono()));
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) Die("poll");
    if (ready == 0 && clock.Mono() >= ends) return std::nullopt;
  }
  signalfd_siginfo info{};
  if ((entries[0].revents & POLLIN) == 0 ||
      read(signals_.get(), &info, sizeof(info)) != sizeof(info)) {
    return "DrainHub";
  }
  const char* name = sigabbrev_np(static_cast<int>(info.ssi_signo));
  return std::string("SIG") + (name == nullptr ? "?" : name);
}

}  // namespace coordhub::hub
