#include "hub/main/pid_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "hub/main/dying_holder.h"
#include "tests/agent/base/temp_dir.h"
#include "tests/support/child.h"

namespace coordhub::hub {
namespace {

using ::testing::HasSubstr;

std::string Content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// As if the file had been written `seconds` ago.
void Age(const std::string& path, int64_t seconds) {
  const timespec then = absl::ToTimespec(base::SystemClock().Wall() - absl::Seconds(seconds));
  const timespec times[] = {then, then};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

TEST(PidDirectory, HoldsThisProcessInThreeFilesOfOneLine) {
  base::TempDir temp;
  {
    const auto claimed = PidDirectory::Claim(temp / ".");
    ASSERT_TRUE(claimed.ok()) << claimed.status();
    for (const char* name : kLoopPidFiles) {
      EXPECT_EQ(Content(temp / name), std::to_string(getpid()) + "\n") << name;
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(temp.path()));
}

TEST(PidDirectory, AProcessThatRunsKeepsItsFile) {
  base::TempDir temp;
  test::Child stranger = test::Child::Idle();
  const std::string file = temp / "communication_daemon.pid";
  Write(file, std::to_string(stranger.pid()) + "\n");
  const auto refused = PidDirectory::Claim(temp / ".");
  EXPECT_EQ(base::ReasonOf(refused.status()), v1::ERROR_REASON_WORKSPACE_LOCKED);
  EXPECT_EQ(base::MetadataOf(refused.status(), "pid"), std::to_string(stranger.pid()));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("communication_daemon.pid"));
  EXPECT_EQ(Content(file), std::to_string(stranger.pid()) + "\n");
  EXPECT_NE(access((temp / "background_monitor.pid").c_str(), F_OK), 0) << "nothing is written";

  stranger.Kill();
  EXPECT_TRUE(PidDirectory::Claim(temp / ".").ok());
}

TEST(PidDirectory, AnIdThatAnotherProcessGotLaterMeansNothing) {
  base::TempDir temp;
  test::Child stranger = test::Child::Idle();
  const std::string file = temp / "background_monitor.pid";
  Write(file, std::to_string(stranger.pid()) + "\n");
  EXPECT_EQ(LiveOwnerOf(file), stranger.pid());
  Age(file, 3600);
  EXPECT_EQ(LiveOwnerOf(file), std::nullopt);
  EXPECT_TRUE(PidDirectory::Claim(temp / ".").ok());
}

// Where the wall clock was set meanwhile, its files look older than the hub is, and it is it still.
TEST(PidDirectory, AHubKeepsItsFilesWhateverTheClockSays) {
  base::TempDir temp;
  test::ReportingChild hub([&temp](int fd) {
    const auto claimed = PidDirectory::Claim(temp / ".");
    test::WriteLine(fd, claimed.ok() ? "yes" : "no");
    while (true) pause();
  });
  EXPECT_EQ(hub.ReadLine(), "yes");
  for (const char* name : kLoopPidFiles) Age(temp / name, 3600);
  EXPECT_EQ(LiveOwnerOf(temp / "background_monitor.pid"), hub.pid());
  EXPECT_EQ(base::ReasonOf(PidDirectory::Claim(temp / ".").status()),
            v1::ERROR_REASON_WORKSPACE_LOCKED);
  hub.Kill();
  EXPECT_EQ(LiveOwnerOf(temp / "background_monitor.pid"), std::nullopt);
  EXPECT_TRUE(PidDirectory::Claim(temp / ".").ok());
}

TEST(PidDirectory, OfSeveralThatClaimAtOnceOneGetsAllFiles) {
  base::TempDir temp;
  std::vector<test::Child> hubs;
  int answers[2];
  ASSERT_EQ(pipe(answers), 0);
  for (int i = 0; i < 8; ++i) {
    hubs.push_back(test::Child::Running([&]() -> int {
      const auto claimed = PidDirectory::Claim(temp / ".");
      [[maybe_unused]] const ssize_t told = write(answers[1], claimed.ok() ? "y" : "n", 1);
      while (true) pause();
    }));
  }
  std::string all(8, '?');
  for (char& answer : all) ASSERT_EQ(read(answers[0], &answer, 1), 1);
  EXPECT_EQ(std::count(all.begin(), all.end(), 'y'), 1) << all;
  EXPECT_EQ(Content(temp / "background_monitor.pid"), Content(temp / "communication_daemon.pid"));
  close(answers[0]);
  close(answers[1]);
}

TEST(PidDirectory, WhatNamesNobodyIsReplaced) {
  for (const char* text : {"", "no number\n", "-1\n", "0\n", "99999999999\n"}) {
    base::TempDir temp;
    Write(temp / "background_monitor.pid", text);
    EXPECT_TRUE(PidDirectory::Claim(temp / ".").ok()) << text;
  }
}

TEST(PidDirectory, LeavesWhatOthersPutThere) {
  base::TempDir temp;
  {
    const auto claimed = PidDirectory::Claim(temp / ".");
    ASSERT_TRUE(claimed.ok());
    Write(temp / "background_monitor.pid", "1\n");
  }
  EXPECT_EQ(Content(temp / "background_monitor.pid"), "1\n");
}

TEST(PidDirectory, ALinkLeadsNoWriteElsewhere) {
  base::TempDir temp;
  Write(temp / "target", "precious\n");
  ASSERT_EQ(symlink((temp / "target").c_str(), (temp / "background_monitor.pid").c_str()), 0);
  ASSERT_TRUE(PidDirectory::Claim(temp / ".").ok());
  EXPECT_EQ(Content(temp / "target"), "precious\n");
}

TEST(PidDirectory, OneThatIsMissingIsAnError) {
  base::TempDir temp;
  EXPECT_EQ(base::ReasonOf(PidDirectory::Claim(temp / "nowhere").status()),
            v1::ERROR_REASON_IO_FAILED);
}

// ---- whoever is killed and still holds something ----

absl::Status HeldBy(pid_t pid) {
  return base::MakeError(v1::ERROR_REASON_WORKSPACE_LOCKED, "held",
                         {{"pid", pid == 0 ? "" : std::to_string(pid)}});
}

TEST(DyingHolder, OneThatLivesIsNamedAtOnce) {
  test::Child stranger = test::Child::Idle();
  int tries = 0;
  const absl::Status status =
      OutlastDyingHolder(base::SystemClock(), absl::Hours(1), [&tries, &stranger] {
        ++tries;
        return HeldBy(stranger.pid());
      });
  EXPECT_EQ(base::ReasonOf(status), v1::ERROR_REASON_WORKSPACE_LOCKED);
  EXPECT_EQ(tries, 2);
}

TEST(DyingHolder, OneThatIsGoneOrNotNamedYetIsWaitedFor) {
  test::Child stranger = test::Child::Idle();
  const pid_t gone = stranger.pid();
  stranger.Kill();
  for (const pid_t pid : {gone, 0}) {
    int tries = 0;
    const absl::Status status =
        OutlastDyingHolder(base::SystemClock(), absl::Hours(1),
                           [&tries, pid] { return ++tries < 5 ? HeldBy(pid) : absl::OkStatus(); });
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST(DyingHolder, ButNotForEver) {
  const absl::Status status =
      OutlastDyingHolder(base::SystemClock(), absl::Milliseconds(30), [] { return HeldBy(0); });
  EXPECT_EQ(base::ReasonOf(status), v1::ERROR_REASON_WORKSPACE_LOCKED);
}

TEST(DyingHolder, OtherErrorsAreNotTriedAgain) {
  int tries = 0;
  const absl::Status status =
      OutlastDyingHolder(base::SystemClock(), absl::Hours(1), [&tries]() -> absl::Status {
        ++tries;
        return base::MakeIoError("open", "/nowhere", ENOENT);
      });
  EXPECT_EQ(base::ReasonOf(status), v1::ERROR_REASON_IO_FAILED);
  EXPECT_EQ(tries, 1);
}

TEST(PhaseOf, TellsTheLivingFromTheDead) {
  EXPECT_EQ(PhaseOf(getpid()), ProcessPhase::kAlive);
  test::Child stranger = test::Child::Idle();
  stranger.Signal(SIGSTOP);
  EXPECT_EQ(PhaseOf(stranger.pid()), ProcessPhase::kAlive) << "it only stands still";
  stranger.Kill();
  EXPECT_EQ(PhaseOf(stranger.pid()), ProcessPhase::kGone);
}

TEST(StartTimeOf, IsThatOfTheProcess) {
  const absl::Time before = base::SystemClock().Wall();
  test::Child stranger = test::Child::Idle();
  const auto began = StartTimeOf(stranger.pid());
  ASSERT_TRUE(began.has_value());
  EXPECT_LT(absl::AbsDuration(*began - before), absl::Seconds(10));
}

}  // namespace
}  // namespace coordhub::hub
