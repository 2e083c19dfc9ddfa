// Gates that do what they should not: each ends, in time, and nothing of it is left.

#include "hub/operations/gate_runner.h"

#include <gmock/gmock.h>

#include <csignal>
#include <set>

#include "absl/strings/str_split.h"
#include "agent/base/give_way.h"
#include "tests/operations/gate_fixture.h"
#include "tests/support/child.h"
#include "tests/support/needs.h"

namespace coordhub::operations {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using End = GateResult::End;

class GateRunnerTest : public ::testing::Test {
 protected:
  GateRun Script(const std::string& script, absl::Duration timeout = absl::Minutes(5)) const {
    GateRun run;
    run.command = {"sh", "-c", script};
    run.timeout = timeout;
    run.common_dir = repo_.common_dir();
    run.commit = repo_.Head();
    run.scratch_dir = repo_.scratch_dir();
    run.id = "O-1";
    run.supervisor = GateRepository::Supervisor();
    return run;
  }
  // Runs it, and looks whether anything is left of it.
  GateResult Do(const GateRun& run) const {
    const absl::StatusOr<GateResult> result = RunGate(run);
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(repo_.LeftOf(run.id), "");
    EXPECT_FALSE(fs::exists(GateTree(repo_.scratch_dir(), run.id)));
    EXPECT_FALSE(fs::exists(GateTemporaryDir(repo_.scratch_dir(), run.id)));
    EXPECT_THAT(repo_.Git("worktree list --porcelain"), Not(HasSubstr("gates")));
    return result.ok() ? *result : GateResult();
  }
  GateResult Do(const std::string& script, absl::Duration timeout = absl::Minutes(5)) const {
    return Do(Script(script, timeout));
  }

  GateRepository repo_;
  const std::string nap_ = GateRepository::Nap();
};

TEST_F(GateRunnerTest, RunsInATreeOfTheCommit) {
  GateRun run = Script("cat file; git rev-parse HEAD; pwd; echo $COORDHUB_GATE; test -d $TMPDIR");
  repo_.Write("file", "two\n");
  repo_.CommitAll("later");
  repo_.Write("file", "not committed\n");
  const GateResult result = Do(run);
  EXPECT_EQ(result.end, End::kPassed) << result.note;
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(repo_.Log("O-1").text, absl::StrCat("one\n", run.commit, "\n",
                                                GateTree(repo_.scratch_dir(), "O-1"), "\nO-1\n"));
}

TEST_F(GateRunnerTest, TheRunsOfAnOperationStandInOneLog) {
  GateRun run = Script("printf $COORDHUB_GATE; exit 1");
  run.id = "O-1.1";
  EXPECT_EQ(Do(run).note, "exit code 1: O-1.1");
  run.command = {"false"};
  run.id = "O-1.2";
  EXPECT_EQ(Do(run).note, "exit code 1") << "it said nothing itself";
  const std::string at = ", at " + run.commit.substr(0, 12) + " ---\n";
  EXPECT_EQ(repo_.Log("O-1").text, absl::StrCat("--- run 1", at, "O-1.1\n--- run 2", at));
  run.id = "O-1.1";
  EXPECT_EQ(Do(run).end, End::kFailed);
  EXPECT_EQ(repo_.Log("O-1").text, "--- run 1" + at) << "of another operation of that number";
}

TEST_F(GateRunnerTest, OneThatFailsSaysHowAndItsLastWords) {
  const GateResult result = Do("echo out; echo 'no such \033[31mluck\033[0m' >&2; echo; exit 3");
  EXPECT_EQ(result.end, End::kFailed);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.note, "exit code 3: no such [31mluck [0m");
  EXPECT_EQ(Do("kill -SEGV $$").exit_code, 128 + SIGSEGV);
}

TEST_F(GateRunnerTest, OneThatCannotBeStartedFails) {
  GateRun run = Script("");
  run.command = {"coordhub-no-such-program"};
  const GateResult result = Do(run);
  EXPECT_EQ(result.end, End::kFailed);
  EXPECT_EQ(result.exit_code, 127);
  EXPECT_THAT(result.note, HasSubstr("cannot start coordhub-no-such-program"));
}

TEST_F(GateRunnerTest, WithoutATreeNothingRuns) {
  GateRun run = Script("true");
  run.commit = std::string(40, '0');
  EXPECT_EQ(Do(run).end, End::kNotRun);
}

TEST_F(GateRunnerTest, NoHookOfTheRepositoryRuns) {
  const std::string told = repo_.Beside("told");
  repo_.Write(".git/hooks/post-checkout", absl::StrCat("#!/bin/sh\ntouch '", told, "'\n"));
  repo_.Run("chmod +x .git/hooks/post-checkout");
  EXPECT_EQ(Do("true").end, End::kPassed);
  EXPECT_FALSE(fs::exists(told));
}

