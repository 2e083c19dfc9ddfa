#include "agent/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {  // this version of the header forgets it
#include <sys/pidfd.h>
}

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"

namespace coordhub::base {
namespace {

// What Wait returns when the system kept the end to itself (SIGCHLD is ignored).
constexpr int kUnknownExitCode = 255;

UniqueFd OpenPidfd(pid_t pid) { return UniqueFd(pid > 0 ? pidfd_open(pid, 0) : -1); }

absl::Status SignalFailed(pid_t pid, int error) {
  return MakeIoError("signal process", std::to_string(pid), error);
}

// Through the pidfd if there is one. Without, `pid` must be a child that was not waited for.
absl::Status SendTo(pid_t pid, int pidfd, int signal) {
  if (pid <= 0) return absl::OkStatus();
  const int sent = pidfd >= 0 ? pidfd_send_signal(pidfd, signal, nullptr, 0) : kill(pid, signal);
  return sent == 0 || errno == ESRCH ? absl::OkStatus() : SignalFailed(pid, errno);
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  // posix_spawn takes them so and does not write.
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Frees what posix_spawn is told.
class SpawnPlan {
 public:
  explicit SpawnPlan(const SpawnRequest& request) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    Give(request.input, STDIN_FILENO, O_RDONLY);
    Give(request.output, STDOUT_FILENO, O_WRONLY);
    Give(request.errors, STDERR_FILENO, O_WRONLY);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (request.own_group) {
      posix_spawnattr_setpgroup(&attributes_, 0);
      flags |= POSIX_SPAWN_SETPGROUP;
    }
    posix_spawnattr_setflags(&attributes_, static_cast<int16_t>(flags));
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  void Give(int ours, int standard, int mode) {
    if (ours >= 0) {
      posix_spawn_file_actions_adddup2(&actions_, ours, standard);
    } else {
      posix_spawn_file_actions_addopen(&actions_, standard, "/dev/null", mode, 0);
    }
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

bool ProcessExists(pid_t pid) { return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH); }

std::optional<HeldProcess> HeldProcess::Find(pid_t pid) {
  UniqueFd fd = OpenPidfd(pid);
  if (!fd.valid()) return std::nullopt;
  return HeldProcess(pid, std::move(fd));
}

absl::Status HeldProcess::Signal(int signal) const {
  return fd_.valid() ? SendTo(pid_, fd_.get(), signal) : absl::OkStatus();
}

bool HeldProcess::WaitForExit(absl::Duration timeout) const {
  pollfd entry{fd_.get(), POLLIN, 0};
  const int64_t milliseconds =
      std::clamp<int64_t>(absl::ToInt64Milliseconds(timeout), 0, int64_t{24} * 3'600'000);
  return poll(&entry, 1, static_cast<int>(milliseconds)) > 0;
}

absl::StatusOr<std::optional<ChildProcess>> ChildProcess::Fork() {
  const pid_t pid = fork();
  if (pid < 0) return MakeIoError("fork", "", errno);
  if (pid == 0) return std::optional<ChildProcess>();
  return std::optional<ChildProcess>(ChildProcess(pid, /*leads_group=*/false));
}

absl::StatusOr<ChildProcess> ChildProcess::Spawn(const SpawnRequest& request) {
  const SpawnPlan plan(request);
  const std::string& program = request.command.front();
  pid_t pid = 0;
  const int error =
      posix_spawnp(&pid, program.c_str(), plan.actions(), plan.attributes(),
                   Pointers(request.command).data(), Pointers(request.environment).data());
  if (error == ENOENT) return absl::NotFoundError(absl::StrCat("there is no program ", program));
  if (error != 0) return MakeIoError("start", program, error);
  return ChildProcess(pid, request.own_group);
}

// The id of a child that was not waited for is its own: the pidfd is the right one.
ChildProcess::ChildProcess(pid_t pid, bool leads_group)
    : pid_(pid), leads_group_(leads_group), fd_(OpenPidfd(pid)) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      leads_group_(other.leads_group_),
      fd_(std::move(other.fd_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(leads_group_, other.leads_group_);
  std::swap(fd_, other.fd_);
  return *this;
}

ChildProcess::~ChildProcess() {
  Kill();
  Wait();
}

bool ChildProcess::HasEnded() const {
  siginfo_t info{};
  return !Look(&info) || info.si_pid == pid_;
}

bool ChildProcess::IsOurs() const {
  siginfo_t info{};
  return Look(&info);
}

bool ChildProcess::Look(siginfo_t* info) const {
  return pid_ > 0 && waitid(P_PID, static_cast<id_t>(pid_), info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

absl::Status ChildProcess::Signal(int signal) const { return SendTo(pid_, fd_.get(), signal); }

void ChildProcess::Kill() const {
  if (pid_ <= 1) return;  // -1 is everybody
  // Its id, and with it its group's, is its own until it was waited for.
  if (leads_group_ && IsOurs()) kill(-pid_, SIGKILL);
  (void)Signal(SIGKILL);
}

int ChildProcess::Wait() {
  if (pid_ <= 0) return kUnknownExitCode;
  int status = 0;
  pid_t waited = 0;
  do {
    waited = waitpid(pid_, &status, 0);
  } while (waited < 0 && errno == EINTR);
  pid_ = 0;
  fd_.Reset();
  if (waited < 0) return kUnknownExitCode;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void ChildProcess::ReapOthers() const {
  while (true) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    // The next is behind it, and is there the next time, when this one was waited for.
    if (info.si_pid == pid_) return;
    waitpid(info.si_pid, nullptr, WNOHANG);
  }
}

pid_t ChildProcess::Release() {
  fd_.Reset();
  return std::exchange(pid_, 0);
}

}  // namespace coordhub::base
