#include "agent/coordctl/process_watch.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <csignal>

#include "agent/base/error.h"
#include "tests/support/child.h"
#include "tests/support/needs.h"

namespace coordhub::coordctl {
namespace {

TEST(ProcessWatch, SeesAProcessLiveAndEnd) {
  COORDHUB_NEEDS(Proc());
  test::Child child = test::Child::Idle();
  auto watch = ProcessWatch::Open(child.pid());
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_TRUE(watch->Alive());
  child.Strike();
  if (watch->fd() >= 0) {
    pollfd polled = {watch->fd(), POLLIN, 0};
    EXPECT_EQ(poll(&polled, 1, 30'000), 1);
    EXPECT_FALSE(watch->Alive());  // although it waits, as a zombie, for us
  }
  child.Wait();
  EXPECT_FALSE(watch->Alive());
}

// A signal takes effect when its process is scheduled.
bool Becomes(const ProcessWatch& watch, ProcessWatch::Condition condition) {
  for (int tries = 0; tries < 30'000; ++tries) {
    if (watch.Look() == condition) return true;
    poll(nullptr, 0, 1);
  }
  return false;
}

TEST(ProcessWatch, TellsAStoppedProcessFromOneThatWorks) {
  COORDHUB_NEEDS(Proc());
  test::Child child = test::Child::Idle();
  const auto watch = ProcessWatch::Open(child.pid());
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_EQ(watch->Look(), ProcessWatch::Condition::kWorks);
  child.Signal(SIGSTOP);
  EXPECT_TRUE(Becomes(*watch, ProcessWatch::Condition::kStopped));
  EXPECT_TRUE(watch->Alive());
  child.Signal(SIGCONT);
  EXPECT_TRUE(Becomes(*watch, ProcessWatch::Condition::kWorks));
  child.Strike();
  EXPECT_TRUE(Becomes(*watch, ProcessWatch::Condition::kGone)) << "a zombie";
  child.Wait();
}

TEST(ProcessWatch, RefusesWhatIsNoProcess) {
  test::Child child = test::Child::Idle();
  child.Kill();
  for (const pid_t pid : {child.pid(), 0, -1}) {
    const auto watch = ProcessWatch::Open(pid);
    EXPECT_EQ(base::MetadataOf(watch.status(), "field"), "--pid");
  }
}

}  // namespace
}  // namespace coordhub::coordctl
