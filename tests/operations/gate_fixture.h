// A repository with gates, and what is left of them on the machine.

#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hub/operations/gate_log.h"
#include "hub/operations/gate_runner.h"
#include "hub/operations/gate_scratch.h"
#include "tests/git/scratch_repository.h"

namespace coordhub::operations {

class GateRepository : public git::ScratchRepository {
 public:
  GateRepository() {
    InitWithCommit();
    std::filesystem::create_directories(state_dir());
  }

  std::string state_dir() const { return common_dir() + "/coordhub"; }
  std::string scratch_dir() const { return GateScratchDir(state_dir()); }
  std::string Head() const { return Git("rev-parse HEAD"); }

  static std::vector<std::string> Supervisor() {
    const char* build = std::getenv("COORDHUB_BINARY_DIR");
    return {absl::StrCat(build == nullptr ? "." : build, "/bin/gate_supervisor"),
            kGateSupervisorCommand};
  }

  // How long a process of a gate sleeps that is to be found again: nobody else's does.
  static std::string Nap() { return absl::StrCat("86400.", getpid()); }

  // The processes that are left of the run, whether they still say so (by their environment) or
  // only sleep for as long as Nap() says.
  std::string LeftOf(const std::string& id) const {
    return Run(absl::StrCat("grep -lsz '^COORDHUB_GATE_TREE=", GateTree(scratch_dir(), id),
                            "$' /proc/[0-9]*/environ; grep -lszx '", Nap(),
                            "' /proc/[0-9]*/cmdline; true"));
  }

  GateLog::Text Log(const std::string& id) const {
    const absl::StatusOr<GateLog::Text> text = GateLog::Read(GateLogPath(scratch_dir(), id));
    EXPECT_TRUE(text.ok()) << text.status();
    return text.ok() ? *text : GateLog::Text();
  }

  static std::string Content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
};

}  // namespace coordhub::operations
