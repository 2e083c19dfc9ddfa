#include "agent/coordctl/process_watch.h"

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

// When the process started, in clock ticks since boot; nullopt if it is gone or has ended and only
// waits for its parent.
std::optional<uint64_t> StartTicks(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The second field, the program's name in parentheses, may hold spaces and parentheses itself.
  const size_t close = line.rfind(')');
  if (close == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(close + 1));
  std::string state;
  fields >> state;
  if (state == "Z" || state == "X") return std::nullopt;
  static constexpr int kFieldsBetween = 18;  // state is field 3, starttime field 22
  std::string skipped;
  for (int i = 0; i < kFieldsBetween; ++i) fields >> skipped;
  uint64_t ticks = 0;
  fields >> ticks;
  if (!fields) return std::nullopt;
  return ticks;
}

}  // namespace

absl::StatusOr<ProcessWatch> ProcessWatch::Open(pid_t pid) {
  const std::optional<uint64_t> start = pid > 0 ? StartTicks(pid) : std::nullopt;
  if (!start.has_value()) {
    return base::MakeFieldError("--pid", "no process " + std::to_string(pid));
  }
  ProcessWatch watch(pid, *start,
                     base::UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
  // Between the two looks the number may have passed on to another process.
  if (!watch.Alive()) return base::MakeFieldError("--pid", "no process " + std::to_string(pid));
  return watch;
}

bool ProcessWatch::Alive() const {
  const std::optional<uint64_t> start = StartTicks(pid_);
  return start.has_value() && *start == start_ticks_;
}

}  // namespace coordhub::coordctl
