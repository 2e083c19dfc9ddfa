#include "hub/engine/complete_store.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/core/tables.h"
#include "hub/engine/event_codec.h"
#include "hub/engine/stored_rows.h"

namespace coordhub::engine {
namespace {

constexpr size_t kPutBytes = 4 << 20;
constexpr size_t kReadEvents = 1000;

// Gathers rows and puts them some at a time.
class Puts {
 public:
  explicit Puts(journal::Journal* journal) : journal_(*journal) {}

  absl::Status Take(const v1::RecordChange& change, int64_t revision) {
    core::StoreRow row;
    row.revision = revision;
    if (change.has_ticket_body()) {
      row.key = {core::TicketNumber(change.ticket_body().ticket_id())};
      row.value = change.ticket_body().SerializeAsString();
    } else if (change.has_comment()) {
      row.key = {core::TicketNumber(change.comment().ticket_id()), change.comment().number()};
      row.value = change.comment().SerializeAsString();
    } else {
      return absl::OkStatus();
    }
    bytes_ += row.value.size();
    rows_.push_back(ToStoreChange(row));
    ++count_;
    return bytes_ < kPutBytes ? absl::OkStatus() : Put(/*last=*/false);
  }

  absl::Status Put(bool last) {
    COORDHUB_RETURN_IF_ERROR(journal_.CompleteStore(rows_, last));
    rows_.clear();
    bytes_ = 0;
    return absl::OkStatus();
  }

  int64_t count() const { return count_; }

 private:
  journal::Journal& journal_;
  std::vector<journal::StoreChange> rows_;
  size_t bytes_ = 0;
  int64_t count_ = 0;
};

absl::Status TakeEvents(journal::Journal* journal, int64_t after, Puts* puts) {
  const std::unique_ptr<journal::JournalReader> reader = journal->NewReader();
  std::vector<journal::Entry> entries;
  while (after < journal->head_revision()) {
    entries.clear();
    COORDHUB_RETURN_IF_ERROR(reader->Read(after, kReadEvents, kPutBytes, &entries));
    if (entries.empty()) break;  // the fold that follows says what is missing
    for (const journal::Entry& entry : entries) {
      COORDHUB_ASSIGN_OR_RETURN(const EncodedEvent decoded, Decode(entry));
      for (const v1::RecordChange& change : decoded.event->changes()) {
        COORDHUB_RETURN_IF_ERROR(puts->Take(change, entry.revision));
      }
    }
    after = entries.back().revision;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CompleteStore(journal::Journal* journal,
                           const std::function<void(std::string)>& note) {
  if (!journal->store_incomplete()) return absl::OkStatus();
  Puts puts(journal);
  int64_t revision = 0;
  const journal::SnapshotSink sink =
      [&](const std::shared_ptr<const journal::v1::SnapshotRecord>& record) {
        return record->has_record() ? puts.Take(record->record(), /*revision=*/0)
                                    : absl::OkStatus();
      };
  COORDHUB_ASSIGN_OR_RETURN(const auto header,
                            journal->LoadSnapshot(journal->head_revision(), sink, note));
  if (header.has_value()) revision = header->revision();
  COORDHUB_RETURN_IF_ERROR(TakeEvents(journal, revision, &puts));
  COORDHUB_RETURN_IF_ERROR(puts.Put(/*last=*/true));
  if (note) note(absl::StrCat(puts.count(), " texts of an older version were put into the store"));
  return absl::OkStatus();
}

}  // namespace coordhub::engine
