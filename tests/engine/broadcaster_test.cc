#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/base/manual_clock.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/event_service.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hub/engine/event_codec.h"
#include "hub/engine/ring_broadcaster.h"

namespace coordhub::engine {
namespace {

using ::testing::ElementsAre;

EncodedEvent MakeEvent(int64_t revision, int64_t commit_revision, const std::string& label = "") {
  auto event = std::make_shared<v1::Event>();
  event->set_revision(revision);
  event->set_commit_revision(commit_revision);
  event->set_kind(v1::EVENT_KIND_TICKET_CREATED);
  v1::Ticket* ticket = event->add_changes()->mutable_ticket();
  ticket->set_ticket_id("T-" + std::to_string(revision));
  if (!label.empty()) ticket->add_labels(label);
  return Encode(std::move(event));
}

std::vector<int64_t> Revisions(const std::vector<EncodedEvent>& events) {
  std::vector<int64_t> revisions;
  for (const EncodedEvent& event : events) revisions.push_back(event.event->revision());
  return revisions;
}

// Reads like a watcher does: all there is, then arms and waits to be woken.
class Follower : public EventListener {
 public:
  Follower(RingBroadcaster* ring, int64_t cursor) : ring_(ring), cursor_(cursor) {
    ring_->Register(this);
    Read();
  }
  ~Follower() override { ring_->Unregister(this); }

  void OnEvents() override {
    EXPECT_FALSE(in_call_.exchange(true)) << "called twice at once";
    Read();
    in_call_ = false;
  }

  std::vector<int64_t> WaitFor(int64_t revision) {
    base::MutexLock lock(&mu_);
    while (cursor_ < revision && !behind_) changed_.Wait(&mu_);
    return seen_;
  }
  // What takes place whenever it reads.
  void set_during(std::function<void()> during) {
    base::MutexLock lock(&mu_);
    during_ = std::move(during);
  }
  // On which thread it read up to there.
  std::thread::id ReaderOf(int64_t revision) {
    WaitFor(revision);
    base::MutexLock lock(&mu_);
    return reader_;
  }

 private:
  void Read() {
    base::MutexLock lock(&mu_);
    reader_ = std::this_thread::get_id();
    if (during_) during_();
    while (true) {
      const Broadcaster::ReadResult read = ring_->Read(cursor_, filter_, 7, 1 << 20);
      if (read.found == Broadcaster::Found::kBehind) {
        behind_ = true;
        return;
      }
      if (read.found == Broadcaster::Found::kCaughtUp) break;
      for (const int64_t revision : Revisions(read.events)) seen_.push_back(revision);
      cursor_ = read.scanned;
    }
    changed_.SignalAll();
    ring_->Arm(this, cursor_);
  }

  RingBroadcaster* const ring_;
  const core::Filter filter_;
  std::atomic<bool> in_call_{false};
  base::Mutex mu_;
  std::function<void()> during_ ABSL_GUARDED_BY(mu_);
  std::thread::id reader_ ABSL_GUARDED_BY(mu_);
  base::CondVar changed_;
  int64_t cursor_ ABSL_GUARDED_BY(mu_);
  bool behind_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<int64_t> seen_ ABSL_GUARDED_BY(mu_);
};

class RingBroadcasterTest : public ::testing::Test {
 protected:
  // Commits that come later than this after the one before have their round on the lent thread, as
  // long as rounds take no time.
  void Pause() { clock_.Advance(absl::Milliseconds(1)); }

