// What the three loops write: word for word what the scripts before them wrote of the same state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/manual_clock.h"
#include "hub/git/observer.h"
#include "hub/loops/comms_loop.h"
#include "hub/loops/coordinator_loop.h"
#include "hub/loops/monitor_loop.h"
#include "tests/git/scratch_repository.h"
#include "tests/loops/fake_broadcaster.h"
#include "tests/mirror/view_builder.h"

namespace coordhub::loops {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string Content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class ThreeLoopsTest : public ::testing::Test {
 protected:
  ThreeLoopsTest() {
    repository_.InitWithCommit();
    repository_.Write("../repo/.git/info/exclude", "/shared_state\n");
  }

  // One round of a script of the time before the hub, at the clock's time; what it logged.
  std::string Script(const std::string& function, const std::string& file,
                     const std::string& log) const {
    const char* source = std::getenv("COORDHUB_SOURCE_DIR");
    const std::string script =
        std::string(source == nullptr ? "." : source) + "/tests/e2e/seed/" + file;
    const std::string place = repository_.Beside("script");
    fs::create_directory(place);
    std::ofstream(place + "/run.sh")
        << "date() { echo '2025-07-29 12:00:00'; }\n"  // the ManualClock's
        << "sleep() { exit 0; }\n"
        << "source <(sed 's#/tmp/#" << place << "/#g' '" << script << "')\n"
        << function << "; wait\n";
    repository_.Run("bash '" + place + "/run.sh'");
    return Content(place + "/" + log);
  }

  // shared_state/ as the hub keeps it, with so many lines.
  void SharedState(int tickets) {
    std::string lines;
    for (int n = 1; n <= tickets; ++n) {
      lines += "- [2025-07-29 12:00:00] ticket: T-" + std::to_string(n) + " OPEN p2 work\n";
      view_.Ticket(n, v1::Ticket::STATE_OPEN, "work");
    }
    view_.Ticket(100, v1::Ticket::STATE_DONE, "done");
    repository_.Write("shared_state/tickets.md", lines);
    repository_.Write("shared_state/status.md", "# Current State Across Conversations\n");
  }

  git::Observer& observer() {
    if (observer_ == nullptr) {
      auto opened =
          git::Observer::Open(repository_.common_dir(),
                              {.on_change = [this] { git_changed_.Ring(); }, .clock = &clock_});
      EXPECT_TRUE(opened.ok()) << opened.status();
      observer_ = *std::move(opened);
    }
    return *observer_;
  }

  std::unique_ptr<MonitorLoop> Monitor() {
    MonitorOptions options;
    options.log_path = log("background_monitor.log");
    options.common_dir = repository_.common_dir();
    options.shared_state = repository_.top() + "/shared_state";
    options.view = [this] { return view_.Build(); };
    options.observer = &observer();
    options.clock = &clock_;
    return std::make_unique<MonitorLoop>(std::move(options));
  }
  std::unique_ptr<CoordinatorLoop> Coordinator() {
    CoordinatorOptions options;
    options.log_path = log("conversation_coordinator.log");
    options.shared_state = repository_.top() + "/shared_state";
    options.view = [this] { return view_.Build(); };
    options.observer = &observer();
    options.clock = &clock_;
    options.git_changed = &git_changed_;
    options.broadcaster = &broadcaster_;
    options.record = [this](const git::ObservationPtr& seen) {
      recorded_.push_back(seen);
      return record_status_;
    };
    options.compare = compare_;
    return std::make_unique<CoordinatorLoop>(std::move(options));
  }
  std::unique_ptr<CommsLoop> Comms() {
    mirror::MirrorOptions mirror;
    mirror.directory = repository_.top() + "/shared_state";
    mirror.view = [this] { return view_.Build(); };
    mirror.decorate_agent = [](const core::View&, v1::Agent*) {};
    mirror.current_branch = [] { return std::string("main"); };
    mirror.ids = &ids_;
    mirror.submit = [](std::unique_ptr<core::Command>, const engine::Done& done) {
      done(absl::InternalError("nothing is to be imported here"));
    };
    mirror.on_mirrored = [](int64_t) {};
    CommsOptions options;
    options.log_path = log("communication_daemon.log");
    options.view = [this] {
      core::View view = *view_.Build();
      view.last_ticket_number = last_ticket_;
      return std::make_shared<const core::View>(std::move(view));
    };
    options.broadcaster = &broadcaster_;
    options.clock = &clock_;
    options.mirror = std::make_unique<mirror::Mirror>(std::move(mirror), &clock_);
    return std::make_unique<CommsLoop>(std::move(options));
  }

