#include "agent/coordctl/process_watch.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/base/error.h"

namespace coordhub::coordctl {
namespace {

pid_t StartChild() {
  const pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/sleep", "sleep", "infinity", nullptr);
    _exit(1);
  }
  return pid;
}

TEST(ProcessWatch, SeesAProcessLiveAndEnd) {
  const pid_t child = StartChild();
  auto watch = ProcessWatch::Open(child);
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_TRUE(watch->Alive());
  kill(child, SIGKILL);
  if (watch->fd() >= 0) {
    pollfd polled = {watch->fd(), POLLIN, 0};
    EXPECT_EQ(poll(&polled, 1, 30'000), 1);
    EXPECT_FALSE(watch->Alive());  // although it waits, as a zombie, for us
  }
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(watch->Alive());
}

TEST(ProcessWatch, RefusesWhatIsNoProcess) {
  const pid_t child = StartChild();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  for (const pid_t pid : {child, 0, -1}) {
    const auto watch = ProcessWatch::Open(pid);
    EXPECT_EQ(base::MetadataOf(watch.status(), "field"), "--pid");
  }
}

}  // namespace
}  // namespace coordhub::coordctl
