#include "agent/base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/error.h"
#include "tests/agent/base/temp_dir.h"
#include "tests/support/child.h"
#include "tests/support/needs.h"

namespace coordhub::base {
namespace {

// From here on this process can make no other one, and dies where it would signal anybody: what a
// defect would do to the whole machine ends here. Only in a child.
bool ForksFailAndSignalsEndIt() {
  constexpr uint32_t kNoChild = SECCOMP_RET_ERRNO | EAGAIN;
  constexpr uint32_t kEnd = SECCOMP_RET_KILL_PROCESS;
  const std::vector<std::pair<uint32_t, uint32_t>> verdicts = {{SYS_clone, kNoChild},
                                                               {SYS_clone3, kNoChild},
#ifdef SYS_fork
                                                               {SYS_fork, kNoChild},
                                                               {SYS_vfork, kNoChild},
#endif
                                                               {SYS_kill, kEnd},
                                                               {SYS_tgkill, kEnd},
                                                               {SYS_tkill, kEnd},
                                                               {SYS_pidfd_send_signal, kEnd},
                                                               {SYS_rt_sigqueueinfo, kEnd},
                                                               {SYS_wait4, kEnd}};
  std::vector<sock_filter> code = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const auto& [number, verdict] : verdicts) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, verdict));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program = {static_cast<uint16_t>(code.size()), code.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

constexpr int kNoFilter = 77;

// What the body says in a process that cannot fork.
int WhereForksFail(const std::function<int()>& body) {
  return test::Child::Running([&] { return ForksFailAndSignalsEndIt() ? body() : kNoFilter; })
      .Wait();
}

// What killed every process of the machine, twice: the id of a fork that failed is -1.
TEST(ProcessTest, AForkThatFailsSignalsNobody) {
  const int product = WhereForksFail([] {
    const auto forked = ChildProcess::Fork();
    if (forked.ok()) return 1;
    SpawnRequest request;
    request.command = {"sleep", "1"};
    request.own_group = true;
    return ChildProcess::Spawn(request).ok() ? 2 : 0;
  });
  if (product == kNoFilter) GTEST_SKIP() << "needs what this machine does not have: seccomp";
  EXPECT_EQ(product, 0) << "159: it would have sent a signal, or waited for whomever";
  const int tests = WhereForksFail([] {
    try {
      test::Child child = test::Child::Idle();
      child.Kill();
    } catch (const std::runtime_error&) {
      return 0;
    }
    return 1;
  });
  EXPECT_EQ(tests, 0) << "159: it would have sent a signal, or waited for whomever";
}

// As above: were one sent, it would end the child alone.
TEST(ProcessTest, NoSignalGoesToAnIdThatIsNotPositive) {
  const int code = WhereForksFail([] {
    for (const pid_t everybody : {-1, 0, -getpid()}) {
      if (ProcessExists(everybody)) return 1;
      if (HeldProcess::Find(everybody).has_value()) return 2;
    }
    return 0;
  });
  if (code == kNoFilter) GTEST_SKIP() << "needs what this machine does not have: seccomp";
  EXPECT_EQ(code, 0);
}

// Whoever was waited for, released or moved has an id that may be another's by now.
TEST(ProcessTest, AChildThatIsNoLongerOursIsNotSignalled) {
  auto forked = ChildProcess::Fork();
  ASSERT_TRUE(forked.ok()) << forked.status();
  if (!forked->has_value()) _exit(5);
  ChildProcess child = *std::move(*forked);
  (*forked)->Kill();
  EXPECT_EQ((*forked)->Wait(), 255) << "it moved away";
  EXPECT_EQ(child.Wait(), 5);
  EXPECT_EQ(child.pid(), 0);
  EXPECT_TRUE(child.HasEnded());
  EXPECT_TRUE(child.Signal(SIGKILL).ok());
  child.Kill();
}

TEST(ProcessTest, AReleasedChildLivesOn) {
  int gate[2];
  ASSERT_EQ(pipe2(gate, O_CLOEXEC), 0);
  pid_t pid = 0;
  {
    auto forked = ChildProcess::Fork();
    ASSERT_TRUE(forked.ok()) << forked.status();
    if (!forked->has_value()) {
      close(gate[1]);
      char byte;
      _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    pid = (*forked)->Release();
  }
  const auto held = HeldProcess::Find(pid);
  ASSERT_TRUE(held.has_value());
  EXPECT_FALSE(held->WaitForExit(absl::ZeroDuration()));
  close(gate[1]);
  EXPECT_TRUE(held->WaitForExit(absl::Seconds(30)));
  close(gate[0]);
}

TEST(ProcessTest, AChildDoesNotOutliveItsOwner) {
  pid_t pid = 0;
  {
    const test::Child child = test::Child::Idle();
    pid = child.pid();
    EXPECT_TRUE(ProcessExists(pid));
  }
  EXPECT_FALSE(ProcessExists(pid)) << "killed and waited for";
}

TEST(ProcessTest, TheEndIsSeenAndItsReasonTold) {
  test::Child idle = test::Child::Idle();
  const auto held = HeldProcess::Find(idle.pid());
  ASSERT_TRUE(held.has_value());
  EXPECT_FALSE(held->WaitForExit(absl::ZeroDuration()));
  ASSERT_TRUE(held->Signal(SIGTERM).ok());
  EXPECT_TRUE(held->WaitForExit(absl::Seconds(30)));
  EXPECT_TRUE(ProcessExists(idle.pid())) << "nobody has waited for it";
  EXPECT_EQ(idle.Wait(), 128 + SIGTERM);
  EXPECT_FALSE(ProcessExists(idle.pid()));
  EXPECT_TRUE(held->Signal(SIGTERM).ok()) << "one that has ended is no error";
}

// ---- programs ----

class SpawnTest : public ::testing::Test {
 protected:
  // Runs a line of the shell; what it wrote is in `out_`.
  int Shell(const std::string& line, bool own_group = false) {
    UniqueFd out(open((dir_ / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    SpawnRequest request;
    request.command = {"sh", "-c", line};
    request.environment = {"PATH=" + std::string(getenv("PATH")), "WORD=said"};
    request.output = out.get();
    request.errors = out.get();
    request.own_group = own_group;
    auto child = ChildProcess::Spawn(request);
    EXPECT_TRUE(child.ok()) << child.status();
    if (!child.ok()) return -1;
    const int code = child->Wait();
    std::ifstream file(dir_ / "out");
    out_.assign(std::istreambuf_iterator<char>(file), {});
    return code;
  }

  TempDir dir_;
  std::string out_;
};

TEST_F(SpawnTest, AProgramGetsWhatItIsGivenAndNothingElse) {
  // Inherited without O_CLOEXEC, as by a library that forgets it.
  const UniqueFd ours(open("/dev/null", O_RDONLY));
  EXPECT_EQ(Shell("read x || echo no input; echo $WORD; test -e /proc/self/fd/" +
                  std::to_string(ours.get()) + " || echo closed; exit 3"),
            3);
  EXPECT_EQ(out_, "no input\nsaid\nclosed\n");
}

TEST_F(SpawnTest, SignalsAreAsInAFreshProcess) {
  std::signal(SIGUSR1, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  EXPECT_EQ(Shell("kill -USR1 $$; echo went on"), 128 + SIGUSR1) << out_;
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  std::signal(SIGUSR1, SIG_DFL);
}

TEST_F(SpawnTest, WhatIsNoProgramIsNotFound) {
  SpawnRequest request;
  request.command = {dir_ / "nothing"};
  EXPECT_TRUE(absl::IsNotFound(ChildProcess::Spawn(request).status()));
}

TEST_F(SpawnTest, AGroupEndsWithItsLeader) {
  COORDHUB_NEEDS(Proc());
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  SpawnRequest request;
  request.command = {"sh", "-c", "sleep 1000 & echo up; wait"};
  request.environment = {"PATH=" + std::string(getenv("PATH"))};
  request.output = writer.get();
  request.own_group = true;
  {
    auto child = ChildProcess::Spawn(request);
    ASSERT_TRUE(child.ok()) << child.status();
    writer.Reset();
    char up[3];
    ASSERT_EQ(read(reader.get(), up, sizeof(up)), 3);
  }
  // What it had started holds the pipe, too: it ends when that has gone.
  char rest;
  EXPECT_EQ(read(reader.get(), &rest, 1), 0);
}

}  // namespace
}  // namespace coordhub::base
