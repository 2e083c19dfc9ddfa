#pragma once

#include <deque>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/engine/broadcaster.h"

namespace coordhub::engine {

// The broadcaster: a ring bounded in events and bytes, and one thread that wakes listeners, a round
// at a time. Where rounds are short for how often they come, they take place on the lent thread
// instead: what a listener begins there need not wake it
// (hub/decisions/2026-11-26-rounds-on-a-lent-thread.md). Lock order: none nests; no lock is held
// while a listener is called.
class RingBroadcaster final : public Broadcaster {
 public:
  // Begins after `revision` with an empty ring. `clock` is not owned.
  RingBroadcaster(int64_t revision, size_t max_events, size_t max_bytes, const base::Clock* clock);
  ~RingBroadcaster() override;

  // Listeners, at the most, for a round on the lent thread: it has others to serve.
  static constexpr size_t kMostOnLentThread = 128;

  // Rounds that would fit between two commits, at the least, for a round on the lent thread.
  static constexpr int kPartOfLentThread = 4;

  // Adds committed events, in order, whole commits. The sequencer's thread; never blocks on a
  // reader.
  void Publish(const std::vector<EncodedEvent>& events);

  // The events of a commit, when the ring still holds all of them.
  std::optional<std::vector<EncodedEvent>> FindCommit(int64_t first, int64_t last) const;

  // Ends the thread, and waits for a round on the lent one. Idempotent.
  void Stop();

  ReadResult Read(int64_t cursor, const core::Filter& filter, size_t max_events,
                  size_t max_bytes) const override;
  int64_t published_revision() const override;
  int64_t first_revision() const override;
  void Register(EventListener* listener) override;
  void Arm(EventListener* listener, int64_t cursor) override;
  void Unregister(EventListener* listener) override;
  size_t listener_count() const override;
  LentThread& lent_thread() override { return lent_thread_; }

 private:
  // Whose round it is, if one is under way: there is one at a time, so that no listener is called
  // twice at once.
  enum class Round { kNone, kOwn, kLent };

  struct ListenerState {
    // Waits for something after this revision; nullopt: not armed.
    std::optional<int64_t> cursor;
    // Its turn comes in the round under way.
    bool queued = false;
    bool in_call = false;
  };

  void Run();
  void Announce(int64_t newest) ABSL_LOCKS_EXCLUDED(listeners_mu_);
  // Whether the lent thread may have a round for what was committed just now.
  bool MayBeLent() ABSL_EXCLUSIVE_LOCKS_REQUIRED(listeners_mu_);
  void RunLentRound() ABSL_LOCKS_EXCLUDED(listeners_mu_);
  void EndLentRound() ABSL_EXCLUSIVE_LOCKS_REQUIRED(listeners_mu_);
  bool SomeoneIsBehind() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(listeners_mu_);
  // Armed listeners that are behind; disarms and queues them.
  std::vector<EventListener*> TakeBehind() ABSL_EXCLUSIVE_LOCKS_REQUIRED(listeners_mu_);
  // Calls those that are still there when their turn comes: leaving waits for one call, not for the
  // round.
  void CallAll(const std::vector<EventListener*>& listeners) ABSL_LOCKS_EXCLUDED(listeners_mu_);
  // As CallAll, and says how long it took.
  absl::Duration CallAllTimed(const std::vector<EventListener*>& listeners)
      ABSL_LOCKS_EXCLUDED(listeners_mu_);
  int64_t FirstLocked() const ABSL_SHARED_LOCKS_REQUIRED(ring_mu_);

  const base::Clock& clock_;
  const size_t max_events_;
  const size_t max_bytes_;

  mutable base::SharedMutex ring_mu_;
  std::deque<EncodedEvent> ring_ ABSL_GUARDED_BY(ring_mu_);
  size_t ring_bytes_ ABSL_GUARDED_BY(ring_mu_) = 0;
  int64_t published_ ABSL_GUARDED_BY(ring_mu_);

  mutable base::Mutex listeners_mu_;
  base::CondVar wake_;
  base::CondVar call_done_;
  base::CondVar lent_round_over_;
  absl::flat_hash_map<EventListener*, ListenerState> listeners_ ABSL_GUARDED_BY(listeners_mu_);
  // (cursor, listener) of armed ones: those that are behind come first.
  absl::btree_set<std::pair<int64_t, EventListener*>> armed_ ABSL_GUARDED_BY(listeners_mu_);
  int64_t announced_ ABSL_GUARDED_BY(listeners_mu_);
  // Those that wait for the end of their call.
  int leaving_ ABSL_GUARDED_BY(listeners_mu_) = 0;
  Round round_ ABSL_GUARDED_BY(listeners_mu_) = Round::kNone;
  // The last one.
  absl::Duration round_took_ ABSL_GUARDED_BY(listeners_mu_) = absl::ZeroDuration();
  base::MonoTime announced_at_ ABSL_GUARDED_BY(listeners_mu_) = base::MonoTime::InfinitePast();
  bool stopping_ ABSL_GUARDED_BY(listeners_mu_) = false;

  LentThread lent_thread_;
  std::thread thread_;
};

}  // namespace coordhub::engine
