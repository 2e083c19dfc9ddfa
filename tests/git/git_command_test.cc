#include "hub/git/git_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "agent/base/process.h"
#include "hub/git/status_count.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::git {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A program named git, first in the PATH.
class GitCommandTest : public ::testing::Test {
 protected:
  void MakeGit(const std::string& script) {
    const std::string path = dir_ / "git";
    std::ofstream(path) << "#!/bin/bash\n" << script << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    setenv("PATH", (dir_.path() + ":" + path_).c_str(), 1);
  }
  void TearDown() override { setenv("PATH", path_.c_str(), 1); }

  GitResult Run(absl::Duration timeout = absl::Seconds(60), size_t max_output = 1 << 20,
                const GitCancel* cancel = nullptr, const std::string& cancel_at = "?") {
    output_.clear();
    const auto result = RunGit({.arguments = {"word", "two words", "$HOME"},
                                .timeout = timeout,
                                .on_output =
                                    [&](std::string_view bytes) {
                                      output_.append(bytes);
                                      if (output_ == cancel_at) cancel->Cancel();
                                    },
                                .max_output = max_output,
                                .cancel = cancel});
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : GitResult();
  }

  base::TempDir dir_;
  const std::string path_ = std::getenv("PATH");
  std::string output_;
};

TEST_F(GitCommandTest, GivesArgumentsAsTheyAre) {
  MakeGit("printf '<%s>' \"$@\"");
  EXPECT_TRUE(Run().ok());
  EXPECT_EQ(output_, "<-c><core.fsmonitor=false><word><two words><$HOME>");
}

TEST_F(GitCommandTest, TellsHowItEnded) {
  MakeGit("echo 'fatal: no' >&2; exit 128");
  GitResult result = Run();
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.exit_code, 128);
  EXPECT_EQ(result.Explain(), "git failed (128): fatal: no");
  MakeGit("kill -TERM $$");
  result = Run();
  EXPECT_EQ(result.exit_code, 128 + 15);
}

TEST_F(GitCommandTest, IsEndedWhenItTakesTooLong) {
  MakeGit("sleep 600 & sleep 600");
  const GitResult result = Run(absl::Milliseconds(50));
  EXPECT_EQ(result.end, GitResult::End::kTimedOut);
}

TEST_F(GitCommandTest, IsEndedWhenItWritesTooMuch) {
  MakeGit("yes");
  EXPECT_EQ(Run(absl::Seconds(60), 1000).end, GitResult::End::kTooMuchOutput);
}

TEST_F(GitCommandTest, IsEndedWithWhatItStartedWhenNobodyWaitsAnyMore) {
  MakeGit("sleep 600 & echo $! > " + (dir_ / "pid") + "; echo up; wait");
  const GitCancel cancel;
  EXPECT_EQ(Run(absl::Hours(1), 1 << 20, &cancel, "up\n").end, GitResult::End::kCancelled);
  int pid = 0;
  std::ifstream(dir_ / "pid") >> pid;
  ASSERT_GT(pid, 0);
  // Its new parent takes note of its end in its own time.
  const auto ended = [pid] {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    return !std::getline(stat, text) || text.find(") Z ") != std::string::npos;
  };
  while (!ended()) std::this_thread::yield();
  EXPECT_EQ(Run(absl::Hours(1), 1 << 20, &cancel).end, GitResult::End::kCancelled) << "a later one";
  EXPECT_EQ(output_, "");
}

// As a file system monitor that it started would.
TEST_F(GitCommandTest, WhoHoldsItsOutputIsNotWaitedFor) {
  MakeGit("echo done; sleep 600 & echo $! > " + (dir_ / "pid"));
  EXPECT_TRUE(Run().ok());
  EXPECT_EQ(output_, "done\n");
  int pid = 0;
  std::ifstream(dir_ / "pid") >> pid;
  ASSERT_GT(pid, 0);
  const std::optional<base::HeldProcess> holder = base::HeldProcess::Find(pid);
  ASSERT_TRUE(holder.has_value()) << "it lives on";
  EXPECT_FALSE(holder->WaitForExit(absl::ZeroDuration()));
  EXPECT_TRUE(holder->Signal(SIGKILL).ok());
}

TEST_F(GitCommandTest, SeesNothingOfARepositoryInOurEnvironment) {
  setenv("GIT_DIR", "/elsewhere", 1);
  setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
  MakeGit("env");
  EXPECT_TRUE(Run().ok());
  unsetenv("GIT_DIR");
  EXPECT_THAT(output_, Not(HasSubstr("GIT_DIR=")));
  EXPECT_THAT(output_, HasSubstr("GIT_CONFIG_GLOBAL=/dev/null"));
  EXPECT_THAT(output_, HasSubstr("GIT_OPTIONAL_LOCKS=0"));
}

TEST_F(GitCommandTest, MayBeMissing) {
  setenv("PATH", dir_.path().c_str(), 1);
  EXPECT_EQ(Run().end, GitResult::End::kNotInstalled);
}

TEST(PorcelainReaderTest, ReadsEntriesHoweverTheyAreCut) {
  const std::string output("?? a b\0R  new\0old\0 M x\0RM n2\0!! o\0!! dir/\0", 42);
  for (size_t piece = 1; piece <= output.size(); ++piece) {
    std::string entries;
    PorcelainReader reader([&](std::string_view states, std::string_view path) {
      entries.append(states).append(":").append(path).append(",");
    });
    for (size_t at = 0; at < output.size(); at += piece) reader.Feed(output.substr(at, piece));
    EXPECT_EQ(entries, "??:a b,R :new, M:x,RM:n2,!!:dir/,") << piece;
  }
}

}  // namespace
}  // namespace coordhub::git
