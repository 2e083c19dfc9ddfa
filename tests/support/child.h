// The processes that tests start. Nothing else in the tests forks, waits or signals: a pid of -1,
// what a failed fork returns, is to kill(2) every process of the machine.

#pragma once

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "agent/base/process.h"

namespace coordhub::test {

// A child of the test's; killed, if it still lives, and waited for when the object goes. What
// cannot be started ends the test with an exception that says why. Movable.
class Child {
 public:
  // A forked copy of this process that ends with what `body` returns, or with 3 if it throws.
  static Child Running(const std::function<int()>& body) {
    absl::StatusOr<std::optional<base::ChildProcess>> forked = base::ChildProcess::Fork();
    Require(forked.status());
    if (!forked->has_value()) _exit(Call(body));
    return Child(std::move(**forked));
  }
  // The same, which waits to be killed.
  static Child Idle() {
    return Running([]() -> int {
      while (true) pause();
    });
  }
  // A program; the first word is its file. It keeps our environment and standard descriptors, but
  // for the pairs (ours, its own) in `descriptors`.
  static Child Executing(const std::vector<std::string>& command,
                         const std::vector<std::pair<int, int>>& descriptors = {}) {
    // Prepared before the fork: beside other threads, the child may only do what is safe there.
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    return Running([&] {
      for (const auto& [ours, its_own] : descriptors) dup2(ours, its_own);
      execvp(words[0], words.data());
      return 127;
    });
  }

  // Also when it is gone.
  pid_t pid() const { return pid_; }

  void Signal(int signal) const { Require(process_.Signal(signal)); }
  // SIGKILL; it stays a zombie until Wait.
  void Strike() const { process_.Kill(); }
  // SIGKILL, and waits until it is gone.
  void Kill() {
    process_.Kill();
    process_.Wait();
  }
  // Its exit code; 128 + signal when a signal ended it. Once.
  int Wait() { return process_.Wait(); }

 private:
  explicit Child(base::ChildProcess process) : process_(std::move(process)), pid_(process_.pid()) {}

  static void Require(const absl::Status& status) {
    if (!status.ok()) throw std::runtime_error(std::string(status.message()));
  }
  static int Call(const std::function<int()>& body) {
    try {
      return body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      return 3;
    }
  }

  base::ChildProcess process_;
  pid_t pid_;
};

// A child that writes lines for its parent to read.
class ReportingChild {
 public:
  // `body` gets the descriptor to write to; the child ends when it returns.
  explicit ReportingChild(const std::function<void(int)>& body) : child_(Start(body)) {}
  ReportingChild(const ReportingChild&) = delete;
  ReportingChild& operator=(const ReportingChild&) = delete;
  ~ReportingChild() {
    Kill();
    fclose(lines_);
  }

  pid_t pid() const { return child_.pid(); }
  void Kill() { child_.Kill(); }

  // Waits for the next line, and returns it without its newline; empty when the child has ended.
  std::string ReadLine() {
    char line[256];
    if (fgets(line, sizeof(line), lines_) == nullptr) return "";
    std::string text(line);
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }

 private:
  Child Start(const std::function<void(int)>& body) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    lines_ = fdopen(ends[0], "r");
    base::UniqueFd writer(ends[1]);
    return Child::Running([&] {
      close(ends[0]);
      body(writer.get());
      return 0;
    });
  }

  FILE* lines_ = nullptr;
  Child child_;
};

// Writes a line from a child.
inline void WriteLine(int fd, const std::string& text) {
  const std::string line = text + "\n";
  if (write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(1);
}

}  // namespace coordhub::test
