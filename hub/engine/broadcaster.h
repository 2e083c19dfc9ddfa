#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordhub/v1/event.pb.h"
#include "hub/core/filter.h"
#include "hub/engine/lent_thread.h"

namespace coordhub::engine {

// A committed event with its bytes, shared by everyone who sends them.
struct EncodedEvent {
  std::shared_ptr<const v1::Event> event;
  // The event as field 1 of WatchEventsResponse: tag, length, bytes. Frames joined one after
  // another are a valid WatchEventsResponse.
  std::shared_ptr<const std::string> frame;
};

// Someone who wants to know that there is more to read. Called on the broadcaster's thread or the
// lent one, never on both at once; must not block and must not call Unregister from within. Called
// once for each Arm: a listener reads, and arms again when it is caught up.
class EventListener {
 public:
  virtual ~EventListener() = default;
  virtual void OnEvents() = 0;
};

// Fan-out of one workspace: a bounded ring of the newest committed events, encoded once, and a
// thread of its own that wakes listeners. Publishing never blocks on a reader, and a reader holds
// nothing but its cursor. Any thread.
class Broadcaster {
 public:
  // What a read found.
  enum class Found {
    // `events` has some, or `scanned` moved past events that the filter leaves out.
    kEvents,
    // Nothing after the cursor yet.
    kCaughtUp,
    // The cursor is older than the ring: read from the journal (Workspace::ReadEvents), then come
    // back.
    kBehind,
  };
  struct ReadResult {
    Found found = Found::kCaughtUp;
    // Frames to send, in order.
    std::vector<EncodedEvent> events;
    // The cursor after this read: everything up to it was looked at.
    int64_t scanned = 0;
    // `scanned` stands on a commit boundary, so that a bookmark there is true.
    bool at_boundary = true;
  };

  virtual ~Broadcaster() = default;

  // Copies references to events after `cursor` that the filter admits, up to the bounds (at least
  // one event). O(events looked at), under a lock for that long only.
  virtual ReadResult Read(int64_t cursor, const core::Filter& filter, size_t max_events,
                          size_t max_bytes) const = 0;

  // The newest published revision (a commit boundary).
  virtual int64_t published_revision() const = 0;
  // Oldest revision in the ring; published_revision() + 1 when empty.
  virtual int64_t first_revision() const = 0;

  // An armed listener is called once when something after `cursor` is published, or at once when it
  // already is: nothing between a read that found kCaughtUp and the Arm is lost. Arming again moves
  // the cursor.
  virtual void Register(EventListener* listener) = 0;
  virtual void Arm(EventListener* listener, int64_t cursor) = 0;
  // Blocks until no call to the listener is under way.
  virtual void Unregister(EventListener* listener) = 0;
  virtual size_t listener_count() const = 0;

  // A thread on which it is cheaper to call listeners, while there is little to do.
  virtual LentThread& lent_thread() = 0;
};

}  // namespace coordhub::engine
