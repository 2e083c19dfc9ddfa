#include "hub/main/process.h"

#include <unistd.h>

#include <csignal>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::hub {
namespace {

constexpr size_t kMaxSmallFileBytes = 16'384;
// /proc/stat has a number for each interrupt.
constexpr size_t kMaxSystemFileBytes = 1 << 20;
// Fields of /proc/<pid>/stat behind the command's closing parenthesis, which may itself hold
// anything.
constexpr size_t kStateField = 0;
constexpr size_t kFlagsField = 6;
constexpr size_t kStartTicksField = 19;
// In the flags: the process is on its way out (the kernel's PF_EXITING).
constexpr uint64_t kExiting = 0x4;

std::string BootId() {
  const auto text = base::ReadFile("/proc/sys/kernel/random/boot_id", kMaxSmallFileBytes);
  if (!text.ok() || !text->has_value()) return "unknown";
  return std::string(absl::StripAsciiWhitespace(**text));
}

// What /proc says about a process.
struct ProcessStat {
  char state = '?';
  uint64_t flags = 0;
  uint64_t start_ticks = 0;
};

std::optional<ProcessStat> StatOf(pid_t pid) {
  const auto text = base::ReadFile(absl::StrCat("/proc/", pid, "/stat"), kMaxSmallFileBytes);
  if (!text.ok() || !text->has_value()) return std::nullopt;
  const size_t command_end = (*text)->rfind(')');
  if (command_end == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields =
      absl::StrSplit((*text)->substr(command_end + 1), ' ', absl::SkipEmpty());
  ProcessStat stat;
  if (fields.size() <= kStartTicksField || fields[kStateField].size() != 1 ||
      !absl::SimpleAtoi(fields[kFlagsField], &stat.flags) ||
      !absl::SimpleAtoi(fields[kStartTicksField], &stat.start_ticks)) {
    return std::nullopt;
  }
  stat.state = fields[kStateField][0];
  return stat;
}

bool HasEnded(const ProcessStat& stat) { return stat.state == 'Z' || stat.state == 'X'; }

// When the living process `pid` began; nullopt if there is none.
std::optional<uint64_t> StartTicksOf(pid_t pid) {
  const std::optional<ProcessStat> stat = StatOf(pid);
  if (!stat.has_value() || HasEnded(*stat)) return std::nullopt;
  return stat->start_ticks;
}

std::optional<absl::Time> BootTime() {
  const auto text = base::ReadFile("/proc/stat", kMaxSystemFileBytes);
  if (!text.ok() || !text->has_value()) return std::nullopt;
  for (const absl::string_view line : absl::StrSplit(**text, '\n')) {
    int64_t seconds = 0;
    if (absl::StartsWith(line, "btime ") && absl::SimpleAtoi(line.substr(6), &seconds)) {
      return absl::FromUnixSeconds(seconds);
    }
  }
  return std::nullopt;
}

// Whether a SIGKILL waits for the process to be scheduled.
bool IsBeingKilled(pid_t pid) {
  const auto text = base::ReadFile(absl::StrCat("/proc/", pid, "/status"), kMaxSmallFileBytes);
  if (!text.ok() || !text->has_value()) return false;
  for (const absl::string_view line : absl::StrSplit(**text, '\n')) {
    if (!absl::StartsWith(line, "SigPnd:") && !absl::StartsWith(line, "ShdPnd:")) continue;
    uint64_t pending = 0;
    const absl::string_view mask = absl::StripAsciiWhitespace(line.substr(line.find(':') + 1));
    if (absl::SimpleHexAtoi(mask, &pending) && (pending >> (SIGKILL - 1) & 1) != 0) return true;
  }
  return false;
}

}  // namespace

ProcessIdentity ProcessIdentity::OfThisProcess() {
  return {getpid(), StartTicksOf(getpid()).value_or(0), BootId()};
}

std::optional<ProcessIdentity> ProcessIdentity::Of(pid_t pid) {
  const std::optional<uint64_t> ticks = StartTicksOf(pid);
  if (!ticks.has_value()) return std::nullopt;
  return ProcessIdentity{pid, *ticks, BootId()};
}

absl::Status WritePidFile(const std::string& path, const ProcessIdentity& process) {
  return base::ReplaceOrOverwriteFile(
      path, absl::StrCat(process.pid, "\n", process.start_ticks, "\n", process.boot_id, "\n"),
      0600);
}

absl::StatusOr<std::optional<ProcessIdentity>> ReadPidFile(const std::string& path) {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                            base::ReadFile(path, kMaxSmallFileBytes));
  if (!text.has_value()) return std::nullopt;
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  ProcessIdentity process;
  if (lines.size() < 3 || !absl::SimpleAtoi(lines[0], &process.pid) || process.pid <= 0 ||
      !absl::SimpleAtoi(lines[1], &process.start_ticks)) {
    return std::nullopt;
  }
  process.boot_id = lines[2];
  return process;
}

std::optional<ProcessHandle> ProcessHandle::Find(const ProcessIdentity& identity) {
  if (identity.boot_id != BootId()) return std::nullopt;
  std::optional<base::HeldProcess> process = base::HeldProcess::Find(identity.pid);
  if (!process.has_value()) return std::nullopt;
  // Asked after the process was pinned: the answer is about the one that we hold.
  if (StartTicksOf(identity.pid) != identity.start_ticks) return std::nullopt;
  return ProcessHandle(*std::move(process));
}

ProcessPhase PhaseOf(pid_t pid) {
  const std::optional<ProcessStat> stat = StatOf(pid);
  if (!stat.has_value() || HasEnded(*stat)) return ProcessPhase::kGone;
  if ((stat->flags & kExiting) != 0 || IsBeingKilled(pid)) return ProcessPhase::kEnding;
  return ProcessPhase::kAlive;
}

std::optional<absl::Time> StartTimeOf(pid_t pid) {
  const std::optional<uint64_t> ticks = StartTicksOf(pid);
  const std::optional<absl::Time> boot = BootTime();
  if (!ticks.has_value() || !boot.has_value()) return std::nullopt;
  return *boot +
         absl::Seconds(static_cast<double>(*ticks) / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

absl::Status ProcessHandle::Terminate() const { return process_.Signal(SIGTERM); }

absl::Status ProcessHandle::Kill() const { return process_.Signal(SIGKILL); }

}  // namespace coordhub::hub
