#include "agent/coordctl/git_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "agent/base/process.h"
#include "agent/base/unique_fd.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kMaxOutput = 1 << 20;

// This process's environment without what would lead git elsewhere.
std::vector<std::string> Environment() {
  std::vector<std::string> kept = {"LC_ALL=C.UTF-8", "GIT_TERMINAL_PROMPT=0"};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (text.compare(0, 4, "GIT_") != 0 && text.compare(0, 7, "LC_ALL=") != 0) kept.push_back(text);
  }
  return kept;
}

// Everything that comes, of which at most kMaxOutput is kept: git must not block on a full pipe.
std::string ReadAll(int fd) {
  std::string out;
  char buffer[65536];
  for (;;) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return out;
    out.append(buffer, std::min(static_cast<size_t>(count), kMaxOutput - out.size()));
  }
}

}  // namespace

absl::StatusOr<std::string> RunGit(const std::string& directory,
                                   const std::vector<std::string>& arguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::InternalError(strerror(errno));
  base::UniqueFd from(ends[0]);
  base::UniqueFd to(ends[1]);
  base::SpawnRequest request;
  request.command = {"git", "-C", directory};
  request.command.insert(request.command.end(), arguments.begin(), arguments.end());
  request.environment = Environment();
  request.output = to.get();
  request.errors = to.get();
  absl::StatusOr<base::ChildProcess> git = base::ChildProcess::Spawn(request);
  to.Reset();
  if (!git.ok()) {
    return absl::NotFoundError(absl::StrCat("git cannot be run: ", git.status().message()));
  }
  std::string output = ReadAll(from.get());
  if (git->Wait() == 0) return output;
  return absl::InternalError(
      absl::StrCat("git ", arguments.empty() ? "" : arguments[0], " failed: ", output));
}

}  // namespace coordhub::coordctl
