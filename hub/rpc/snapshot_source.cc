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
  void Offer(v1::RecordChange record, const core::Filter& filter) {
    ++looked_at_;
    if (!filter.AdmitsRecord(record)) return;
    bytes_ += record.ByteSizeLong();
    *chunk_.add_records() = std::move(record);
  }
  v1::SnapshotChunk Take() { return std::move(chunk_); }

 private:
  v1::SnapshotChunk chunk_;
  size_t bytes_ = 0;
  int looked_at_ = 0;
};

SnapshotSource::SnapshotSource(engine::ViewPtr view, const core::Filter* filter)
    : view_(std::move(view)),
      filter_(*filter),
      agents_(view_->records.agents.Begin()),
      tickets_(view_->records.tickets.Begin()),
      bodies_(view_->records.bodies.Begin()),
      comments_(view_->records.comments.Begin()),
      branches_(view_->records.branches.Begin()) {}

template <class Cursor, class SetRecord>
bool SnapshotSource::Drain(Cursor* at, Part* part, const SetRecord& set_record) {
  for (; at->Valid(); at->Next()) {
    if (part->IsFull()) return false;
    v1::RecordChange record;
    set_record(**at, &record);
    part->Offer(std::move(record), filter_);
  }
  return true;
}

v1::SnapshotChunk SnapshotSource::Next() {
  Part part;
  const auto set_agent = [](const v1::Agent& agent, v1::RecordChange* to) {
    *to->mutable_agent() = agent;
  };
  const auto set_ticket = [](const v1::Ticket& ticket, v1::RecordChange* to) {
    *to->mutable_ticket() = ticket;
  };
  const auto set_body = [](const v1::TicketBody& body, v1::RecordChange* to) {
    *to->mutable_ticket_body() = body;
  };
  const auto set_comment = [](const v1::Comment& comment, v1::RecordChange* to) {
    *to->mutable_comment() = comment;
  };
  const auto set_branch = [](const v1::Branch& branch, v1::RecordChange* to) {
    *to->mutable_branch() = branch;
  };
  const bool complete = Drain(&agents_, &part, set_agent) && Drain(&tickets_, &part, set_ticket) &&
                        Drain(&bodies_, &part, set_body) && Drain(&comments_, &part, set_comment) &&
                        Drain(&branches_, &part, set_branch);
  v1::SnapshotChunk chunk = part.Take();
  chunk.set_revision(view_->revision);
  chunk.set_complete(complete);
  return chunk;
}

}  // namespace coordhub::rpc
