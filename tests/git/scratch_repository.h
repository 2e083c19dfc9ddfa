// A repository of a test's own, made with the real git program.

#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/agent/base/temp_dir.h"

namespace coordhub::git {

// `<temporary directory>/repo`, not made yet. Configuration of the user and the machine is out of
// the way for the whole process, and git waits for no disk: some tests give it a time only.
class ScratchRepository {
 public:
  ScratchRepository() : top_(temp_ / "repo") {
    setenv("GIT_CONFIG_GLOBAL", (temp_ / "gitconfig").c_str(), 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("HOME", temp_.path().c_str(), 1);
    Write("../gitconfig",
          "[user]\n\tname = t\n\temail = t@example.invalid\n[init]\n\tdefaultBranch = main\n"
          "[protocol \"file\"]\n\tallow = always\n[core]\n\tfsync = none\n");
  }

  const std::string& top() const { return top_; }
  std::string common_dir() const { return top_ + "/.git"; }
  // Beside the repository.
  std::string Beside(const std::string& name) const { return temp_ / name; }

  // `git <arguments>` in the repository (or `directory`); must succeed. Returns what it printed.
  std::string Git(const std::string& arguments, const std::string& directory = "") const {
    return Run("git " + arguments, directory);
  }
  // A command of bash, the same way.
  std::string Run(const std::string& command, const std::string& directory = "") const {
    const std::string where = directory.empty() ? top_ : directory;
    std::string quoted;
    for (const char c : command) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    const std::string line = "cd '" + where + "' && bash -c '" + quoted + "' 2>&1";
    FILE* pipe = popen(line.c_str(), "r");
    std::string output;
    std::array<char, 4096> buffer;
    while (const size_t size = fread(buffer.data(), 1, buffer.size(), pipe))
      output.append(buffer.data(), size);
    EXPECT_EQ(pclose(pipe), 0) << line << "\n" << output;
    while (!output.empty() && output.back() == '\n') output.pop_back();
    return output;
  }

  void Init(const std::string& options = "") const {
    Run("git init -q " + options + " '" + top_ + "'", temp_.path());
  }
  void InitWithCommit() const {
    Init();
    Write("file", "one\n");
    CommitAll("first");
  }
  void CommitAll(const std::string& message) const {
    Git("add -A");
    Git("commit -q --allow-empty -m '" + message + "'");
  }
  // Relative to the repository; directories on the way are made.
  void Write(const std::string& path, const std::string& text) const {
    const std::filesystem::path whole = std::filesystem::path(top_) / path;
    if (path.substr(0, 3) != "../") std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole.lexically_normal(), std::ios::binary) << text;
  }

 private:
  base::TempDir temp_;
  const std::string top_;
};

}  // namespace coordhub::git