  base::ManualClock clock_;
};

TEST_F(RingBroadcasterTest, EveryFollowerSeesEachRevisionOnceInOrder) {
  constexpr int64_t kEvents = 5000;
  RingBroadcaster ring(0, 100000, 64 << 20, &clock_);
  std::vector<std::unique_ptr<Follower>> followers;
  followers.push_back(std::make_unique<Follower>(&ring, 0));
  std::thread publisher([&ring] {
    for (int64_t r = 1; r <= kEvents; r += 5) {
      std::vector<EncodedEvent> commit;
      for (int64_t i = r; i < r + 5; ++i) commit.push_back(MakeEvent(i, r + 4));
      ring.Publish(commit);
    }
  });
  // Come while it is busy: creating a watch drops nothing.
  for (int i = 0; i < 50; ++i) followers.push_back(std::make_unique<Follower>(&ring, 0));
  publisher.join();
  for (auto& follower : followers) {
    const std::vector<int64_t> seen = follower->WaitFor(kEvents);
    ASSERT_EQ(seen.size(), static_cast<size_t>(kEvents));
    for (int64_t i = 0; i < kEvents; ++i) ASSERT_EQ(seen[static_cast<size_t>(i)], i + 1);
  }
}

// Keeps what it is to run until a test has it run.
class Lender {
 public:
  explicit Lender(LentThread* thread) : thread_(*thread) {
    thread_.Lend([this](std::function<void()>&& task) {
      base::MutexLock lock(&mu_);
      tasks_.push_back(std::move(task));
      came_.Signal();
      return true;
    });
  }
  ~Lender() { thread_.Lend(nullptr); }

