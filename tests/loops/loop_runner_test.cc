#include "hub/loops/loop_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/manual_clock.h"
#include "agent/base/mutex.h"

namespace coordhub::loops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Real time; only a test that fails waits for so long.
constexpr absl::Duration kPatience = absl::Seconds(30);

// What a scripted loop did, and what it is to do; outlives the runner.
class Script {
 public:
  explicit Script(base::ManualClock* clock) : clock_(*clock) {}

  // ---- for the test ----
  void HangNext() {
    base::MutexLock lock(&mu_);
    hang_ = true;
  }
  void LetGo() {
    base::MutexLock lock(&mu_);
    hang_ = false;
    changed_.SignalAll();
  }
  void Then(std::function<Outcome()> work) {
    base::MutexLock lock(&mu_);
    work_ = std::move(work);
  }
  // Waits until `count` pieces of work have begun; their times since the clock's start, in seconds.
  std::vector<double> Begun(size_t count) {
    base::MutexLock lock(&mu_);
    while (times_.size() < count) {
      if (changed_.WaitWithTimeout(&mu_, kPatience)) break;
    }
    return times_;
  }
  std::vector<Cause> causes() {
    base::MutexLock lock(&mu_);
    return causes_;
  }
  bool finished() {
    base::MutexLock lock(&mu_);
    return finished_;
  }
  Waker waker() {
    base::MutexLock lock(&mu_);
    return waker_;
  }

  // ---- for the loop ----
  void OnBegin(Waker waker) {
    base::MutexLock lock(&mu_);
    waker_ = std::move(waker);
  }
  Outcome OnStep(Cause cause) {
    std::function<Outcome()> work;
    {
      base::MutexLock lock(&mu_);
      times_.push_back(absl::ToDoubleSeconds(clock_.Mono() - start_));
      causes_.push_back(cause);
      changed_.SignalAll();
      while (hang_) changed_.Wait(&mu_);
      work = work_;
    }
    return work ? work() : Outcome();
  }
  void OnFinish() {
    base::MutexLock lock(&mu_);
    finished_ = true;
  }

 private:
  base::ManualClock& clock_;
  const base::MonoTime start_ = clock_.Mono();
  base::Mutex mu_;
  base::CondVar changed_;
  bool hang_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  std::function<Outcome()> work_ ABSL_GUARDED_BY(mu_);
  Waker waker_ ABSL_GUARDED_BY(mu_);
  std::vector<double> times_ ABSL_GUARDED_BY(mu_);
  std::vector<Cause> causes_ ABSL_GUARDED_BY(mu_);
};

class ScriptedLoop final : public Loop {
 public:
  explicit ScriptedLoop(Script* script) : script_(*script) {}
  void Begin(Waker waker) override { script_.OnBegin(std::move(waker)); }
  Outcome Step(Cause cause) override { return script_.OnStep(cause); }
  void Finish() override { script_.OnFinish(); }

 private:
  Script& script_;
};

class Recorder final : public LoopListener {
 public:
  void OnLoop(const v1::Loop& loop) override {
    base::MutexLock lock(&mu_);
    states_[loop.loop_id()].push_back(loop.state());
    changed_.SignalAll();
  }
  // Waits until the last state told of a loop is this one.
  bool Saw(const std::string& loop_id, v1::Loop::State state) {
    base::MutexLock lock(&mu_);
    while (states_[loop_id].empty() || states_[loop_id].back() != state) {
      if (changed_.WaitWithTimeout(&mu_, kPatience)) return false;
    }
    return true;
  }
  std::vector<v1::Loop::State> Of(const std::string& loop_id) {
    base::MutexLock lock(&mu_);
    return states_[loop_id];
  }

 private:
  base::Mutex mu_;
  base::CondVar changed_;
  std::map<std::string, std::vector<v1::Loop::State>> states_ ABSL_GUARDED_BY(mu_);
};

class CapturingSink final : public base::LogSink {
 public:
  void Write(base::LogLevel, std::string_view line) override {
    base::MutexLock lock(&mu_);
    text_ += std::string(line) + "\n";
  }
  std::string text() {
    base::MutexLock lock(&mu_);
    return text_;
  }