TEST_F(GateRunnerTest, GetsNothingOfTheHubsEnvironmentThatIsSecret) {
  setenv("COORDHUB_SESSION", "chs_secret", 1);
  setenv("SOME_TOKEN", "secret", 1);
  EXPECT_EQ(Do("env").end, End::kPassed);
  unsetenv("COORDHUB_SESSION");
  unsetenv("SOME_TOKEN");
  // The shell sets some itself.
  const std::set<std::string> known = {"COORDHUB_GATE", "COORDHUB_GATE_TREE",
                                       "TMPDIR",        "PATH",
                                       "HOME",          "USER",
                                       "LOGNAME",       "SHELL",
                                       "LANG",          "LC_ALL",
                                       "LC_CTYPE",      "TZ",
                                       "PWD",           "OLDPWD",
                                       "SHLVL",         "_"};
  const std::string text = repo_.Log("O-1").text;
  EXPECT_THAT(text, HasSubstr("COORDHUB_GATE=O-1\n"));
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    EXPECT_TRUE(known.contains(std::string(line.substr(0, line.find('='))))) << line;
  }
}

TEST_F(GateRunnerTest, HasNoInputAndNoDescriptorsOfTheHubs) {
  const GateResult result = Do("cat; ls /proc/self/fd | wc -l");
  EXPECT_EQ(result.end, End::kPassed);
  EXPECT_EQ(repo_.Log("O-1").text, "4\n") << "the fourth is of ls";
}

TEST_F(GateRunnerTest, OneThatHangsIsEndedInTimeWithAllThatItStarted) {
  const GateResult result =
      Do("echo waits; sleep " + nap_ + " & sleep " + nap_, absl::Milliseconds(300));
  EXPECT_EQ(result.end, End::kTimedOut);
  EXPECT_EQ(result.note, "not over after 300ms: waits");
}

TEST_F(GateRunnerTest, OneThatWillNotEndIsKilled) {
  const GateResult result =
      Do("trap '' TERM INT HUP; sleep " + nap_ + " & while :; do wait; done", absl::Seconds(1));
  EXPECT_EQ(result.end, End::kTimedOut);
}

TEST_F(GateRunnerTest, OneThatIsStoppedIsKilledToo) {
  EXPECT_EQ(Do("sleep " + nap_ + " & kill -STOP $! $$", absl::Seconds(1)).end, End::kTimedOut);
}

TEST_F(GateRunnerTest, OneThatIsToldToEndMayTidyUp) {
  const std::string told = repo_.Beside("told");
  const GateResult result =
      Do(absl::StrCat("trap 'touch ", told, "; exit 0' TERM; sleep ", nap_, " & wait"),
         absl::Seconds(1));
  EXPECT_EQ(result.end, End::kTimedOut) << "whatever its exit code";
  EXPECT_TRUE(fs::exists(told));
}

TEST_F(GateRunnerTest, WhatItLeavesInTheBackgroundEndsWithIt) {
  EXPECT_EQ(Do("sleep " + nap_ + " & (sleep " + nap_ + " &) ; exit 0").end, End::kPassed);
}

TEST_F(GateRunnerTest, WhatForksAwayEndsWithIt) {
  // A session of its own, no parent, no output, no environment.
  const std::string away = "setsid env -i /bin/sleep " + nap_ + " </dev/null >/dev/null 2>&1";
  EXPECT_EQ(Do("(" + away + " &); (setsid sh -c '(" + away + " &)' &); sleep 0").end, End::kPassed);
}

TEST_F(GateRunnerTest, OneThatPrintsWithoutEndIsEndedInTimeAndWhatIsKeptIsBounded) {
  const GateResult result = Do("yes", absl::Seconds(1));
  EXPECT_EQ(result.end, End::kTimedOut);
  const GateLog::Text log = repo_.Log("O-1");
  EXPECT_EQ(log.text.size(), GateLog::kKeptBytes);
  EXPECT_GT(log.omitted_bytes, 0);
}

TEST_F(GateRunnerTest, OfAllThatItPrintsTheLastIsKept) {
  EXPECT_EQ(Do("head -c 100000000 /dev/zero; echo; echo 'the last'").end, End::kPassed);
  const GateLog::Text log = repo_.Log("O-1");
  EXPECT_THAT(log.text, EndsWith("\nthe last\n"));
  EXPECT_EQ(log.omitted_bytes + static_cast<int64_t>(log.text.size()), 100'000'010);
}

TEST_F(GateRunnerTest, OneThatKillsItsParentFailsAndNothingIsLeft) {
  const GateResult result =
      Do("sleep " + nap_ + " & setsid sleep " + nap_ + " & kill -KILL $PPID; sleep " + nap_);
  EXPECT_EQ(result.end, End::kFailed);
  EXPECT_THAT(result.note, HasSubstr("watches over it was killed"));
}

TEST_F(GateRunnerTest, OneThatAsksItsParentToEndHasEndedItself) {
  const GateResult result = Do("sleep " + nap_ + " & kill -TERM $PPID; wait");
  EXPECT_EQ(result.end, End::kFailed);
  EXPECT_EQ(result.exit_code, 128 + SIGTERM);
}

