// How the writer keeps its appends within what the journal takes at once.

#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/engine/writer.h"

namespace coordhub::engine {
namespace {

// Beside each event, and beside all of them: lengths, keys.
constexpr size_t kBytesBesideEvent = 16;
constexpr size_t kBytesBesideRow = 64;
constexpr size_t kBytesBesideCommit = 1024;

// What the commit will count for at the most: its events, kept once more for the answer when that
// is too large for memory (StoreAnswer), what it puts into the store, and its private bytes.
size_t SizeOfCommit(const core::Decision& decision,
                    const journal::v1::CommitPrivate& private_bytes) {
  size_t bytes = kBytesBesideCommit + private_bytes.ByteSizeLong();
  for (const std::shared_ptr<const v1::Event>& event : decision.events) {
    bytes += 2 * (event->ByteSizeLong() + kBytesBesideEvent);
  }
  for (const core::StoreRow& row : decision.store) bytes += row.value.size() + kBytesBesideRow;
  return bytes;
}

}  // namespace

absl::Status Writer::MakeRoom(const core::Decision& decision,
                              const journal::v1::CommitPrivate& private_bytes) {
  if (decision.events.empty()) return absl::OkStatus();
  const size_t limit = parts_.journal->max_append_bytes();
  const size_t needed = SizeOfCommit(decision, private_bytes);
  if (needed > limit) {
    return core::LimitReached("append_bytes", static_cast<int64_t>(limit),
                              "what this changes is more than the log takes at once");
  }
  for (; counted_ < entries_.size(); ++counted_) {
    counted_bytes_ += journal::SizeOf(entries_[counted_]);
  }
  if (counted_bytes_ + needed <= limit || base::MutantActive("batch_not_cut")) {
    return absl::OkStatus();
  }
  const absl::Status committed = Commit();
  events_.clear();
  entries_.clear();
  counted_ = counted_bytes_ = 0;
  batch_text_bytes_ = 0;  // the journal counts it now
  return committed;
}

}  // namespace coordhub::engine
