// The records of a view, part by part.

#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>

#include "coordhub/v1/event_service.pb.h"
#include "hub/core/filter.h"
#include "hub/core/tables.h"
#include "hub/engine/workspace.h"

namespace coordhub::rpc {

// What one part carries at the most, and how many records are looked at for it: a part may be empty
// when the filter admits few.
inline constexpr size_t kMaxSnapshotBytes = 256 << 10;
inline constexpr int kMaxSnapshotRecords = 1'000;
inline constexpr int kMaxSnapshotLook = 10'000;

// Gives out the public records that a filter admits, table by table, each in the order of its keys.
// Reads an immutable view, so nobody waits for it. Not thread-safe.
class SnapshotSource {
 public:
  // `filter` outlives it.
  SnapshotSource(engine::ViewPtr view, const core::Filter* filter);

  // The next part; `complete` is set in the last one. Not to be called after that.
  v1::SnapshotChunk Next();

 private:
  class Part;
  // Where the walk over one table stands.
  template <class T>
  struct Place {
    typename core::TableMap<T>::Cursor at;
  };
  template <class List>
  struct PlacesOf;
  template <class... Ts>
  struct PlacesOf<core::TableList<Ts...>> {
    using Type = std::tuple<Place<Ts>...>;
  };

  const engine::ViewPtr view_;
  const core::Filter& filter_;
  PlacesOf<core::AllTables>::Type places_;
};

}  // namespace coordhub::rpc
