// Commands of bash for a test, in a directory of its own, with no configuration of git around. Git
// waits for no disk.

#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/agent/base/temp_dir.h"

namespace coordhub::base {

class Shell {
 public:
  explicit Shell(const TempDir& directory) : directory_(directory.path()) {
    setenv("GIT_CONFIG_GLOBAL", (directory / "gitconfig").c_str(), 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    for (const char* who : {"AUTHOR", "COMMITTER"}) {
      setenv((std::string("GIT_") + who + "_NAME").c_str(), "t", 1);
      setenv((std::string("GIT_") + who + "_EMAIL").c_str(), "t@example.invalid", 1);
    }
    EXPECT_TRUE(
        Try("git config --global protocol.file.allow always; "
            "git config --global init.defaultBranch main; git config --global core.fsync none"));
  }

  // Runs `command`; false if it fails. `output` gets what it printed, less line feeds at the end.
  bool Try(const std::string& command, std::string* output = nullptr) const {
    const std::string script = directory_ + "/script";
    FILE* file = fopen(script.c_str(), "w");
    fputs(command.c_str(), file);
    fclose(file);
    const std::string line = "cd '" + directory_ + "' && bash -e '" + script + "' 2>&1";
    FILE* pipe = popen(line.c_str(), "r");
    std::string all;
    std::array<char, 4096> buffer;
    while (const size_t size = fread(buffer.data(), 1, buffer.size(), pipe)) {
      all.append(buffer.data(), size);
    }
    const bool ok = pclose(pipe) == 0;
    while (!all.empty() && all.back() == '\n') all.pop_back();
    if (output != nullptr) *output = all;
    return ok;
  }

  // The same for a command that must succeed.
  std::string Run(const std::string& command) const {
    std::string output;
    EXPECT_TRUE(Try(command, &output)) << command << "\n" << output;
    return output;
  }

 private:
  const std::string directory_;
};

}  // namespace coordhub::base