  std::string log(const std::string& name) const { return repository_.Beside("logs/" + name); }

  const git::ScratchRepository repository_;
  base::ManualClock clock_;
  std::unique_ptr<git::Observer> observer_;
  base::SequenceIdSource ids_{1};
  Bell git_changed_;
  FakeBroadcaster broadcaster_;
  mirror::ViewBuilder view_;
  int64_t last_ticket_ = 0;
  std::vector<git::ObservationPtr> recorded_;
  absl::Status record_status_;
  std::function<absl::StatusOr<bool>(const git::ObservationPtr&)> compare_;
};

TEST_F(ThreeLoopsTest, TheMonitorWritesWhatTheScriptWrote) {
  SharedState(3);
  repository_.Write("file", "changed\n");
  repository_.Write("new", "file\n");
  repository_.Git("switch -q -c conversation-7");
  const auto outcome = Monitor()->Step(Cause::kTimer);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  const std::string written = Content(log("background_monitor.log"));
  EXPECT_EQ(written, Script("start_background_monitoring", "background_monitor.sh",
                            "background_monitor.log"));
  EXPECT_EQ(written,
            "[2025-07-29 12:00:00] System Status Check\n"
            "  - Git status: 2 files changed\n"
            "  - Working directory: " +
                repository_.top() +
                "\n"
                "  - Current branch: conversation-7\n"
                "  - Shared state directory: EXISTS\n"
                "  - Tickets pending: 3\n");
}

TEST_F(ThreeLoopsTest, TheMonitorOfADetachedWorktreeWithoutSharedState) {
  repository_.Git("switch -q --detach");
  ASSERT_TRUE(Monitor()->Step(Cause::kRequest).status.ok());
  const std::string written = Content(log("background_monitor.log"));
  EXPECT_EQ(written, Script("start_background_monitoring", "background_monitor.sh",
                            "background_monitor.log"));
  EXPECT_THAT(written, HasSubstr("  - Current branch: \n"));
}

TEST_F(ThreeLoopsTest, TheCoordinatorWritesWhatTheScriptWrote) {
  SharedState(3);
  for (const char* branch : {"conversation-1", "conversation-2", "task-9", "other"}) {
    repository_.Git(std::string("branch ") + branch);
  }
  auto coordinator = Coordinator();
  ASSERT_TRUE(coordinator->Step(Cause::kTimer).status.ok());
  std::string written = Content(log("conversation_coordinator.log"));
  EXPECT_EQ(written, Script("start_conversation_coordinator", "conversation_coordinator.sh",
                            "conversation_coordinator.log"));
  EXPECT_EQ(written,
            "[2025-07-29 12:00:00] Conversation Coordinator Check\n"
            "  - Active tickets: 3\n"
            "  - Active conversation branches: 3\n");

  repository_.Write("shared_state/convergence.md", "# Convergence\n");
  ASSERT_TRUE(coordinator->Step(Cause::kTimer).status.ok());
  written = Content(log("conversation_coordinator.log"));
  EXPECT_EQ(written, Script("start_conversation_coordinator", "conversation_coordinator.sh",
                            "conversation_coordinator.log"));
  EXPECT_THAT(written, HasSubstr("  - Convergence coordination: ACTIVE\n"));
}

TEST_F(ThreeLoopsTest, TheCoordinatorWithoutSharedState) {
  ASSERT_TRUE(Coordinator()->Step(Cause::kTimer).status.ok());
  EXPECT_EQ(Content(log("conversation_coordinator.log")),
            Script("start_conversation_coordinator", "conversation_coordinator.sh",
                   "conversation_coordinator.log"));
}

// `grep -c … || echo 0` printed a stray second line when there were none.
TEST_F(ThreeLoopsTest, NoTicketsAreOneZero) {
  SharedState(0);
  ASSERT_TRUE(Coordinator()->Step(Cause::kTimer).status.ok());
  EXPECT_THAT(Content(log("conversation_coordinator.log")),
              HasSubstr("  - Active tickets: 0\n  - Active conversation"));
}

TEST_F(ThreeLoopsTest, TheDaemonWritesWhatTheScriptWrote) {
  auto comms = Comms();
  SharedState(2);
  last_ticket_ = 2;
  const std::string before =
      Script("start_communication_daemon", "communication_daemon.sh", "communication_daemon.log");
  comms->Begin([](absl::Duration) {});
  const Outcome outcome = comms->Step(Cause::kTimer);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(Content(log("communication_daemon.log")), before);
  EXPECT_EQ(before,
            "[2025-07-29 12:00:00] Processing 2 new tickets\n"
            "[2025-07-29 12:00:00] Updating shared status\n");
  comms->Finish();
}

TEST_F(ThreeLoopsTest, TheDaemonTellsOfEachTicketOnce) {
  last_ticket_ = 5;  // made before it started
  auto comms = Comms();
  comms->Begin([](absl::Duration) {});
  ASSERT_TRUE(comms->Step(Cause::kTimer).status.ok());
  last_ticket_ = 8;
  clock_.Advance(absl::Seconds(15));
  ASSERT_TRUE(comms->Step(Cause::kTimer).status.ok());
  clock_.Advance(absl::Seconds(15));
  ASSERT_TRUE(comms->Step(Cause::kTimer).status.ok());
  EXPECT_EQ(Content(log("communication_daemon.log")),
            "[2025-07-29 12:00:00] Updating shared status\n"
            "[2025-07-29 12:00:15] Processing 3 new tickets\n"
            "[2025-07-29 12:00:15] Updating shared status\n"
            "[2025-07-29 12:00:30] Updating shared status\n");
  EXPECT_THAT(Content(repository_.top() + "/shared_state/status.md"),
              HasSubstr("- Last update: 2025-07-29 12:00:30\n"));
  comms->Finish();
}

TEST_F(ThreeLoopsTest, WakeUpsWriteNothing) {
  SharedState(1);
  auto monitor = Monitor();
  auto coordinator = Coordinator();
  auto comms = Comms();
  comms->Begin([](absl::Duration) {});
  for (Loop* loop : std::vector<Loop*>{monitor.get(), coordinator.get(), comms.get()}) {
    EXPECT_TRUE(loop->Step(Cause::kWakeUp).status.ok());
  }
  EXPECT_FALSE(fs::exists(repository_.Beside("logs")));
  comms->Finish();
}

// How often a loop was woken.
class Wakes {
 public:
  Waker waker() {
    return [this](absl::Duration) {
      base::MutexLock lock(&mu_);
      ++count_;
      changed_.SignalAll();
    };
  }
  bool WaitFor(int count) {
    base::MutexLock lock(&mu_);
    while (count_ < count) {
      if (changed_.WaitWithTimeout(&mu_, absl::Seconds(30))) return false;
    }
    return true;
  }
  int count() {
    base::MutexLock lock(&mu_);
    return count_;
  }

