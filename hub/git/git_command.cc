#include "hub/git/git_command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/base/process.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/base/unique_fd.h"

namespace coordhub::git {
namespace {

constexpr size_t kMaxErrorText = 4096;

// Which variables of ours named GIT_… a child sees: those that say where configuration and git's
// own programs are. The others name a repository, and not the one that is meant.
bool IsKept(std::string_view variable) {
  if (variable.substr(0, 4) != "GIT_") return variable.substr(0, 7) != "LC_ALL=";
  constexpr std::array<std::string_view, 4> kKept = {
      "GIT_CONFIG_GLOBAL=", "GIT_CONFIG_SYSTEM=", "GIT_CONFIG_NOSYSTEM=", "GIT_EXEC_PATH="};
  return std::any_of(kKept.begin(), kKept.end(), [&](std::string_view name) {
    return variable.substr(0, name.size()) == name;
  });
}

std::vector<std::string> ChildEnvironment() {
  std::vector<std::string> variables = {"LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0",
                                        "GIT_NO_LAZY_FETCH=1"};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (IsKept(*variable)) variables.emplace_back(*variable);
  }
  return variables;
}

struct Pipe {
  base::UniqueFd read_end;
  base::UniqueFd write_end;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return base::MakeIoError("make a pipe", "git", errno);
  Pipe pipe{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
  // Only ours: the child's end blocks, as programs expect.
  fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

// A process of its own group, so that it can be ended with whatever it started.
absl::StatusOr<base::ChildProcess> Spawn(const GitCommand& command, int out, int err) {
  base::SpawnRequest request;
  request.command = {"git", "-c", "core.fsmonitor=false"};
  request.command.insert(request.command.end(), command.arguments.begin(), command.arguments.end());
  request.environment = command.environment;
  const std::vector<std::string> ours = ChildEnvironment();
  request.environment.insert(request.environment.end(), ours.begin(), ours.end());
  request.output = out;
  request.errors = err;
  request.own_group = true;
  return base::ChildProcess::Spawn(request);
}

// Reads what is there. False: nothing more will come.
template <class Take>
bool Drain(int fd, Take&& take) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size > 0) {
      take(std::string_view(buffer.data(), static_cast<size_t>(size)));
      continue;
    }
    if (size < 0 && errno == EINTR) continue;
    return size < 0 && errno == EAGAIN;
  }
}

// A child that runs, read until it ends.
class RunningGit {
 public:
  RunningGit(const GitCommand& command, base::ChildProcess process, Pipe out, Pipe err)
      : command_(command),
        process_(std::move(process)),
        out_(std::move(out.read_end)),
        err_(std::move(err.read_end)) {}

  GitResult Finish() {
    const base::MonoTime deadline = clock_.Mono() + command_.timeout;
    for (bool ended = false; !ended && result_.end == GitResult::End::kExited;) {
      ended = AwaitMore(deadline);
      ReadOutput();
    }
    if (result_.end != GitResult::End::kExited) process_.Kill();
    result_.exit_code = process_.Wait();
    return std::move(result_);
  }

 private:
  // Waits for output or the end. True: it ended.
  bool AwaitMore(base::MonoTime deadline) {
    const absl::Duration left = deadline - clock_.Mono();
    if (left <= absl::ZeroDuration()) {
      result_.end = GitResult::End::kTimedOut;
      return false;
    }
    // A negative descriptor (closed, or without pidfd) is passed over; then we look now and again.
    const int cancel = command_.cancel == nullptr ? -1 : command_.cancel->fd();
    std::array<pollfd, 4> waited = {pollfd{out_.get(), POLLIN, 0}, pollfd{err_.get(), POLLIN, 0},
                                    pollfd{process_.fd(), POLLIN, 0}, pollfd{cancel, POLLIN, 0}};
    const int64_t limit_ms = process_.fd() < 0 ? 20 : command_.cancelled ? 100 : 1000;
    const int64_t timeout_ms = std::clamp<int64_t>(absl::ToInt64Milliseconds(left), 1, limit_ms);
    poll(waited.data(), waited.size(), static_cast<int>(timeout_ms));
    if ((command_.cancel != nullptr && command_.cancel->cancelled()) ||
        (command_.cancelled && command_.cancelled())) {
      result_.end = GitResult::End::kCancelled;
      return false;
    }
    return process_.HasEnded();
  }

  void ReadOutput() {
    const auto take_output = [this](std::string_view bytes) {
      output_size_ += bytes.size();
      if (output_size_ > command_.max_output) {
        result_.end = GitResult::End::kTooMuchOutput;
      } else if (command_.on_output) {
        command_.on_output(bytes);
      }
    };
    const auto take_errors = [this](std::string_view bytes) {
      result_.error_text.append(bytes.substr(0, kMaxErrorText - result_.error_text.size()));
    };
    if (out_.valid() && !Drain(out_.get(), take_output)) out_.Reset();
    if (err_.valid() && !Drain(err_.get(), take_errors)) err_.Reset();
  }

  const GitCommand& command_;
  const base::SystemClock clock_;
  base::ChildProcess process_;
  base::UniqueFd out_;
  base::UniqueFd err_;
  size_t output_size_ = 0;
  GitResult result_;
};

}  // namespace

GitCancel::GitCancel() : event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

void GitCancel::Cancel() const {
  const uint64_t one = 1;
  // Nobody reads it, so it stays readable.
  [[maybe_unused]] const ssize_t written = write(event_.get(), &one, sizeof(one));
}

bool GitCancel::cancelled() const {
  pollfd event{event_.get(), POLLIN, 0};
  return poll(&event, 1, 0) > 0;
}

std::string GitResult::Explain() const {
  switch (end) {
    case End::kNotInstalled:
      return "the program git is not installed";
    case End::kTimedOut:
      return "git took too long";
    case End::kTooMuchOutput:
      return "git wrote too much";
    case End::kCancelled:
      return "git was ended because nobody waits for it any more";
    case End::kExited:
      break;
  }
  if (exit_code == 0) return "";
  const std::string text = base::OneLine(error_text, 300);
  return absl::StrCat("git failed (", exit_code, ")", text.empty() ? "" : ": ", text);
}

absl::StatusOr<GitResult> RunGit(const GitCommand& command) {
  if (command.cancel != nullptr && command.cancel->cancelled()) {
    GitResult result;
    result.end = GitResult::End::kCancelled;
    return result;
  }
  COORDHUB_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  COORDHUB_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  absl::StatusOr<base::ChildProcess> process =
      Spawn(command, out.write_end.get(), err.write_end.get());
  if (absl::IsNotFound(process.status())) {
    GitResult result;
    result.end = GitResult::End::kNotInstalled;
    return result;
  }
  if (!process.ok()) return process.status();
  out.write_end.Reset();
  err.write_end.Reset();
  return RunningGit(command, *std::move(process), std::move(out), std::move(err)).Finish();
}

}  // namespace coordhub::git
