// What is told to a service manager, and what is kept for a restart.

#include "hub/main/service_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/unique_fd.h"
#include "hub/main/saved_options.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::hub {
namespace {

using ::testing::ElementsAre;

// systemd's end.
class Manager {
 public:
  // `name`: a path, or one in the abstract namespace with a zero byte first.
  explicit Manager(const std::string& name) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  }
  // What was said and is not read yet; empty: nothing.
  std::string Heard() const {
    char buffer[256];
    const ssize_t got = recv(fd_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    return got < 0 ? "" : std::string(buffer, static_cast<size_t>(got));
  }

 private:
  const base::UniqueFd fd_;
};

class Environment : public ::testing::Test {
 protected:
  ~Environment() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }
};

TEST(ServiceManager, HearsAtAPath) {
  base::TempDir temp;
  const Manager manager(temp / "notify");
  ServiceManager(temp / "notify", absl::InfiniteDuration()).Notify("READY=1\nSTATUS=on");
  EXPECT_EQ(manager.Heard(), "READY=1\nSTATUS=on");
}

TEST(ServiceManager, HearsInTheAbstractNamespace) {
  const std::string name = "coordhub-test-" + std::to_string(getpid());
  const Manager manager(std::string(1, '\0') + name);
  ServiceManager("@" + name, absl::InfiniteDuration()).Notify("STOPPING=1");
  EXPECT_EQ(manager.Heard(), "STOPPING=1");
}

TEST(ServiceManager, OneThatCannotBeToldIsNoTrouble) {
  base::SetLogSink(nullptr, base::LogLevel::kError);
  base::TempDir temp;
  for (const std::string& socket :
       {std::string(), temp / "nobody", std::string("relative"), std::string(200, '/')}) {
    ServiceManager(socket, absl::InfiniteDuration()).Notify("READY=1");
  }
  // A full queue does not block the hub.
  const Manager manager(temp / "notify");
  const ServiceManager told(temp / "notify", absl::InfiniteDuration());
  for (int i = 0; i < 10'000; ++i) told.Notify("WATCHDOG=1");
  EXPECT_EQ(manager.Heard(), "WATCHDOG=1");
}

TEST_F(Environment, IsReadOnceAndTakenFromChildren) {
  setenv("NOTIFY_SOCKET", "/run/notify", 1);
  setenv("WATCHDOG_USEC", "3000000", 1);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  const ServiceManager manager = ServiceManager::FromEnvironment();
  EXPECT_TRUE(manager.present());
  EXPECT_EQ(manager.watchdog(), absl::Seconds(3));
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
    EXPECT_EQ(getenv(name), nullptr) << name;
  }
  EXPECT_FALSE(ServiceManager::FromEnvironment().present());
}

TEST_F(Environment, AWatchdogThatIsNotMeantOrMakesNoSenseIsNone) {
  const std::pair<const char*, const char*> cases[] = {
      {"3000000", "1"}, {"0", ""}, {"-5", ""}, {"soon", ""}, {"", ""}};
  for (const auto& [microseconds, pid] : cases) {
    setenv("NOTIFY_SOCKET", "/run/notify", 1);
    setenv("WATCHDOG_USEC", microseconds, 1);
    setenv("WATCHDOG_PID", pid, 1);
    EXPECT_EQ(ServiceManager::FromEnvironment().watchdog(), absl::InfiniteDuration())
        << microseconds;
  }
}

WorkspacePlan PlanOf(const std::string& state_dir, const std::string& top) {
  WorkspacePlan plan;
  plan.state = base::StatePaths(state_dir);
  plan.common_dir = top + "/.git";
  return plan;
}

// Whoever moves or copies a repository means what is in it by then.
TEST(SavedOptions, GoWithTheirRepository) {
  base::TempDir temp;
  SavedOptions saved;
  saved.hub.repos = {"/old/r/.git", "/old/r2/.git"};
  saved.hub.state_dirs = {"/var/state", "/var/state2"};
  saved.hub.log_dir = "/old/r/logs";
  ASSERT_TRUE(SaveOptions(PlanOf(temp.path(), "/old/r"), saved).ok());
  const auto loaded = LoadOptions(PlanOf(temp.path(), "/new"));
  ASSERT_TRUE(loaded.ok() && loaded->has_value()) << loaded.status();
  EXPECT_THAT((*loaded)->hub.repos, ElementsAre("/new/.git", "/old/r2/.git"));
  EXPECT_EQ((*loaded)->hub.log_dir, "/new/logs");
  EXPECT_TRUE((*loaded)->hub.state_dirs.empty()) << "the repository says where its state is";
}

TEST(SavedOptions, ComeBackAsTheyWere) {
  base::TempDir temp;
  const WorkspacePlan plan = PlanOf(temp.path(), "/r");
  EXPECT_FALSE(LoadOptions(plan)->has_value());
  SavedOptions saved;
  saved.hub.repos = {"/a b", "/line\nbreak", "/no\xfftext"};
  saved.hub.tcp_address = "127.0.0.1:7777";
  saved.hub.pid_dir = "/tmp";
  saved.supervised = true;
  ASSERT_TRUE(SaveOptions(plan, saved).ok());
  const auto loaded = LoadOptions(plan);
  ASSERT_TRUE(loaded.ok() && loaded->has_value()) << loaded.status();
  EXPECT_THAT((*loaded)->hub.repos, ElementsAre("/a b", "/line\nbreak", "/no\xfftext"));
  EXPECT_EQ((*loaded)->hub.tcp_address, "127.0.0.1:7777");
  EXPECT_EQ((*loaded)->hub.pid_dir, "/tmp");
  EXPECT_TRUE((*loaded)->supervised);
}

TEST(SavedOptions, WhatIsNoneOfOursIsRefusedWithItsName) {
  base::TempDir temp;
  const WorkspacePlan plan = PlanOf(temp.path(), "/r");
  const std::string texts[] = {"", "something else", std::string("alone\0--repo", 12),
                               std::string("alone\0--of-a-later-version\0", 27)};
  for (const std::string& text : texts) {
    std::ofstream(temp / "serve-options", std::ios::binary) << text;
    const auto loaded = LoadOptions(plan);
    EXPECT_EQ(base::ReasonOf(loaded.status()), v1::ERROR_REASON_INVALID_FIELD) << text;
    EXPECT_NE(loaded.status().message().find("serve-options"), std::string::npos);
  }
}

}  // namespace
}  // namespace coordhub::hub