 private:
  base::Mutex mu_;
  std::string text_ ABSL_GUARDED_BY(mu_);
};

class LoopRunnerTest : public ::testing::Test {
 protected:
  LoopRunnerTest() {
    base::SetLogSink(log_, base::LogLevel::kInfo);
    runner_.Subscribe(&recorder_);
  }
  ~LoopRunnerTest() override {
    for (auto& [id, script] : scripts_) script->LetGo();
    EXPECT_TRUE(runner_.Stop(absl::InfiniteDuration()));
    base::SetLogSink(nullptr, base::LogLevel::kInfo);
  }

  Script& Add(const std::string& id, absl::Duration interval) {
    auto& script = scripts_[id];
    script = std::make_unique<Script>(&clock_);
    runner_.Add({id, "The " + id, interval, std::make_unique<ScriptedLoop>(script.get())});
    return *script;
  }
  void Advance(absl::Duration time) {
    clock_.Advance(time);
    runner_.OnClockMoved();
  }
  v1::Loop Get(const std::string& id) {
    for (const v1::Loop& loop : runner_.List()) {
      if (loop.loop_id() == id) return loop;
    }
    ADD_FAILURE() << "no loop " << id;
    return {};
  }
  // Waits until the loop has ended so many steps.
  bool Stepped(const std::string& id, int64_t steps) {
    return Eventually([&] { return Get(id).step_count() >= steps; });
  }
  static bool Eventually(const std::function<bool()>& condition) {
    const base::SystemClock clock;
    const base::MonoTime deadline = clock.Mono() + kPatience;
    while (!condition()) {
      if (clock.Mono() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  // StepLoop, waited for.
  absl::StatusOr<v1::Loop> Step(const std::string& id) {
    base::Mutex mu;
    base::CondVar changed;
    std::optional<absl::StatusOr<v1::Loop>> result;
    runner_.Step(id, [&](const absl::StatusOr<v1::Loop>& loop) {
      base::MutexLock lock(&mu);
      result = loop;
      changed.SignalAll();
    });
    base::MutexLock lock(&mu);
    while (!result.has_value()) {
      if (changed.WaitWithTimeout(&mu, kPatience)) return absl::DeadlineExceededError("no answer");
    }
    return *result;
  }

  base::ManualClock clock_;
  std::shared_ptr<CapturingSink> log_ = std::make_shared<CapturingSink>();
  Recorder recorder_;
  std::map<std::string, std::unique_ptr<Script>> scripts_;
  LoopRunner runner_{{.workspace_id = "app", .clock = &clock_}};
};

TEST_F(LoopRunnerTest, EachLoopStepsAtOnceAndThenAtItsInterval) {
  Script& fast = Add("fast", absl::Seconds(15));
  Script& slow = Add("slow", absl::Seconds(60));
  runner_.Start();
  EXPECT_THAT(slow.Begun(1), ElementsAre(0));
  ASSERT_TRUE(Stepped("fast", 1));
  for (int i = 1; i <= 4; ++i) {
    Advance(absl::Seconds(15));
    ASSERT_TRUE(Stepped("fast", i + 1));
  }
  EXPECT_THAT(fast.Begun(5), ElementsAre(0, 15, 30, 45, 60));
  EXPECT_THAT(slow.Begun(2), ElementsAre(0, 60));
}

TEST_F(LoopRunnerTest, AHangShowsWithinTwoIntervals) {
  Script& script = Add("monitor", absl::Seconds(60));
  runner_.Start();
  ASSERT_TRUE(Stepped("monitor", 1));
  EXPECT_TRUE(recorder_.Saw("monitor", v1::Loop::STATE_RUNNING));
  script.HangNext();
  Advance(absl::Seconds(60));
  script.Begun(2);
  EXPECT_EQ(Get("monitor").state(), v1::Loop::STATE_RUNNING);
  EXPECT_FALSE(Get("monitor").has_next_step_time());
  EXPECT_EQ(runner_.ActiveLoops(), 1);

  Advance(absl::Seconds(60));
  ASSERT_EQ(Get("monitor").state(), v1::Loop::STATE_STALLED);
  EXPECT_EQ(Get("monitor").step_count(), 1);
  EXPECT_TRUE(recorder_.Saw("monitor", v1::Loop::STATE_STALLED));
  EXPECT_TRUE(Eventually([&] { return log_->text().find("\"STALLED\"") != std::string::npos; }));
  EXPECT_EQ(runner_.ActiveLoops(), 0);
  EXPECT_EQ(base::ReasonOf(Step("monitor").status()), v1::ERROR_REASON_LOOP_STATE);

  script.LetGo();
  EXPECT_TRUE(recorder_.Saw("monitor", v1::Loop::STATE_RUNNING));
  ASSERT_TRUE(Stepped("monitor", 3));  // what it missed, once
  EXPECT_THAT(script.Begun(3), ElementsAre(0, 60, 120));
  EXPECT_EQ(absl::Seconds(Get("monitor").last_step_duration().seconds()), absl::ZeroDuration());
}

TEST_F(LoopRunnerTest, OthersKeepTheirTimesWhileOneHangs) {
  Script& hung = Add("monitor", absl::Seconds(60));
  Script& other = Add("comms", absl::Seconds(15));
  runner_.Start();
  hung.Begun(1);
  ASSERT_TRUE(Stepped("comms", 1));
  ASSERT_TRUE(Stepped("monitor", 1));
  hung.HangNext();
  for (int i = 1; i <= 12; ++i) {
    Advance(absl::Seconds(15));
    if (i >= 4) hung.Begun(2);
    ASSERT_TRUE(Stepped("comms", i + 1)) << i;
  }
  EXPECT_THAT(other.Begun(13),
              ElementsAre(0, 15, 30, 45, 60, 75, 90, 105, 120, 135, 150, 165, 180));
  EXPECT_EQ(Get("monitor").state(), v1::Loop::STATE_STALLED);
  EXPECT_EQ(Get("comms").state(), v1::Loop::STATE_RUNNING);
  EXPECT_THAT(hung.Begun(2), ElementsAre(0, 60));
}

TEST_F(LoopRunnerTest, WhatThrowsFailsAndIsTriedAgain) {
  Script& script = Add("coordinator", absl::Seconds(30));
  script.Then([]() -> Outcome { throw std::runtime_error("the disk\nis gone"); });
  runner_.Start();
  ASSERT_TRUE(Stepped("coordinator", 1));
  EXPECT_TRUE(recorder_.Saw("coordinator", v1::Loop::STATE_FAILED));
  EXPECT_EQ(Get("coordinator").last_error(), "threw the disk is gone");
  EXPECT_EQ(Get("coordinator").failure_count(), 1);
  for (const int after : {1, 2, 4, 8}) {
    const int64_t steps = Get("coordinator").step_count();
    Advance(absl::Seconds(after));
    ASSERT_TRUE(Stepped("coordinator", steps + 1));
  }
  EXPECT_THAT(script.Begun(5), ElementsAre(0, 1, 3, 7, 15));
  script.Then([]() -> Outcome { throw 7; });
  Advance(absl::Seconds(15));
  ASSERT_TRUE(Stepped("coordinator", 6));
  EXPECT_EQ(Get("coordinator").last_error(), "threw something that says nothing");

  script.Then(nullptr);
  Advance(absl::Seconds(30));
  ASSERT_TRUE(Stepped("coordinator", 7));
  EXPECT_TRUE(recorder_.Saw("coordinator", v1::Loop::STATE_RUNNING));
  EXPECT_EQ(Get("coordinator").last_error(), "");
  EXPECT_EQ(Get("coordinator").failure_count(), 0);
}

TEST_F(LoopRunnerTest, AFailureIsToldOnceAndAnotherOneAgain) {
  Script& script = Add("comms", absl::Seconds(15));
  script.Then([] { return Outcome{.status = absl::InternalError("one")}; });
  runner_.Start();
  EXPECT_TRUE(recorder_.Saw("comms", v1::Loop::STATE_FAILED));
  Advance(absl::Seconds(1));
  ASSERT_TRUE(Stepped("comms", 2));
  script.Then([] { return Outcome{.status = absl::InternalError("two")}; });
  Advance(absl::Seconds(2));
  ASSERT_TRUE(Stepped("comms", 3));
  EXPECT_TRUE(Eventually([&] { return log_->text().find("two") != std::string::npos; }));
  const std::string text = log_->text();
  EXPECT_EQ(text.find("one"), text.rfind("one")) << text;
}

TEST_F(LoopRunnerTest, ANewsWakesALoopWithoutCountingAsAStep) {
  Script& script = Add("comms", absl::Seconds(15));
  runner_.Start();
  ASSERT_TRUE(Stepped("comms", 1));
  script.waker()(absl::Milliseconds(200));
  script.waker()(absl::Milliseconds(200));
  Advance(absl::Milliseconds(200));
  EXPECT_EQ(script.Begun(2).size(), 2u);
  Advance(absl::Milliseconds(14'800));
  ASSERT_TRUE(Stepped("comms", 2));
  EXPECT_THAT(script.causes(), ElementsAre(Cause::kTimer, Cause::kWakeUp, Cause::kTimer));
  EXPECT_THAT(script.Begun(3), ElementsAre(0, 0.2, 15));
}

TEST_F(LoopRunnerTest, PauseAndResume) {
  Script& script = Add("monitor", absl::Seconds(60));
  runner_.Start();
  ASSERT_TRUE(Stepped("monitor", 1));
  auto paused = runner_.Pause("monitor");
  ASSERT_TRUE(paused.ok());
  EXPECT_EQ(paused->state(), v1::Loop::STATE_PAUSED);
  EXPECT_FALSE(paused->has_next_step_time());
  EXPECT_EQ(runner_.Pause("monitor")->state(), v1::Loop::STATE_PAUSED);  // again
  EXPECT_TRUE(recorder_.Saw("monitor", v1::Loop::STATE_PAUSED));
  Advance(absl::Seconds(200));
  const auto stepped = Step("monitor");
  ASSERT_TRUE(stepped.ok()) << stepped.status();
  EXPECT_EQ(stepped->step_count(), 2);
  EXPECT_EQ(stepped->state(), v1::Loop::STATE_PAUSED);
  EXPECT_EQ(runner_.Resume("monitor")->state(), v1::Loop::STATE_RUNNING);
  EXPECT_EQ(runner_.Resume("monitor")->state(), v1::Loop::STATE_RUNNING);  // again
  ASSERT_TRUE(Stepped("monitor", 3));
  EXPECT_THAT(script.Begun(3), ElementsAre(0, 200, 200));
  EXPECT_THAT(script.causes(), ElementsAre(Cause::kTimer, Cause::kRequest, Cause::kTimer));
}

TEST_F(LoopRunnerTest, AStepThatIsAskedForBeginsAfterwards) {
  Script& script = Add("monitor", absl::Seconds(60));
  script.HangNext();
  runner_.Start();
  script.Begun(1);
  std::promise<absl::StatusOr<v1::Loop>> answer;
  runner_.Step("monitor",
               [&answer](const absl::StatusOr<v1::Loop>& loop) { answer.set_value(loop); });
  script.LetGo();
  const auto stepped = answer.get_future().get();
  ASSERT_TRUE(stepped.ok()) << stepped.status();
  EXPECT_EQ(stepped->step_count(), 2) << "the one that was under way is not the one asked for";
  EXPECT_THAT(script.causes(), ElementsAre(Cause::kTimer, Cause::kRequest));
}

TEST_F(LoopRunnerTest, AStepThatFailsIsAnAnswer) {
  Script& script = Add("monitor", absl::Seconds(60));
  runner_.Start();
  ASSERT_TRUE(Stepped("monitor", 1));
  script.Then([] { return Outcome{.status = absl::InternalError("no")}; });
  const auto stepped = Step("monitor");
  ASSERT_TRUE(stepped.ok()) << stepped.status();
  EXPECT_EQ(stepped->state(), v1::Loop::STATE_FAILED);
  EXPECT_EQ(stepped->last_error(), "no");
}

TEST_F(LoopRunnerTest, AnUnknownLoopIsRefused) {
  Add("monitor", absl::Seconds(60));
  runner_.Start();
  for (const absl::Status& status :
       {Step("no").status(), runner_.Pause("no").status(), runner_.Resume("no").status()}) {
    EXPECT_EQ(base::ReasonOf(status), v1::ERROR_REASON_LOOP_NOT_FOUND);
    EXPECT_EQ(base::MetadataOf(status, "loop_id"), "no");
  }
}

TEST_F(LoopRunnerTest, WaitingCallsAreBounded) {
  Script& script = Add("monitor", absl::Seconds(60));
  script.HangNext();
  runner_.Start();
  script.Begun(1);
  int answers = 0;
  for (int i = 0; i < 1024; ++i) {
    runner_.Step("monitor", [&answers](const absl::StatusOr<v1::Loop>& loop) {
      EXPECT_EQ(base::ReasonOf(loop.status()), v1::ERROR_REASON_HUB_DRAINING);
      ++answers;
    });
  }
  EXPECT_EQ(base::ReasonOf(Step("monitor").status()), v1::ERROR_REASON_OVERLOADED);
  EXPECT_EQ(answers, 0);
  runner_.Drain();
  EXPECT_EQ(answers, 1024);
  EXPECT_EQ(base::ReasonOf(Step("monitor").status()), v1::ERROR_REASON_HUB_DRAINING);
  EXPECT_EQ(base::ReasonOf(runner_.Pause("monitor").status()), v1::ERROR_REASON_HUB_DRAINING);
}

TEST_F(LoopRunnerTest, StopDoesNotWaitForAHangLongerThanItShould) {
  Script& hung = Add("monitor", absl::Seconds(60));
  Script& other = Add("comms", absl::Seconds(15));
  runner_.Start();
  ASSERT_TRUE(Stepped("monitor", 1));
  hung.HangNext();
  Advance(absl::Seconds(60));
  hung.Begun(2);
  EXPECT_FALSE(runner_.Stop(absl::ZeroDuration()));
  EXPECT_TRUE(Eventually([&] { return other.finished(); }));
  EXPECT_FALSE(hung.finished());
  EXPECT_FALSE(runner_.Stop(absl::ZeroDuration()));
  hung.LetGo();
  EXPECT_TRUE(runner_.Stop(absl::InfiniteDuration()));
  EXPECT_TRUE(hung.finished());
}

TEST_F(LoopRunnerTest, AListenerThatComesLateHearsHowThingsAre) {
  Script& script = Add("monitor", absl::Seconds(60));
  script.Then([] { return Outcome{.status = absl::InternalError("no")}; });
  runner_.Start();
  ASSERT_TRUE(recorder_.Saw("monitor", v1::Loop::STATE_FAILED));
  Recorder late;
  runner_.Subscribe(&late);
  EXPECT_TRUE(late.Saw("monitor", v1::Loop::STATE_FAILED));
  runner_.Unsubscribe(&late);
  ASSERT_TRUE(runner_.Pause("monitor").ok());
  EXPECT_TRUE(recorder_.Saw("monitor", v1::Loop::STATE_PAUSED));
  EXPECT_THAT(late.Of("monitor"), ElementsAre(v1::Loop::STATE_FAILED));
}

TEST_F(LoopRunnerTest, LoopsAreListedInOrderWithTheirTimes) {
  Add("monitor", absl::Seconds(60));
  Add("comms", absl::Seconds(15));
  runner_.Start();
  ASSERT_TRUE(Stepped("monitor", 1));
  ASSERT_TRUE(Stepped("comms", 1));
  const std::vector<v1::Loop> loops = runner_.List();
  ASSERT_EQ(loops.size(), 2u);
  EXPECT_EQ(loops[0].loop_id(), "comms");
  EXPECT_EQ(loops[1].loop_id(), "monitor");
  EXPECT_EQ(loops[1].title(), "The monitor");
  EXPECT_EQ(loops[1].interval().seconds(), 60);
  EXPECT_EQ(loops[1].last_step_time().seconds(), 1'753'790'400);
  EXPECT_EQ(loops[1].next_step_time().seconds(), 1'753'790'460);
  EXPECT_TRUE(loops[1].has_last_step_duration());
}

}  // namespace
}  // namespace coordhub::loops