TEST_F(GateRunnerTest, OneThatStopsItsParentIsEndedAllTheSame) {
  EXPECT_EQ(Do("sleep " + nap_ + " & kill -STOP $PPID; wait", absl::Seconds(1)).end,
            End::kTimedOut);
}

TEST_F(GateRunnerTest, OneThatIsCancelledEnds) {
  const std::string began = repo_.Beside("began");
  GateRun run = Script(absl::StrCat("touch ", began, "; sleep ", nap_));
  run.cancelled = [&] { return fs::exists(began); };
  EXPECT_EQ(Do(run).end, End::kCancelled);
  EXPECT_EQ(Do(run).end, End::kCancelled) << "before it began";
}

TEST_F(GateRunnerTest, ATreeThatItMadeUnwritableIsRemoved) {
  EXPECT_EQ(Do("mkdir -p a/b; touch a/b/c; chmod -R 0 a; chmod 0 .").end, End::kPassed);
}

TEST_F(GateRunnerTest, WhatItWroteIsReadWhileItRuns) {
  const std::string fifo = repo_.Beside("fifo");
  repo_.Run("mkfifo " + fifo);
  GateRun run = Script(absl::StrCat("echo half; read line <", fifo, "; echo whole"));
  bool released = false;
  run.cancelled = [&] {
    if (!released && repo_.Log("O-1").text == "half\n") {
      repo_.Run("echo go >" + fifo);
      released = true;
    }
    return false;
  };
  EXPECT_EQ(Do(run).end, End::kPassed);
  EXPECT_EQ(repo_.Log("O-1").text, "half\nwhole\n");
  EXPECT_EQ(fs::status(GateLogPath(repo_.scratch_dir(), "O-1")).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

// What a hub leaves behind that is killed in the middle.
class GateLeftoversTest : public GateRunnerTest {
 protected:
  // Runs the script in a hub that is killed once the script has touched `$began`.
  void KillHubDuring(const std::string& script) {
    const std::string began = repo_.Beside("began");
    const GateRun run = Script(absl::StrCat("began=", began, "; ", script));
    test::Child hub = test::Child::Running([&run] { return RunGate(run).ok() ? 0 : 1; });
    while (!fs::exists(began)) base::GiveWay();
    hub.Kill();
  }
};

TEST_F(GateLeftoversTest, AGateEndsWithItsHub) {
  KillHubDuring("sleep " + nap_ + " & setsid sleep " + nap_ + " & touch $began; wait");
  while (!repo_.LeftOf("O-1").empty()) base::GiveWay();
  EXPECT_TRUE(fs::exists(GateTree(repo_.scratch_dir(), "O-1"))) << "nobody was there to remove it";
  repo_.Git("worktree add -q ../mine");
  const absl::Status removed = RemoveGateLeftovers(repo_.common_dir(), repo_.scratch_dir(), "O-1");
  EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_FALSE(fs::exists(GateTree(repo_.scratch_dir(), "O-1")));
  const std::string worktrees = repo_.Git("worktree list");
  EXPECT_THAT(worktrees, Not(HasSubstr("gates")));
  EXPECT_THAT(worktrees, HasSubstr("mine")) << "exactly what is the hub's own";
}

TEST_F(GateLeftoversTest, WhatOutlivedAHubIsEndedByTheNextOne) {
  // Of a gate whose supervisor was killed as well. (One that is only stopped the kernel wakes up
  // when its hub ends.)
  repo_.Git("worktree add -q --detach " + GateTree(repo_.scratch_dir(), "O-1"));
  test::Child left = test::Child::Executing(
      {"env", absl::StrCat("COORDHUB_GATE_TREE=", GateTree(repo_.scratch_dir(), "O-1")), "sleep",
       nap_});
  while (repo_.LeftOf("O-1").empty()) base::GiveWay();
  EXPECT_TRUE(RemoveGateLeftovers(repo_.common_dir(), repo_.scratch_dir(), "O-2").ok());
  EXPECT_NE(repo_.LeftOf("O-1"), "") << "another operation's";
  const absl::Status removed = RemoveGateLeftovers(repo_.common_dir(), repo_.scratch_dir(), "O-1");
  EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_EQ(left.Wait(), 128 + SIGKILL);
  EXPECT_EQ(repo_.LeftOf("O-1"), "");
  EXPECT_THAT(repo_.Git("worktree list"), Not(HasSubstr("gates")));
}

TEST_F(GateLeftoversTest, LogsThatNobodyNamesAreRemoved) {
  for (const char* id : {"O-1", "O-2", "O-10.1"}) {
    GateRun run = Script("echo $COORDHUB_GATE");
    run.id = id;
    EXPECT_EQ(Do(run).end, End::kPassed);
  }
  PruneGateLogs(repo_.scratch_dir(), {"O-1", "O-10", "O-7"});
  EXPECT_EQ(repo_.Log("O-1").text, "O-1\n");
  EXPECT_EQ(repo_.Log("O-2").text, "");
  EXPECT_THAT(repo_.Log("O-10").text, EndsWith("O-10.1\n"));
}

}  // namespace
}  // namespace coordhub::operations