 private:
  base::Mutex mu_;
  base::CondVar changed_;
  int count_ ABSL_GUARDED_BY(mu_) = 0;
};

TEST_F(ThreeLoopsTest, TheCoordinatorRecordsWhatGitOrAgentsChanged) {
  auto coordinator = Coordinator();
  Wakes woken;
  coordinator->Begin(woken.waker());
  ASSERT_TRUE(coordinator->Step(Cause::kTimer).status.ok());
  EXPECT_EQ(recorded_.size(), 1u);
  repository_.Git("branch conversation-1");
  for (int wakes = 1; recorded_.back()->FindBranch("conversation-1") == nullptr; ++wakes) {
    ASSERT_TRUE(woken.WaitFor(wakes));
    ASSERT_TRUE(coordinator->Step(Cause::kWakeUp).status.ok());
  }
  coordinator->Finish();
}

// What takes long is compared in slices, between which it looks at git again.
TEST_F(ThreeLoopsTest, TheCoordinatorComparesUntilNothingIsLeft) {
  std::vector<git::ObservationPtr> compared;
  compare_ = [&](const git::ObservationPtr& seen) -> absl::StatusOr<bool> {
    compared.push_back(seen);
    return compared.size() < 3;
  };
  auto coordinator = Coordinator();
  Outcome outcome = coordinator->Step(Cause::kTimer);
  while (outcome.next != base::MonoTime::InfiniteFuture()) {
    ASSERT_LE(outcome.next, clock_.Mono()) << "at once";
    outcome = coordinator->Step(Cause::kWakeUp);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  }
  EXPECT_EQ(compared.size(), 3u);
  EXPECT_EQ(recorded_.size(), 3u);
  coordinator->Step(Cause::kWakeUp);
  EXPECT_EQ(compared.size(), 3u) << "nothing is new";
}

TEST_F(ThreeLoopsTest, ACoordinatorThatCannotCompareHasFailed) {
  compare_ = [](const git::ObservationPtr&) { return absl::InternalError("damaged"); };
  EXPECT_FALSE(Coordinator()->Step(Cause::kTimer).status.ok());
}

// A repository in which nothing happens.
class QuietObserver final : public git::Observer {
 public:
  absl::StatusOr<git::ObservationPtr> ObserveHeads() override {
    return std::make_shared<git::Observation>();
  }
  absl::StatusOr<git::ObservationPtr> Observe() override { return ObserveHeads(); }
  git::ObservationPtr latest() const override { return nullptr; }
};

// Moves that come while the first one is held back make one record.
TEST_F(ThreeLoopsTest, AHeadThatMovesAgainSoonIsRecordedOnce) {
  repository_.Git("branch conversation-1");
  std::atomic<int> told{0};
  git::ObserverOptions options;
  options.on_change = [&] {
    ++told;
    git_changed_.Ring();
  };
  options.coalesce = absl::Seconds(3);
  options.clock = &clock_;
  auto opened = git::Observer::Open(repository_.common_dir(), std::move(options));
  ASSERT_TRUE(opened.ok()) << opened.status();
  observer_ = *std::move(opened);
  ASSERT_TRUE(observer_->Observe().ok());
  while (told < 1) std::this_thread::yield();  // of the first count
  auto coordinator = Coordinator();
  Wakes woken;
  coordinator->Begin(woken.waker());
  ASSERT_TRUE(coordinator->Step(Cause::kTimer).status.ok());
  int wakes = 0;
  const auto work_if_woken = [&] {
    const int now = woken.count();
    if (std::exchange(wakes, now) == now) return;
    ASSERT_TRUE(coordinator->Step(Cause::kWakeUp).status.ok());
  };
  for (const char* message : {"1", "2", "3"}) {
    repository_.Run(std::string("git update-ref refs/heads/conversation-1 $(git commit-tree -p ") +
                    "conversation-1 -m " + message + " conversation-1^{tree})");
    work_if_woken();
  }
  ASSERT_TRUE(woken.WaitFor(wakes + 1));
  work_if_woken();
  std::vector<std::string> heads;
  for (const git::ObservationPtr& seen : recorded_)
    heads.push_back(seen->FindBranch("conversation-1")->branch.commit());
  heads.erase(std::unique(heads.begin(), heads.end()), heads.end());
  EXPECT_THAT(heads, ::testing::ElementsAre(repository_.Git("rev-parse main"),
                                            repository_.Git("rev-parse conversation-1")));
  coordinator->Finish();
}

// Reading a repository hangs now and then (a network file system): who reads it hangs with it, and
// nobody else does.
TEST_F(ThreeLoopsTest, ALookThatHangsKeepsNobodyElseFromHisSteps) {
  base::Mutex mu;
  base::CondVar changed;
  bool hangs = false;
  bool hanging = false;
  git::ObserverOptions options;
  options.agent_branches = [&] {
    base::MutexLock lock(&mu);
    hanging = hangs;
    changed.SignalAll();
    while (hangs) changed.Wait(&mu);
    return std::vector<std::string>();
  };
  options.patience = absl::Milliseconds(10);
  options.clock = &clock_;
  auto opened = git::Observer::Open(repository_.common_dir(), std::move(options));
  ASSERT_TRUE(opened.ok()) << opened.status();
  observer_ = *std::move(opened);
  auto monitor = Monitor();
  auto coordinator = Coordinator();
  while (!monitor->Step(Cause::kTimer).status.ok()) continue;  // until the files are counted
  {
    base::MutexLock lock(&mu);
    hangs = true;
  }
  std::thread hung([&] { EXPECT_TRUE(coordinator->Step(Cause::kTimer).status.ok()); });
  {
    base::MutexLock lock(&mu);
    while (!hanging) changed.Wait(&mu);
  }
  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(monitor->Step(Cause::kTimer).status.ok());
  EXPECT_THAT(Content(log("background_monitor.log")),
              HasSubstr("[2025-07-29 12:01:00] System Status Check\n"
                        "  - Git status: 0 files changed\n"));
  {
    base::MutexLock lock(&mu);
    hangs = false;
    changed.SignalAll();
  }
  hung.join();
}

TEST_F(ThreeLoopsTest, TheCoordinatorRecordsWhatAgentsRegistered) {
  observer_ = std::make_unique<QuietObserver>();
  auto coordinator = Coordinator();
  Wakes woken;
  coordinator->Begin(woken.waker());
  ASSERT_TRUE(coordinator->Step(Cause::kTimer).status.ok());
  EXPECT_EQ(recorded_.size(), 1u);
  view_.Revision(7);
  broadcaster_.Publish(7);  // an event that is no agent's
  EXPECT_EQ(woken.count(), 1);
  ASSERT_TRUE(coordinator->Step(Cause::kWakeUp).status.ok());
  EXPECT_EQ(recorded_.size(), 1u);
  view_.Revision(8).Agent("conversation-9", "feature/x");
  broadcaster_.Publish(8);
  EXPECT_EQ(woken.count(), 2);
  ASSERT_TRUE(coordinator->Step(Cause::kWakeUp).status.ok());
  EXPECT_EQ(recorded_.size(), 2u);
  coordinator->Finish();
  git_changed_.Ring();
  EXPECT_EQ(broadcaster_.listener_count(), 0u);
}

TEST_F(ThreeLoopsTest, WhatCannotBeRecordedFails) {
  record_status_ = absl::InternalError("no");
  EXPECT_EQ(Coordinator()->Step(Cause::kTimer).status, record_status_);
  EXPECT_FALSE(fs::exists(log("conversation_coordinator.log")));
}

TEST_F(ThreeLoopsTest, ALogThatCannotBeWrittenFailsTheStepAndHeals) {
  fs::create_directory(repository_.Beside("logs"));
  fs::create_symlink("/dev/null", log("background_monitor.log"));
  auto monitor = Monitor();
  EXPECT_THAT(std::string(monitor->Step(Cause::kTimer).status.message()),
              HasSubstr("it is a symbolic link"));
  fs::remove(log("background_monitor.log"));
  EXPECT_TRUE(monitor->Step(Cause::kTimer).status.ok());
}

TEST_F(ThreeLoopsTest, ASharedStateThatCannotBeWrittenFailsTheDaemonAndHeals) {
  repository_.Write("shared_state", "a file\n");
  auto comms = Comms();
  comms->Begin([](absl::Duration) {});
  const Outcome failed = comms->Step(Cause::kTimer);
  EXPECT_FALSE(failed.status.ok());
  EXPECT_EQ(std::string(failed.status.message()), comms->MirrorProblem());
  EXPECT_EQ(failed.next - clock_.Mono(), absl::Seconds(1));
  fs::remove(repository_.top() + "/shared_state");
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(comms->Step(Cause::kTimer).status.ok());
  EXPECT_EQ(comms->MirrorProblem(), "");
  comms->Finish();
}

TEST_F(ThreeLoopsTest, ARepositoryThatIsGoneFails) {
  auto monitor = Monitor();
  fs::rename(repository_.top(), repository_.Beside("elsewhere"));
  EXPECT_FALSE(monitor->Step(Cause::kTimer).status.ok());
  EXPECT_FALSE(fs::exists(log("background_monitor.log")));
}

}  // namespace
}  // namespace coordhub::loops
