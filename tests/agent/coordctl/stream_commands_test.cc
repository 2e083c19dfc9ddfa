// Commands that stay: `watch`, `agent hold`, and `ticket next --wait`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/coordctl/app.h"
#include "agent/coordctl/commands/watch_printer.h"
#include "tests/agent/client/fake_hub.h"
#include "tests/support/child.h"
#include "tests/support/needs.h"

namespace coordhub::coordctl {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Streams : public testing::Test {
 protected:
  Streams() {
    std::string pattern = testing::TempDir() + "/streamsXXXXXX";
    dir_ = mkdtemp(pattern.data());
    hub_ = std::make_unique<agent::FakeHub>(dir_ + "/hub.sock");
    hub_->Start();
  }
  ~Streams() override {
    hub_.reset();
    std::filesystem::remove_all(dir_);
  }

  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"--endpoint", hub_->endpoint(), "--session", "chs_x", "--timeout", "60s"});
    std::ostringstream out;
    std::ostringstream err;
    Host host;
    host.directory = "/";
    host.out = &out;
    host.err = &err;
    host.clock = &clock_;
    host.ids = &ids_;
    const int code = RunCoordctl(host, arguments);
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  // The first column of what was printed.
  std::vector<std::string> FirstColumn() const {
    std::vector<std::string> column;
    for (const absl::string_view line : absl::StrSplit(out_, '\n', absl::SkipEmpty())) {
      column.emplace_back(line.substr(0, line.find('\t')));
    }
    return column;
  }

  // A process to be held for; not a copy of this one, which has threads.
  static test::Child StartChild() { return test::Child::Executing({"sleep", "infinity"}); }

  base::SystemClock clock_;
  base::SystemIdSource ids_;
  std::string dir_;
  std::unique_ptr<agent::FakeHub> hub_;
  std::string out_;
  std::string err_;
};

TEST_F(Streams, WatchPrintsEachEventOnceAcrossARestart) {
  hub_->Append(4);
  std::thread restarts([this] {
    hub_->AwaitWatches(1);
    hub_->Kill();
    hub_->Append(3);
    hub_->Start();
  });
  EXPECT_EQ(Run({"watch", "--from", "0", "--count", "7"}), 0) << err_;
  restarts.join();
  EXPECT_THAT(FirstColumn(), ElementsAre("1", "2", "3", "4", "5", "6", "7"));
}

TEST_F(Streams, WatchAsJsonSaysWhatEachLineIs) {
  hub_->Append(2);
  EXPECT_EQ(Run({"watch", "--from", "0", "--count", "2", "--json"}), 0);
  std::vector<std::string> members;
  for (const absl::string_view line : absl::StrSplit(out_, '\n', absl::SkipEmpty())) {
    members.push_back(json::parse(line).begin().key());
  }
  EXPECT_THAT(members, ElementsAre("opened", "event", "event"));
}

// The watch hears of its end only after what it has at hand.
TEST_F(Streams, NoMoreEventsArePrintedThanWereAskedFor) {
  std::ostringstream out;
  Host host;
  host.out = &out;
  host.clock = &clock_;
  Context context(host);
  WatchPrinter printer(&context, {.count = 2});
  pb::Event event;
  for (int revision = 1; revision <= 4; ++revision) {
    event.set_revision(revision);
    printer.OnEvent(event);
  }
  EXPECT_TRUE(printer.finished());
  out_ = out.str();
  EXPECT_THAT(FirstColumn(), ElementsAre("1", "2"));
}

TEST_F(Streams, WatchRefusesToSkipWhatWasCompacted) {
  hub_->Append(5);
  hub_->Compact(3);
  EXPECT_EQ(Run({"watch", "--from", "1"}), 4);
  EXPECT_THAT(err_, HasSubstr("REVISION_COMPACTED"));
}

TEST_F(Streams, WatchFromTheFirstEventSaysWhichOnesAreGone) {
  hub_->Append(5);
  hub_->Compact(3);
  EXPECT_EQ(Run({"watch", "--from", "0", "--count", "2"}), 0) << err_;
  EXPECT_THAT(FirstColumn(), ElementsAre("4", "5"));
  EXPECT_THAT(err_, HasSubstr("events up to revision 3 were compacted away"));
}

TEST_F(Streams, NextKeepsTheSessionAliveWhileItWaits) {
  EXPECT_EQ(Run({"ticket", "next", "--wait", "10m"}), 0) << err_;
  EXPECT_GE(hub_->keep_alives(), 1);
}