  // Waits for a task, and runs it on this thread.
  void RunOne() {
    std::function<void()> task;
    {
      base::MutexLock lock(&mu_);
      while (tasks_.empty()) came_.Wait(&mu_);
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
  size_t tasks() const {
    base::MutexLock lock(&mu_);
    return tasks_.size();
  }

 private:
  LentThread& thread_;
  mutable base::Mutex mu_;
  base::CondVar came_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mu_);
};

TEST_F(RingBroadcasterTest, ARoundForASparseCommitTakesPlaceOnTheLentThread) {
  RingBroadcaster ring(0, 1000, 1 << 20, &clock_);
  Lender lender(&ring.lent_thread());
  Follower follower(&ring, 0);
  Pause();
  ring.Publish({MakeEvent(1, 1)});
  lender.RunOne();
  EXPECT_EQ(follower.ReaderOf(1), std::this_thread::get_id());
  ring.Publish({MakeEvent(2, 2)});
  EXPECT_NE(follower.ReaderOf(2), std::this_thread::get_id());
  EXPECT_EQ(lender.tasks(), 0u);
}

TEST_F(RingBroadcasterTest, ARoundThatTakesMoreThanAQuarterOfTheTimeTakesPlaceOnItsOwnThread) {
  RingBroadcaster ring(0, 1000, 1 << 20, &clock_);
  Lender lender(&ring.lent_thread());
  Follower follower(&ring, 0);
  follower.set_during([this] { clock_.Advance(absl::Milliseconds(1)); });
  ring.Publish({MakeEvent(1, 1)});
  lender.RunOne();
  clock_.Advance(absl::Milliseconds(2));  // and one that the round took
  ring.Publish({MakeEvent(2, 2)});
  EXPECT_NE(follower.ReaderOf(2), std::this_thread::get_id());
  EXPECT_EQ(lender.tasks(), 0u);
  // Until the end of the round before, of which nobody is told, later ones are its thread's, too.
  for (int64_t r = 3; lender.tasks() == 0; ++r) {
    clock_.Advance(absl::Milliseconds(4));
    ring.Publish({MakeEvent(r, r)});
    if (lender.tasks() == 0) follower.WaitFor(r);
  }
  lender.RunOne();
}

TEST_F(RingBroadcasterTest, WhatComesWhileALentRoundIsUnderWayWaitsForItsEnd) {
  RingBroadcaster ring(0, 1000, 1 << 20, &clock_);
  Lender lender(&ring.lent_thread());
  Follower follower(&ring, 0);
  Pause();
  ring.Publish({MakeEvent(1, 1)});
  ring.Publish({MakeEvent(2, 2)});
  Pause();
  ring.Publish({MakeEvent(3, 3)});
  EXPECT_EQ(lender.tasks(), 1u) << "one round at a time";
  Follower late(&ring, 3);
  lender.RunOne();
  EXPECT_EQ(follower.ReaderOf(3), std::this_thread::get_id());
  EXPECT_THAT(follower.WaitFor(3), ElementsAre(1, 2, 3));
  ring.Publish({MakeEvent(4, 4)});
  EXPECT_THAT(late.WaitFor(4), ElementsAre(4)) << "later rounds come";
}

TEST_F(RingBroadcasterTest, WhomALentRoundLeavesBehindItsOwnThreadCalls) {
  RingBroadcaster ring(0, 1000, 1 << 20, &clock_);
  Lender lender(&ring.lent_thread());
  Follower one(&ring, 0);
  Follower other(&ring, 0);
  // The first one of the round waits again by then, for what comes while the second one is called.
  std::atomic<int> calls{0};
  const auto during = [&] {
    if (++calls == 2) ring.Publish({MakeEvent(2, 2)});
  };
  one.set_during(during);
  other.set_during(during);
  Pause();
  ring.Publish({MakeEvent(1, 1)});
  lender.RunOne();
  EXPECT_THAT(one.WaitFor(2), ElementsAre(1, 2));
  EXPECT_THAT(other.WaitFor(2), ElementsAre(1, 2));
}

TEST_F(RingBroadcasterTest, WithoutALentThreadOrForManyListenersItsOwnThreadCallsThem) {
  RingBroadcaster ring(0, 1000, 1 << 20, &clock_);
  std::vector<std::unique_ptr<Follower>> followers;
  followers.push_back(std::make_unique<Follower>(&ring, 0));
  Pause();
  ring.Publish({MakeEvent(1, 1)});
  EXPECT_THAT(followers[0]->WaitFor(1), ElementsAre(1)) << "nothing is lent";
  Lender lender(&ring.lent_thread());
  // The first one may not wait again yet.
  while (followers.size() <= RingBroadcaster::kMostOnLentThread + 1) {
    followers.push_back(std::make_unique<Follower>(&ring, 1));
  }
  Pause();
  ring.Publish({MakeEvent(2, 2)});
  for (auto& follower : followers) follower->WaitFor(2);
  EXPECT_EQ(lender.tasks(), 0u);
}

TEST_F(RingBroadcasterTest, ItStopsOnceALentRoundIsOver) {
  RingBroadcaster ring(0, 1000, 1 << 20, &clock_);
  Lender lender(&ring.lent_thread());
  Follower follower(&ring, 0);
  Pause();
  ring.Publish({MakeEvent(1, 1)});
  // It does not return while the round calls somebody: one that does, does so at once.
  std::promise<void> stopped;
  std::thread stopper;
  follower.set_during([&] {
    if (stopper.joinable()) return;
    stopper = std::thread([&] {
      ring.Stop();
      stopped.set_value();
    });
    EXPECT_EQ(stopped.get_future().wait_for(std::chrono::milliseconds(100)),
              std::future_status::timeout);
  });
  lender.RunOne();
  stopper.join();
  Pause();
  ring.Publish({MakeEvent(2, 2)});
  EXPECT_EQ(lender.tasks(), 0u) << "nothing begins any more";
}

TEST_F(RingBroadcasterTest, RoundsOnBothThreadsTellEachEventOnceAndNobodyTwiceAtOnce) {
  constexpr int64_t kEvents = 5000;
  RingBroadcaster ring(0, 100000, 64 << 20, &clock_);
  Lender lender(&ring.lent_thread());
  std::atomic<bool> over{false};
  std::thread lent([&] {
    while (!over) {
      if (lender.tasks() > 0) {
        lender.RunOne();
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::vector<std::unique_ptr<Follower>> followers;
  for (int i = 0; i < 10; ++i) followers.push_back(std::make_unique<Follower>(&ring, 0));
  for (int64_t r = 1; r <= kEvents; ++r) {
    if (r % 3 != 0) Pause();
    ring.Publish({MakeEvent(r, r)});
  }
  for (auto& follower : followers) {
    EXPECT_EQ(follower->WaitFor(kEvents).size(), static_cast<size_t>(kEvents));
  }
  followers.clear();
  ring.Stop();
  over = true;
  lent.join();
}

TEST_F(RingBroadcasterTest, TheRingIsBoundedAndAReaderBeforeItIsToldSo) {
  RingBroadcaster ring(0, 10, 64 << 20, &clock_);
  for (int64_t r = 1; r <= 100; ++r) ring.Publish({MakeEvent(r, r)});
  EXPECT_EQ(ring.first_revision(), 91);
  EXPECT_EQ(ring.published_revision(), 100);
  EXPECT_EQ(ring.Read(89, core::Filter(), 100, 1 << 20).found, Broadcaster::Found::kBehind);
  const Broadcaster::ReadResult edge = ring.Read(90, core::Filter(), 100, 1 << 20);
  EXPECT_EQ(edge.found, Broadcaster::Found::kEvents);
  EXPECT_EQ(edge.events.size(), 10u);
}

TEST_F(RingBroadcasterTest, TheRingIsBoundedInBytes) {
  const size_t one = MakeEvent(1, 1).frame->size();
  RingBroadcaster ring(0, 1000, 10 * one, &clock_);
  for (int64_t r = 1; r <= 9; ++r) ring.Publish({MakeEvent(r, r)});
  EXPECT_EQ(ring.first_revision(), 1);
  for (int64_t r = 10; r <= 99; ++r) ring.Publish({MakeEvent(r, r)});
  EXPECT_GE(ring.first_revision(), 90);
}

TEST_F(RingBroadcasterTest, AFutureCursorGetsNothingOld) {
  RingBroadcaster ring(0, 10, 1 << 20, &clock_);
  ring.Publish({MakeEvent(1, 1)});
  const Broadcaster::ReadResult read = ring.Read(1000, core::Filter(), 10, 1 << 20);
  EXPECT_EQ(read.found, Broadcaster::Found::kCaughtUp);
  EXPECT_EQ(read.scanned, 1000);
}

TEST_F(RingBroadcasterTest, AReadTellsWhetherItStandsOnACommitBoundary) {
  RingBroadcaster ring(0, 10, 1 << 20, &clock_);
  ring.Publish({MakeEvent(1, 3), MakeEvent(2, 3), MakeEvent(3, 3)});
  const Broadcaster::ReadResult part = ring.Read(0, core::Filter(), 2, 1 << 20);
  EXPECT_EQ(part.scanned, 2);
  EXPECT_FALSE(part.at_boundary);
  const Broadcaster::ReadResult rest = ring.Read(2, core::Filter(), 2, 1 << 20);
  EXPECT_EQ(rest.scanned, 3);
  EXPECT_TRUE(rest.at_boundary);
}

TEST_F(RingBroadcasterTest, AFilterMovesTheCursorPastWhatItLeavesOut) {
  RingBroadcaster ring(0, 10, 1 << 20, &clock_);
  ring.Publish({MakeEvent(1, 1, "x")});
  ring.Publish({MakeEvent(2, 2, "y")});
  v1::EventFilter proto;
  proto.add_labels("x");
  const Broadcaster::ReadResult read = ring.Read(0, core::Filter(proto), 10, 1 << 20);
  EXPECT_THAT(Revisions(read.events), ElementsAre(1));
  EXPECT_EQ(read.scanned, 2);
}

TEST_F(RingBroadcasterTest, FramesJoinedAreOneResponse) {
  const std::string joined = *MakeEvent(1, 2).frame + *MakeEvent(2, 2).frame;
  v1::WatchEventsResponse response;
  ASSERT_TRUE(response.ParseFromString(joined));
  ASSERT_EQ(response.events_size(), 2);
  EXPECT_EQ(response.events(1).revision(), 2);
}

TEST(EventCodecTest, TheBytesOfTheJournalAreTheBytesOfTheStream) {
  const EncodedEvent encoded = MakeEvent(7, 7, "x");
  journal::Entry entry{7, 7, std::string(EventBytes(encoded)), ""};
  const absl::StatusOr<EncodedEvent> decoded = Decode(entry);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded->frame, *encoded.frame);
}

TEST(EventCodecTest, AnUnknownKindIsRefused) {
  v1::Event event;
  event.set_revision(1);
  event.set_commit_revision(1);
  event.set_kind(static_cast<v1::EventKind>(9999));
  EXPECT_FALSE(Decode({1, 1, event.SerializeAsString(), ""}).ok());
}

}  // namespace
}  // namespace coordhub::engine
