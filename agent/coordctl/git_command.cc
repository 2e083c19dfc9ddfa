#include "agent/coordctl/git_command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
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

std::vector<char*> Pointers(std::vector<std::string>* strings) {
  std::vector<char*> pointers;
  for (std::string& text : *strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
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
  std::vector<std::string> words = {"git", "-C", directory};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = Environment();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::InternalError(strerror(errno));
  base::UniqueFd from(ends[0]);
  base::UniqueFd to(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, to.get(), STDERR_FILENO);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, "git", &actions, nullptr, Pointers(&words).data(),
                                 Pointers(&environment).data());
  posix_spawn_file_actions_destroy(&actions);
  to.Reset();
  if (error != 0) return absl::NotFoundError(absl::StrCat("git cannot be run: ", strerror(error)));
  std::string output = ReadAll(from.get());
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  return absl::InternalError(
      absl::StrCat("git ", arguments.empty() ? "" : arguments[0], " failed: ", output));
}

}  // namespace coordhub::coordctl
