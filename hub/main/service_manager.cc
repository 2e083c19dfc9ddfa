#include "hub/main/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "absl/strings/numbers.h"
#include "agent/base/log.h"
#include "agent/base/unique_fd.h"

namespace coordhub::hub {
namespace {

std::string TakeVariable(const char* name) {
  const char* const value = getenv(name);
  std::string taken = value == nullptr ? "" : value;
  unsetenv(name);
  return taken;
}

absl::Duration TakeWatchdog() {
  const std::string microseconds = TakeVariable("WATCHDOG_USEC");
  const std::string for_pid = TakeVariable("WATCHDOG_PID");
  int64_t value = 0;
  if (!absl::SimpleAtoi(microseconds, &value) || value <= 0) return absl::InfiniteDuration();
  int64_t pid = 0;
  // Meant for the process that made this one.
  if (absl::SimpleAtoi(for_pid, &pid) && pid != getpid()) return absl::InfiniteDuration();
  return absl::Microseconds(value);
}

void LogUndelivered(const std::string& socket, int error) {
  base::Log(base::LogLevel::kWarning, "the service manager cannot be told",
            {{"socket", socket}, {"error", std::strerror(error)}});
}

}  // namespace

ServiceManager ServiceManager::FromEnvironment() {
  std::string socket = TakeVariable("NOTIFY_SOCKET");
  const absl::Duration watchdog = TakeWatchdog();
  if (socket.empty()) return ServiceManager();
  return ServiceManager(std::move(socket), watchdog);
}

void ServiceManager::Notify(std::string_view assignments) const {
  if (!present()) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (socket_.size() >= sizeof(to.sun_path) || (socket_[0] != '/' && socket_[0] != '@')) {
    return LogUndelivered(socket_, EINVAL);
  }
  std::memcpy(to.sun_path, socket_.data(), socket_.size());
  // The abstract namespace is marked by a zero byte, and a name there ends with its length.
  if (socket_[0] == '@') to.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const base::UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid() || sendto(fd.get(), assignments.data(), assignments.size(), MSG_NOSIGNAL,
                            reinterpret_cast<const sockaddr*>(&to), size) < 0) {
    LogUndelivered(socket_, errno);
  }
}

}  // namespace coordhub::hub
