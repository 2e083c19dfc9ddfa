#include "hub/operations/process_tree.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/give_way.h"
#include "agent/base/process.h"
#include "agent/base/unique_fd.h"

namespace coordhub::operations {
namespace {

namespace fs = std::filesystem;

// An environment is as long as its owner likes; what we look for stands in a short one.
constexpr size_t kMaxFile = 4 << 20;
// How long EndMarked goes on.
constexpr absl::Duration kPatience = absl::Seconds(5);

struct Process {
  char state = '?';
  pid_t parent = 0;
  // Ticks since the machine came up: tells a process from a later one with its id.
  std::string start;
};

bool HasEnded(const Process& process) { return process.state == 'Z' || process.state == 'X'; }

// The files of /proc have no size. Empty: it is gone, or not ours to read.
std::string ReadProcFile(pid_t pid, const char* name) {
  const base::UniqueFd file(
      open(absl::StrCat("/proc/", pid, "/", name).c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 16384> buffer;
  while (file.valid() && text.size() < kMaxFile) {
    const ssize_t size = read(file.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(size));
  }
  return text;
}

std::optional<Process> ReadProcess(pid_t pid) {
  const std::string text = ReadProcFile(pid, "stat");
  // The name before it may have anything in it.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields =
      absl::StrSplit(text.substr(name_end + 1), ' ', absl::SkipEmpty());
  constexpr size_t kStartField = 19;
  Process process;
  if (fields.size() <= kStartField || !absl::SimpleAtoi(fields[1], &process.parent)) {
    return std::nullopt;
  }
  process.state = fields[0][0];
  process.start = fields[kStartField];
  return process;
}

std::vector<pid_t> AllIds() {
  std::vector<pid_t> ids;
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(it->path().filename().string(), &pid) && pid > 1) ids.push_back(pid);
  }
  return ids;
}

// Whether the chain of parents of `pid` leads to `ancestor`.
bool IsBelow(const std::map<pid_t, Process>& all, pid_t pid, pid_t ancestor) {
  // No longer than there are processes, whatever changed while they were read.
  for (size_t steps = 0; steps < all.size(); ++steps) {
    const auto it = all.find(pid);
    if (it == all.end()) return false;
    pid = it->second.parent;
    if (pid == ancestor) return true;
  }
  return false;
}

// Whether the environment, variables with a NUL behind each, has this one.
bool Has(const std::string& environment, const std::string& variable) {
  const std::string sought = variable + '\0';
  size_t at = environment.find(sought);
  while (at != std::string::npos && at > 0 && environment[at - 1] != '\0') {
    at = environment.find(sought, at + 1);
  }
  return at != std::string::npos;
}

bool IsMarked(pid_t pid, const std::string& variable) {
  return Has(ReadProcFile(pid, "environ"), variable);
}

// Signals the process if, once its id cannot become another's, it is still the one that is meant.
template <class IsMeant>
bool SignalIf(pid_t pid, int signal, const IsMeant& is_meant) {
  const std::optional<base::HeldProcess> held = base::HeldProcess::Find(pid);
  return held.has_value() && is_meant(pid) && held->Signal(signal).ok();
}

}  // namespace

int SignalDescendants(int signal) {
  std::map<pid_t, Process> all;
  for (const pid_t pid : AllIds()) {
    if (std::optional<Process> process = ReadProcess(pid)) all[pid] = *std::move(process);
  }
  const pid_t self = getpid();
  int signalled = 0;
  for (const auto& [pid, process] : all) {
    if (HasEnded(process) || !IsBelow(all, pid, self)) continue;
    const auto is_same = [&start = process.start](pid_t id) {
      const std::optional<Process> now = ReadProcess(id);
      return now.has_value() && now->start == start && !HasEnded(*now);
    };
    if (SignalIf(pid, signal, is_same)) ++signalled;
  }
  return signalled;
}

int SignalMarked(const std::string& variable, int signal) {
  const auto is_marked = [&variable](pid_t id) { return IsMarked(id, variable); };
  int signalled = 0;
  for (const pid_t pid : AllIds()) {
    if (pid == getpid() || !is_marked(pid)) continue;
    if (SignalIf(pid, signal, is_marked)) ++signalled;
  }
  return signalled;
}

bool EndMarked(const std::string& variable) {
  const base::SystemClock clock;
  const base::MonoTime deadline = clock.Mono() + kPatience;
  // Whoever forked and ended while /proc was read was seen in neither place: so twice nobody.
  for (int times_none = 0; times_none < 2;) {
    times_none = SignalMarked(variable, SIGKILL) == 0 ? times_none + 1 : 0;
    if (clock.Mono() > deadline) return times_none > 0;
    base::GiveWay();
  }
  return true;
}

}  // namespace coordhub::operations
