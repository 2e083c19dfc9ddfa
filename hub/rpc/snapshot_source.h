// The records of a view, part by part.

#pragma once

#include <cstddef>
#include <cstdint>

#include "coordhub/v1/event_service.pb.h"
#include "hub/core/filter.h"
#include "hub/engine/workspace.h"

namespace coordhub::rpc {

// What one part carries at the most, and how many records are looked at for it: a part may be empty
// when the filter admits few.
inline constexpr size_t kMaxSnapshotBytes = 256 << 10;
inline constexpr int kMaxSnapshotRecords = 1'000;
inline constexpr int kMaxSnapshotLook = 10'000;

// Gives out the records that a filter admits: agents, tickets, bodies, comments, each in the order
// of its keys. Reads an immutable view, so nobody waits for it. Not thread-safe.
class SnapshotSource {
 public:
  // `filter` outlives it.
  SnapshotSource(engine::ViewPtr view, const core::Filter* filter);

  // The next part; `complete` is set in the last one. Not to be called after that.
  v1::SnapshotChunk Next();

 private:
  class Part;

  // Walks one map on. False: the part is full.
  template <class Cursor, class SetRecord>
  bool Drain(Cursor* at, Part* part, const SetRecord& set_record);

  const engine::ViewPtr view_;
  const core::Filter& filter_;
  core::PersistentMap<std::string, v1::Agent>::Cursor agents_;
  core::PersistentMap<int64_t, v1::Ticket>::Cursor tickets_;
  core::PersistentMap<int64_t, v1::TicketBody>::Cursor bodies_;
  core::PersistentMap<std::pair<int64_t, int32_t>, v1::Comment>::Cursor comments_;
  core::PersistentMap<std::string, v1::Branch>::Cursor branches_;
};

}  // namespace coordhub::rpc
