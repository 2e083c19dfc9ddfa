#include "hub/main/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/agent/base/temp_dir.h"
#include "tests/support/child.h"

namespace coordhub::hub {
namespace {

ProcessIdentity IdentityOf(pid_t pid) {
  ProcessIdentity identity = ProcessIdentity::OfThisProcess();
  identity.pid = pid;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::stringstream text;
  text << file.rdbuf();
  std::istringstream fields(text.str().substr(text.str().rfind(')') + 2));
  std::string field;
  for (int i = 0; i <= 19; ++i) fields >> field;
  identity.start_ticks = std::stoull(field);
  return identity;
}

TEST(ProcessIdentity, ThisProcessIsFound) {
  const ProcessIdentity self = ProcessIdentity::OfThisProcess();
  EXPECT_EQ(self.pid, getpid());
  EXPECT_GT(self.start_ticks, 0u);
  EXPECT_TRUE(ProcessHandle::Find(self).has_value());
}

TEST(ProcessHandle, AStrangerUnderTheSameIdIsNotFound) {
  ProcessIdentity self = ProcessIdentity::OfThisProcess();
  self.start_ticks -= 1;
  EXPECT_FALSE(ProcessHandle::Find(self).has_value()) << "another start time";
  self = ProcessIdentity::OfThisProcess();
  self.boot_id = "before the last reboot";
  EXPECT_FALSE(ProcessHandle::Find(self).has_value()) << "another boot";
  EXPECT_FALSE(ProcessHandle::Find({}).has_value());
}

TEST(ProcessHandle, TerminatesAndWaits) {
  test::Child child = test::Child::Idle();
  const auto handle = ProcessHandle::Find(IdentityOf(child.pid()));
  ASSERT_TRUE(handle.has_value());
  EXPECT_FALSE(handle->WaitForExit(absl::ZeroDuration()));
  ASSERT_TRUE(handle->Terminate().ok());
  EXPECT_TRUE(handle->WaitForExit(absl::Seconds(30)));
}

TEST(ProcessHandle, AZombieDoesNotRun) {
  test::Child child = test::Child::Idle();
  const ProcessIdentity identity = IdentityOf(child.pid());
  const auto handle = ProcessHandle::Find(identity);
  ASSERT_TRUE(handle.has_value());
  child.Strike();
  ASSERT_TRUE(handle->WaitForExit(absl::Seconds(30)));
  EXPECT_FALSE(ProcessHandle::Find(identity).has_value());
  child.Wait();
  EXPECT_TRUE(handle->Terminate().ok()) << "one that ended is no error";
  EXPECT_FALSE(ProcessHandle::Find(identity).has_value());
}

TEST(PidFile, KeepsTheIdentity) {
  base::TempDir temp;
  const ProcessIdentity self = ProcessIdentity::OfThisProcess();
  ASSERT_TRUE(WritePidFile(temp / "pid", self).ok());
  const auto read = ReadPidFile(temp / "pid");
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_EQ((*read)->pid, self.pid);
  EXPECT_EQ((*read)->start_ticks, self.start_ticks);
  EXPECT_EQ((*read)->boot_id, self.boot_id);
  std::ifstream file(temp / "pid");
  std::string first_line;
  std::getline(file, first_line);
  EXPECT_EQ(first_line, std::to_string(getpid())) << "for scripts";
}

TEST(PidFile, WhatIsNoneOfOursNamesNobody) {
  base::TempDir temp;
  EXPECT_FALSE(ReadPidFile(temp / "missing")->has_value());
  for (const char* text : {"", "123\n", "x\ny\nz\n", "-1\n5\nboot\n", "0\n5\nboot\n"}) {
    std::ofstream(temp / "pid") << text;
    EXPECT_FALSE(ReadPidFile(temp / "pid")->has_value()) << text;
  }
}

}  // namespace
}  // namespace coordhub::hub
