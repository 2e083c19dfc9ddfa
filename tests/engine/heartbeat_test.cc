#include "hub/engine/heartbeat.h"

#include "agent/base/mutex.h"
#include "gtest/gtest.h"

namespace coordhub::engine {
namespace {

class Beats {
 public:
  void Count() {
    base::MutexLock lock(&mu_);
    ++count_;
    changed_.Signal();
  }
  int count() {
    base::MutexLock lock(&mu_);
    return count_;
  }
  void AwaitMoreThan(int count) {
    base::MutexLock lock(&mu_);
    while (count_ <= count) changed_.Wait(&mu_);
  }

 private:
  base::Mutex mu_;
  base::CondVar changed_;
  int count_ = 0;
};

TEST(HeartbeatTest, RestsUntilSomebodyDependsOnIt) {
  Beats beats;
  Heartbeat heartbeat(absl::Milliseconds(1), [&] { beats.Count(); });
  EXPECT_EQ(beats.count(), 0);
  for (int round = 0; round < 200; ++round) {
    const int before = beats.count();
    heartbeat.SetBeating(true);
    beats.AwaitMoreThan(before + 2);  // again and again
    heartbeat.SetBeating(false);
  }
  heartbeat.SetBeating(true);
  beats.AwaitMoreThan(beats.count());
  heartbeat.Stop();
  const int at_stop = beats.count();
  heartbeat.SetBeating(true);
  EXPECT_EQ(beats.count(), at_stop);
}

TEST(HeartbeatTest, BeatsAtOnceAfterARest) {
  Beats beats;
  // Were the first beat a period away, this would not end.
  Heartbeat heartbeat(absl::Hours(1), [&] { beats.Count(); });
  heartbeat.SetBeating(true);
  beats.AwaitMoreThan(0);
}

TEST(HeartbeatTest, StopsWhileItRests) {
  Heartbeat heartbeat(absl::Hours(1), [] {});
  heartbeat.Stop();
  heartbeat.Stop();
}

}  // namespace
}  // namespace coordhub::engine
