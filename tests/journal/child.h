// Processes that tests start and end.

#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

namespace coordhub::journal {

// A forked copy of this process that runs `body` and writes lines for the parent to read. Killed,
// if it still lives, when the object goes. The parent has no threads and no open journal when it
// forks.
class Child {
 public:
  // `body` gets the descriptor to write to; the child ends when it returns.
  explicit Child(const std::function<void(int)>& body) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    pid_ = fork();
    if (pid_ < 0) std::abort();
    if (pid_ == 0) {
      close(ends[0]);
      body(ends[1]);
      _exit(0);
    }
    close(ends[1]);
    lines_ = fdopen(ends[0], "r");
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    Kill();
    fclose(lines_);
  }

  pid_t pid() const { return pid_; }

  // Waits for the next line, and returns it without its newline; empty when the child has ended.
  std::string ReadLine() {
    char line[256];
    if (fgets(line, sizeof(line), lines_) == nullptr) return "";
    std::string text(line);
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }

  // SIGKILL, and waits until the process is gone.
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  FILE* lines_ = nullptr;
};

// Writes a line from a child.
inline void WriteLine(int fd, const std::string& text) {
  const std::string line = text + "\n";
  if (write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(1);
}

}  // namespace coordhub::journal
