#include "hub/engine/replay.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/digest.h"
#include "hub/engine/endings.h"
#include "hub/engine/event_codec.h"

namespace coordhub::engine {
namespace {

constexpr size_t kReadEvents = 1000;
constexpr size_t kReadBytes = 4 << 20;

absl::Status Damaged(int64_t revision, std::string_view what) {
  return base::MakeError(v1::ERROR_REASON_JOURNAL_DAMAGED,
                         absl::StrCat(std::string(what), " at revision ", revision),
                         {{"revision", absl::StrCat(revision)}});
}

// The header of the snapshot that was loaded; an empty one: there was none.
absl::StatusOr<journal::v1::SnapshotHeader> LoadStart(
    journal::Journal* journal, FoldFrom from, int64_t to_revision, core::State* state,
    const base::Now& now, const std::function<void(std::string)>& note) {
  const journal::SnapshotSink sink =
      [state](const std::shared_ptr<const journal::v1::SnapshotRecord>& record) {
        state->LoadRecord(record);
        return absl::OkStatus();
      };
  std::optional<journal::v1::SnapshotHeader> header;
  if (from == FoldFrom::kNewestSnapshot) {
    COORDHUB_ASSIGN_OR_RETURN(header, journal->LoadSnapshot(to_revision, sink, note));
  } else if (journal->compact_revision() > 0) {
    COORDHUB_ASSIGN_OR_RETURN(header, journal->LoadOldestSnapshot(sink));
  }
  if (header) {
    state->FinishLoad(*header, now);
    return *std::move(header);
  }
  if (journal->compact_revision() > 0) {
    return Damaged(journal->compact_revision(),
                   "events were compacted, but no whole snapshot continues them");
  }
  return journal::v1::SnapshotHeader();
}

absl::Status ApplyEntries(const std::vector<journal::Entry>& entries, int64_t to_revision,
                          const base::Now& now, core::State* state) {
  for (const journal::Entry& entry : entries) {
    if (entry.revision > to_revision) return absl::OkStatus();
    if (entry.revision != state->revision() + 1)
      return Damaged(entry.revision, "an event is missing before the one");
    COORDHUB_ASSIGN_OR_RETURN(EncodedEvent decoded, Decode(entry));
    journal::v1::CommitPrivate priv;
    if (!entry.private_bytes.empty() && !priv.ParseFromString(entry.private_bytes)) {
      return Damaged(entry.revision, "private bytes cannot be parsed");
    }
    state->Evolve(decoded.event, entry.private_bytes.empty() ? nullptr : &priv, now,
                  entry.event_bytes);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FoldResult> Fold(journal::Journal* journal, FoldFrom from, int64_t to_revision,
                                const base::Now& now, const std::function<void(std::string)>& note,
                                const std::function<bool(int64_t)>& cancelled) {
  FoldResult result;
  result.state = std::make_unique<core::State>();
  COORDHUB_ASSIGN_OR_RETURN(const journal::v1::SnapshotHeader snapshot,
                            LoadStart(journal, from, to_revision, result.state.get(), now, note));
  result.snapshot_revision = snapshot.revision();
  result.snapshot_records = snapshot.record_count();
  const std::unique_ptr<journal::JournalReader> reader = journal->NewReader();
  std::vector<journal::Entry> entries;
  while (result.state->revision() < to_revision) {
    if (cancelled && cancelled(result.state->revision())) {
      return Draining();
    }
    entries.clear();
    COORDHUB_RETURN_IF_ERROR(
        reader->Read(result.state->revision(), kReadEvents, kReadBytes, &entries));
    if (entries.empty()) return Damaged(result.state->revision() + 1, "an event is missing");
    COORDHUB_RETURN_IF_ERROR(ApplyEntries(entries, to_revision, now, result.state.get()));
    // Keeps what RollBack would need from growing.
    result.state->MakeView();
  }
  result.events = result.state->revision() - result.snapshot_revision;
  result.state->AnchorDelays(now);
  return result;
}

absl::Status CheckSnapshot(journal::Journal* journal, const std::string& version,
                           const base::Now& now) {
  core::State state;
  const auto sink = [&state](const std::shared_ptr<const journal::v1::SnapshotRecord>& record) {
    state.LoadRecord(record);
    return absl::OkStatus();
  };
  COORDHUB_ASSIGN_OR_RETURN(
      const std::optional<journal::v1::SnapshotHeader> header,
      journal->LoadSnapshot(journal->head_revision(), sink, [](const std::string&) {}));
  if (!header.has_value() || header->written_by() != version ||
      !absl::StartsWith(header->digest(), core::kDigestScheme)) {
    return absl::OkStatus();
  }
  state.FinishLoad(*header, now);
  if (core::kDigestScheme + core::Digest(*state.MakeView()) == header->digest())
    return absl::OkStatus();
  return Damaged(header->revision(), "the snapshot does not hold what was written into it");
}

}  // namespace coordhub::engine