TEST_F(Streams, HoldEndsWithItsProcessAndLeavesIfAsked) {
  test::Child child = StartChild();
  std::thread kills([&] {
    hub_->AwaitKeepAlives(1);
    child.Kill();
  });
  EXPECT_EQ(Run({"agent", "hold", "--pid", absl::StrCat(child.pid()), "--leave"}), 0) << err_;
  kills.join();
  EXPECT_EQ(hub_->AwaitLeave(), absl::StrCat("process ", child.pid(), " ended"));
}

TEST_F(Streams, HoldSaysWhenTheSessionHasEnded) {
  test::Child child = StartChild();
  hub_->EndSessions();
  EXPECT_EQ(Run({"agent", "hold", "--pid", absl::StrCat(child.pid())}), 4);
  EXPECT_THAT(err_, HasSubstr("SESSION_ENDED"));
  child.Kill();
}

// The program itself, since it forks.
class Detached : public Streams {
 protected:
  // Holds the session in the foreground.
  test::Child StartHold(pid_t process) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment.
    const std::string program = absl::StrCat(std::getenv("COORDHUB_BINARY_DIR"), "/bin/coordctl");
    return test::Child::Executing({program, "--endpoint", hub_->endpoint(), "--session", "chs_x",
                                   "agent", "hold", "--pid", absl::StrCat(process)});
  }
  int RunProgram(const std::string& arguments) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment.
    const char* build = std::getenv("COORDHUB_BINARY_DIR");
    EXPECT_NE(build, nullptr) << "run by ctest";
    if (build == nullptr) return -1;
    const std::string command =
        absl::StrCat(build, "/bin/coordctl --endpoint ", hub_->endpoint(),
                     " --session chs_x --timeout 5s ", arguments, " 2>", dir_, "/err");
    const int status = system(command.c_str());  // NOLINT(concurrency-mt-unsafe)
    return WEXITSTATUS(status);
  }
};

TEST_F(Detached, HoldReturnsOnceTheSessionIsKeptAndGoesOnUntilTheProcessEnds) {
  test::Child child = StartChild();
  EXPECT_EQ(RunProgram(absl::StrCat("agent hold --detach --leave --pid ", child.pid())), 0);
  hub_->AwaitKeepAlives(1);
  child.Kill();
  EXPECT_EQ(hub_->AwaitLeave(), absl::StrCat("process ", child.pid(), " ended"));
}

// Whoever reads what it says may be gone: that does not end it.
TEST_F(Detached, HoldIgnoresAReaderThatIsGone) {
  COORDHUB_NEEDS(Proc());
  test::Child child = StartChild();
  const test::Child hold = StartHold(child.pid());
  hub_->AwaitKeepAlives(1);
  std::ifstream status(absl::StrCat("/proc/", hold.pid(), "/status"));
  uint64_t ignored = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.compare(0, 8, "SigIgn:\t") == 0) ignored = std::stoull(line.substr(8), nullptr, 16);
  }
  EXPECT_NE(ignored & (uint64_t{1} << (SIGPIPE - 1)), 0u);
  child.Kill();
}

TEST_F(Detached, HoldReportsAStartThatFails) {
  test::Child child = StartChild();
  child.Kill();
  EXPECT_EQ(RunProgram(absl::StrCat("agent hold --detach --pid ", child.pid())), 2);
  hub_->Kill();
  test::Child other = StartChild();
  EXPECT_EQ(RunProgram(absl::StrCat("--timeout 100ms agent hold --detach --pid ", other.pid())), 6);
}

// The program ends without taking anything down, but never before its answer is out.
TEST_F(Detached, WhatCannotBeWrittenWasNotDone) {
  for (const char* arguments : {"completion zsh", "--version", "ticket --help"}) {
    EXPECT_EQ(RunProgram(absl::StrCat(arguments, " >", dir_, "/out")), 0);
    EXPECT_GT(std::filesystem::file_size(dir_ + "/out"), 0u) << arguments;
    EXPECT_EQ(RunProgram(absl::StrCat(arguments, " >/dev/full")), 1) << arguments;
  }
  EXPECT_EQ(RunProgram(absl::StrCat("completion zsh | tail -n 1 >", dir_, "/out")), 0);
  std::string last;
  std::ifstream file(dir_ + "/out");
  std::getline(file, last);
  EXPECT_EQ(last, "compdef _coordctl coordctl");
}

}  // namespace
}  // namespace coordhub::coordctl
