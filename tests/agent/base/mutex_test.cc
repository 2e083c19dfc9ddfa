#include "agent/base/mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "agent/base/clock.h"

namespace coordhub::base {
namespace {

struct Counter {
  Mutex mu;
  CondVar changed;
  int value ABSL_GUARDED_BY(mu) = 0;
};

TEST(Mutex, KeepsOthersOut) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        MutexLock lock(&counter.mu);
        ++counter.value;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  MutexLock lock(&counter.mu);
  EXPECT_EQ(counter.value, 20'000);
}

TEST(Mutex, TryLockFailsWhileHeld) {
  Mutex mu;
  mu.Lock();
  std::thread([&mu] {
    const bool locked = mu.TryLock();
    if (locked) mu.Unlock();
    EXPECT_FALSE(locked);
  }).join();
  mu.Unlock();
  const bool locked = mu.TryLock();
  EXPECT_TRUE(locked);
  if (locked) mu.Unlock();
}

TEST(CondVar, HandsOverBetweenThreads) {
  Counter counter;
  std::thread partner([&] {
    for (int i = 1; i < 200; i += 2) {
      MutexLock lock(&counter.mu);
      while (counter.value != i) counter.changed.Wait(&counter.mu);
      ++counter.value;
      counter.changed.SignalAll();
    }
  });
  for (int i = 0; i < 200; i += 2) {
    MutexLock lock(&counter.mu);
    while (counter.value != i) counter.changed.Wait(&counter.mu);
    ++counter.value;
    counter.changed.Signal();
  }
  partner.join();
  MutexLock lock(&counter.mu);
  EXPECT_EQ(counter.value, 200);
}

TEST(CondVar, TimesOutNoEarlierThanAsked) {
  const SystemClock clock;
  Counter counter;
  MutexLock lock(&counter.mu);
  const MonoTime start = clock.Mono();
  const MonoTime deadline = start + absl::Milliseconds(20);
  while (clock.Mono() < deadline) {
    if (counter.changed.WaitWithTimeout(&counter.mu, deadline - clock.Mono())) {
      EXPECT_GE(clock.Mono(), deadline);
    }
  }
  // Nothing to wait for is a timeout at once.
  EXPECT_TRUE(counter.changed.WaitWithTimeout(&counter.mu, absl::ZeroDuration()));
  EXPECT_TRUE(counter.changed.WaitWithTimeout(&counter.mu, -absl::InfiniteDuration()));
}

TEST(CondVar, AnEndlessTimeoutWaitsForTheSignal) {
  Counter counter;
  std::thread waker([&] {
    MutexLock lock(&counter.mu);
    counter.value = 1;
    counter.changed.Signal();
  });
  {
    MutexLock lock(&counter.mu);
    while (counter.value == 0) {
      EXPECT_FALSE(counter.changed.WaitWithTimeout(&counter.mu, absl::InfiniteDuration()));
    }
  }
  waker.join();
}

struct Pair {
  SharedMutex mu;
  int left ABSL_GUARDED_BY(mu) = 0;
  int right ABSL_GUARDED_BY(mu) = 0;
};

TEST(SharedMutex, LetsReadersInTogetherAndWritersAlone) {
  Pair pair;
  std::atomic<bool> torn{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        ReaderMutexLock lock(&pair.mu);
        if (pair.left != pair.right) torn = true;
      }
    });
  }
  for (int i = 0; i < 2000; ++i) {
    WriterMutexLock lock(&pair.mu);
    ++pair.left;
    ++pair.right;
  }
  for (auto& reader : readers) reader.join();
  EXPECT_FALSE(torn);

  ReaderMutexLock lock(&pair.mu);
  std::thread([&pair] { ReaderMutexLock together(&pair.mu); }).join();  // would hang if exclusive
}

}  // namespace
}  // namespace coordhub::base
