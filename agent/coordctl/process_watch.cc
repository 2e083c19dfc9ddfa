#include "agent/coordctl/process_watch.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "agent/base/error.h"

namespace coordhub::coordctl {
namespace {

struct ProcessStat {
  char state = '?';
  uint64_t start_ticks = 0;  // since boot
};

// Nullopt: there is no such process.
std::optional<ProcessStat> StatOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The second field, the program's name in parentheses, may hold spaces and parentheses itself.
  const size_t close = line.rfind(')');
  if (close == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(close + 1));
  ProcessStat stat;
  fields >> stat.state;
  static constexpr int kFieldsBetween = 18;  // state is field 3, starttime field 22
  std::string skipped;
  for (int i = 0; i < kFieldsBetween; ++i) fields >> skipped;
  fields >> stat.start_ticks;
  if (!fields) return std::nullopt;
  return stat;
}

bool HasEnded(int pidfd) {
  pollfd polled{pidfd, POLLIN, 0};
  return poll(&polled, 1, 0) > 0;
}

}  // namespace

absl::StatusOr<ProcessWatch> ProcessWatch::Open(pid_t pid) {
  const std::optional<ProcessStat> stat = pid > 0 ? StatOf(pid) : std::nullopt;
  if (!stat.has_value()) {
    return base::MakeFieldError("--pid", "no process " + std::to_string(pid));
  }
  ProcessWatch watch(pid, stat->start_ticks,
                     base::UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
  // Between the two looks the number may have passed on to another process.
  if (!watch.Alive()) return base::MakeFieldError("--pid", "no process " + std::to_string(pid));
  return watch;
}

ProcessWatch::Condition ProcessWatch::Look() const {
  if (pidfd_.valid() && HasEnded(pidfd_.get())) return Condition::kGone;
  const std::optional<ProcessStat> stat = StatOf(pid_);
  if (!stat.has_value() || stat->start_ticks != start_ticks_) return Condition::kGone;
  switch (stat->state) {
    case 'X':
      return Condition::kGone;
    case 'Z':
      // With a pidfd that says nothing: only its first thread has ended.
      return pidfd_.valid() ? Condition::kWorks : Condition::kGone;
    case 'T':
    case 't':
      return Condition::kStopped;
    default:
      return Condition::kWorks;
  }
}

}  // namespace coordhub::coordctl
