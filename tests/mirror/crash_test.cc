// The process ends before each change of the disk and around each commit, and the next one repairs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <string>

#include "absl/strings/str_split.h"
#include "hub/mirror/convergence_file.h"
#include "hub/mirror/tickets_file.h"
#include "tests/mirror/shared_state_fixture.h"
#include "tests/support/child.h"

namespace coordhub::mirror {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Ends the process, as kill -9 does, at the n-th step.
StepHook DieAt(int n) {
  auto left = std::make_shared<int>(n);
  return [left](std::string_view) {
    if ((*left)-- == 0) raise(SIGKILL);
  };
}

// One life of a hub in `home`. What its scripts have written is in `home`/written, a line a ticket.
class Life {
 public:
  Life(const std::string& home, RetireBy by, const StepHook& hook)
      : home_(home), hub_(&clock_, home + "/log") {
    hub_.hook = hook;
    MirrorOptions options;
    options.directory = home + "/shared_state";
    options.view = [this] { return hub_.view(); };
    options.decorate_agent = [](const core::View&, v1::Agent*) {};
    options.current_branch = [] { return std::string("main"); };
    options.on_mirrored = [](int64_t) {};
    options.ids = &ids_;
    options.submit = [this](std::unique_ptr<core::Command> command, const engine::Done& done) {
      hub_.Submit(std::move(command), done);
    };
    options.rounds = [this](const core::View&) {
      std::vector<v1::Round> rounds(round_open_ ? 1 : 0);
      for (v1::Round& round : rounds) {
        round.set_round_id("C-1");
        round.set_state(v1::Round::STATE_OPEN);
        round.set_target("main");
      }
      return rounds;
    };
    options.hook = hook;
    options.retire_by = by;
    mirror_ = std::make_unique<Mirror>(options, &clock_);
  }

  void Run(absl::Duration time) {
    const base::MonoTime end = clock_.Mono() + time;
    while (clock_.Mono() < end) {
      mirror_->Step();
      clock_.Advance(absl::Milliseconds(500));
    }
  }

  void Append(const std::string& name, const std::string& line) {
    std::ofstream(home_ + "/shared_state/" + name, std::ios::app) << line << "\n";
    std::ofstream(home_ + "/written", std::ios::app) << line << "\n";
  }

  // Everything that may be interrupted.
  void Work() {
    Run(absl::Seconds(1));
    Append("tickets.md", "appended");
    Append("inbox/dropped", "dropped");
    round_open_ = true;
    std::ofstream late(home_ + "/shared_state/tickets.md", std::ios::app);
    Run(absl::Seconds(2));
    late << "late\n" << std::flush;
    std::ofstream(home_ + "/written", std::ios::app) << "late\n";
    Run(absl::Seconds(1));
    late.close();
    round_open_ = false;
    hub_.Create("made");
    std::ofstream(home_ + "/written", std::ios::app) << "made\n";
    Append("tickets.md", "appended again");
    Run(absl::Seconds(4));
    mirror_->Finish();
  }

  const FakeHub& hub() const { return hub_; }
  const Mirror& mirror() const { return *mirror_; }

 private:
  const std::string home_;
  base::ManualClock clock_;
  base::SystemIdSource ids_;
  FakeHub hub_;
  bool round_open_ = false;
  std::unique_ptr<Mirror> mirror_;
};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::map<std::string, int> CountLines(const std::string& text) {
  std::map<std::string, int> lines;
  for (const auto& line : absl::StrSplit(text, '\n', absl::SkipEmpty())) ++lines[std::string(line)];
  return lines;
}

// Runs `work` in a process of its own. False: it was killed.
template <class Work>
bool Survives(Work work) {
  test::Child child = test::Child::Running([&work] {
    work();
    return ::testing::Test::HasFailure() ? 3 : 0;
  });
  const int code = child.Wait();
  if (code == 128 + SIGKILL) return false;
  EXPECT_EQ(code, 0);
  return true;
}

class CrashTest : public ::testing::TestWithParam<RetireBy> {
 protected:
  // Each old or new, but whole.
  void ExpectWholeFiles(const std::string& home) {
    ExpectWholeTickets(home);
    const std::string status = ReadAll(home + "/shared_state/status.md");
    if (!status.empty()) {
      EXPECT_THAT(status, StartsWith("# Current State Across Conversations\n\n## System State\n"));
      EXPECT_THAT(status,
                  AnyOf(EndsWith("\n## Round\n- none\n"), ContainsRegex("\n## Round\n- C-1.*\n$")));
    }
    const std::string convergence = ReadAll(home + "/shared_state/convergence.md");
    if (!convergence.empty()) {
      EXPECT_TRUE(IsRenderedConvergence(convergence)) << convergence;
      EXPECT_THAT(convergence, EndsWith("\n### Blockers\n- none\n"));
    }
    for (const char* name : {"status.md", "convergence.md"}) {
      const fs::path path = home + "/shared_state/" + name;
      EXPECT_TRUE(!fs::exists(path) || fs::file_size(path) > 0) << name;
    }
  }
  // Complete lines, ours or those that scripts wrote.
  void ExpectWholeTickets(const std::string& home) {
    const std::string text = ReadAll(home + "/shared_state/tickets.md");
    EXPECT_TRUE(text.empty() || text.back() == '\n') << text;
    const auto written = CountLines(ReadAll(home + "/written"));
    for (const auto& [line, count] : CountLines(text)) {
      EXPECT_TRUE(IsTicketLine(line) || written.count(line) == 1) << line;
    }
  }

  void ExpectRepaired(const std::string& home) {
    Life life(home, GetParam(), nullptr);
    life.Run(absl::Seconds(20));
    EXPECT_EQ(life.mirror().problem(), "");
    EXPECT_EQ(life.hub().Titles(), CountLines(ReadAll(home + "/written")));
    EXPECT_EQ(ReadAll(home + "/shared_state/tickets.md"),
              RenderTickets(*life.hub().view(), absl::UTCTimeZone()));
    std::vector<std::string> leftovers;
    for (const auto& entry : fs::directory_iterator(home + "/shared_state")) {
      const std::string name = entry.path().filename().string();
      if (name != "tickets.md" && name != "status.md" && name != "inbox") leftovers.push_back(name);
    }
    EXPECT_THAT(leftovers, IsEmpty());
  }
};

TEST_P(CrashTest, AKillAtAnyStepLosesAndDoublesNothing) {
  bool ended = false;
  int step = 0;
  for (; !ended && !HasFailure(); ++step) {
    SCOPED_TRACE("killed at step " + std::to_string(step));
    const base::TempDir home;
    ended = Survives([&] { Life(home.path(), GetParam(), DieAt(step)).Work(); });
    ExpectWholeFiles(home.path());
    // The repair is killed, too.
    Survives([&] { Life(home.path(), GetParam(), DieAt(step * 7 % 23)).Run(absl::Seconds(10)); });
    ExpectWholeFiles(home.path());
    ExpectRepaired(home.path());
  }
  EXPECT_GT(step, 50) << "the steps are those of the whole life";
}

INSTANTIATE_TEST_SUITE_P(By, CrashTest,
                         ::testing::Values(RetireBy::kExchange, RetireBy::kLink, RetireBy::kRename),
                         [](const auto& tested) {
                           return tested.param == RetireBy::kExchange ? "Exchange"
                                  : tested.param == RetireBy::kLink   ? "Link"
                                                                      : "Rename";
                         });

}  // namespace
}  // namespace coordhub::mirror
