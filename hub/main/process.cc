#include "hub/main/process.h"

// glibc 2.36 forgot that C++ might include it.
extern "C" {
#include <sys/pidfd.h>
}

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::hub {
namespace {

constexpr size_t kMaxSmallFileBytes = 16'384;
// Fields of /proc/<pid>/stat behind the command's closing parenthesis, which may itself hold
// anything.
constexpr size_t kStateField = 0;
constexpr size_t kStartTicksField = 19;

std::string BootId() {
  const auto text = base::ReadFile("/proc/sys/kernel/random/boot_id", kMaxSmallFileBytes);
  if (!text.ok() || !text->has_value()) return "unknown";
  return std::string(absl::StripAsciiWhitespace(**text));
}

// When the living process `pid` began; nullopt if there is none.
std::optional<uint64_t> StartTicksOf(pid_t pid) {
  const auto text = base::ReadFile(absl::StrCat("/proc/", pid, "/stat"), kMaxSmallFileBytes);
  if (!text.ok() || !text->has_value()) return std::nullopt;
  const size_t command_end = (*text)->rfind(')');
  if (command_end == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields =
      absl::StrSplit((*text)->substr(command_end + 1), ' ', absl::SkipEmpty());
  uint64_t ticks = 0;
  if (fields.size() <= kStartTicksField) return std::nullopt;
  if (fields[kStateField] == "Z" || fields[kStateField] == "X") return std::nullopt;
  if (!absl::SimpleAtoi(fields[kStartTicksField], &ticks)) return std::nullopt;
  return ticks;
}

}  // namespace

ProcessIdentity ProcessIdentity::OfThisProcess() {
  return {getpid(), StartTicksOf(getpid()).value_or(0), BootId()};
}

absl::Status WritePidFile(const std::string& path, const ProcessIdentity& process) {
  return base::AtomicReplaceFile(
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
  if (identity.pid <= 0 || identity.boot_id != BootId()) return std::nullopt;
  base::UniqueFd fd(pidfd_open(identity.pid, 0));
  if (!fd.valid()) return std::nullopt;
  // Asked after the process was pinned: the answer is about the one that we hold.
  if (StartTicksOf(identity.pid) != identity.start_ticks) return std::nullopt;
  return ProcessHandle(identity.pid, std::move(fd));
}

absl::Status ProcessHandle::Terminate() const {
  if (pidfd_send_signal(fd_.get(), SIGTERM, nullptr, 0) == 0 || errno == ESRCH) {
    return absl::OkStatus();
  }
  return base::MakeIoError("signal process", std::to_string(pid_), errno);
}

bool ProcessHandle::WaitForExit(absl::Duration timeout) const {
  pollfd entry{.fd = fd_.get(), .events = POLLIN};
  const int64_t milliseconds =
      std::clamp<int64_t>(absl::ToInt64Milliseconds(timeout), 0, int64_t{24} * 3'600'000);
  return poll(&entry, 1, static_cast<int>(milliseconds)) > 0;
}

}  // namespace coordhub::hub
