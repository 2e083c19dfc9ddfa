#include "hub/rpc/snapshot_source.h"

#include <utility>

namespace coordhub::rpc {

// The part under way and what still fits in.
class SnapshotSource::Part {
 public:
  bool IsFull() const {
    return bytes_ >= kMaxSnapshotBytes || chunk_.records_size() >= kMaxSnapshotRecords ||
           looked_at_ >= kMaxSnapshotLook;
  }
  // Copies the record only when it is wanted.
  template <class T>
  void Offer(const typename T::Record& record, const core::Filter& filter) {
    ++looked_at_;
    if (!filter.AdmitsRecord<T>(record)) return;
    bytes_ += record.ByteSizeLong();
    *T::In(chunk_.add_records()) = record;
  }
  v1::SnapshotChunk Take() { return std::move(chunk_); }

 private:
  v1::SnapshotChunk chunk_;
  size_t bytes_ = 0;
  int looked_at_ = 0;
};

SnapshotSource::SnapshotSource(engine::ViewPtr view, const core::Filter* filter)
    : view_(std::move(view)), filter_(*filter) {
  core::AllTables::ForEach([&]<class T>(core::Tag<T>) {
    std::get<Place<T>>(places_).at = view_->records.of<T>().Begin();
    return true;
  });
}

v1::SnapshotChunk SnapshotSource::Next() {
  Part part;
  const bool complete = core::AllTables::ForEach([&]<class T>(core::Tag<T>) {
    if constexpr (T::kPublic) {
      for (auto& at = std::get<Place<T>>(places_).at; at.Valid(); at.Next()) {
        if (part.IsFull()) return false;
        part.Offer<T>(*at, filter_);
      }
    }
    return true;
  });
  v1::SnapshotChunk chunk = part.Take();
  chunk.set_revision(view_->revision);
  chunk.set_complete(complete);
  return chunk;
}

}  // namespace coordhub::rpc
