// The part of LiveWorkspace that runs on the maintenance thread.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/give_way.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "hub/core/digest.h"
#include "hub/core/proto_time.h"
#include "hub/engine/endings.h"
#include "hub/engine/live_workspace.h"
#include "hub/engine/replay.h"

namespace coordhub::engine {
namespace {

// Between tries of maintenance that fails.
constexpr absl::Duration kMaintenanceRestMin = absl::Seconds(30);
constexpr absl::Duration kMaintenanceRestMax = absl::Minutes(10);

// Events for each record of the newest snapshot after which another one is due. What a snapshot
// costs is so shared by three times as many events as it has records; a start after a kill reads
// them: of 1,000,000 tickets in less than the time that is promised (tests/bench).
constexpr int64_t kEventsARecord = 3;

// Of a backup: when the files are copied, and their digest is to be computed.
constexpr int kCopiedPercent = 90;

// Tells how far the part of the work from `from` to `to` percent is. False: give up.
bool Going(const journal::KeepGoing& keep_going, int from, int to, int64_t done, int64_t all) {
  if (!keep_going) return true;
  const int64_t part = all > 0 ? done * (to - from) / all : 0;
  return keep_going(from + static_cast<int>(part));
}

// A result that one thread waits for and another gives.
template <class T>
class Promise {
 public:
  void Set(T value) {
    base::MutexLock lock(&mu_);
    value_ = std::move(value);
    ready_.Signal();
  }
  T Get() {
    base::MutexLock lock(&mu_);
    while (!value_) ready_.Wait(&mu_);
    return std::move(*value_);
  }

 private:
  base::Mutex mu_;
  base::CondVar ready_;
  std::optional<T> value_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::Status LiveWorkspace::SaveSnapshot(const core::View& view,
                                         const std::function<void()>& rest) {
  journal::v1::SnapshotHeader header;
  header.set_log_id(journal_->identity().log_id);
  header.set_revision(view.revision);
  header.set_digest(core::kDigestScheme + core::Digest(view, rest));
  header.set_written_by(options_.version);
  header.set_last_ticket_number(view.last_ticket_number);
  *header.mutable_last_event_time() = core::ToProto(view.last_event_time);
  const auto source =
      [&view, &rest](const std::function<absl::Status(const journal::v1::SnapshotRecord&)>& write) {
        absl::Status status;
        int64_t done = 0;
        core::ForEachSnapshotRecord(view, [&](const journal::v1::SnapshotRecord& record) {
          if (rest && ++done % core::kRecordsAtOnce == 0) rest();
          status = write(record);
          return status.ok();
        });
        return status;
      };
  COORDHUB_RETURN_IF_ERROR(journal_->SaveSnapshot(header, source));
  snapshot_records_ = core::MakeSnapshotHeader(view).record_count();
  snapshot_revision_ = view.revision;
  return absl::OkStatus();
}

void LiveWorkspace::ScheduleMaintenance(int64_t head) {
  // While a restored log is brought in order there is no sequencer yet for a compaction to go
  // through.
  if (sequencer_ == nullptr) return;
  const int64_t retained = options_.retained_events;
  const int64_t compactable = head - journal_->compact_revision() - retained;
  // Both write all records, and so wait for events in proportion: what they cost an event does not
  // grow with the workspace.
  const bool snapshot_due =
      head - snapshot_revision_ >=
      std::max(options_.snapshot_every, kEventsARecord * snapshot_records_.load());
  const bool compaction_due = retained > 0 && compactable > retained &&
                              compactable > core::MakeSnapshotHeader(*view()).record_count();
  if ((!snapshot_due && !compaction_due) || maintaining_) return;
  if (clock_->Mono() < maintenance_due_) return;
  maintaining_ = true;
  maintenance_thread_.Post([this, compaction_due](const absl::Status& go) {
    if (go.ok()) Maintain(compaction_due);
    maintaining_ = false;
  });
}

// What failed is tried again later and later: a snapshot that does not fit must not take the room
// that the log still has, commit after commit.
void LiveWorkspace::Maintain(bool compaction_due) {
  const absl::Status status =
      compaction_due ? CompactNow(0).status() : SaveSnapshot(*view(), base::GiveWay);
  if (status.ok()) {
    maintenance_rest_ = absl::ZeroDuration();
    return;
  }
  maintenance_rest_ = std::clamp(2 * maintenance_rest_, kMaintenanceRestMin, kMaintenanceRestMax);
  maintenance_due_ = clock_->Mono() + maintenance_rest_;
  base::Log(base::LogLevel::kWarning, "background maintenance failed",
            {{"workspace", options_.workspace_id},
             {"error", status.ToString()},
             {"again_in_s", absl::ToInt64Seconds(maintenance_rest_)}});
}

absl::StatusOr<int64_t> LiveWorkspace::BoundaryAtOrBefore(int64_t revision) {
  constexpr int64_t kStep = 1000;
  const std::unique_ptr<journal::JournalReader> reader = journal_->NewReader();
  const int64_t floor = journal_->compact_revision();
  for (int64_t top = revision; top > floor; top -= kStep) {
    std::vector<journal::Entry> entries;
    COORDHUB_RETURN_IF_ERROR(
        reader->Read(std::max(floor, top - kStep), static_cast<size_t>(kStep), SIZE_MAX, &entries));
    for (auto it = entries.rbegin(); it != entries.rend(); ++it) {
      if (it->revision <= top && it->revision == it->commit_revision) return it->revision;
    }
  }
  return floor;
}

absl::StatusOr<int64_t> LiveWorkspace::CompactNow(int64_t revision) {
  const ViewPtr now = view();
  const int64_t wanted = revision > 0 ? revision : now->revision - options_.retained_events;
  if (wanted > now->revision) {
    return base::MakeFieldError("revision", absl::StrCat("is ahead of the head, ", now->revision));
  }
  if (wanted <= journal_->compact_revision()) return 0;
  COORDHUB_ASSIGN_OR_RETURN(const int64_t boundary, BoundaryAtOrBefore(wanted));
  if (boundary <= journal_->compact_revision()) return 0;
  if (snapshot_revision_ < boundary) COORDHUB_RETURN_IF_ERROR(SaveSnapshot(*now, base::GiveWay));
  absl::StatusOr<int64_t> dropped = CompactOnWriter(boundary);
  // Here, because to remove a large file may take longer than the writer has.
  if (dropped.ok()) journal_->PruneSnapshots();
  return dropped;
}

absl::StatusOr<int64_t> LiveWorkspace::CompactOnWriter(int64_t revision) {
  Promise<absl::StatusOr<int64_t>> result;
  const bool posted = sequencer_->Post([&] {
    absl::StatusOr<int64_t> dropped = journal_->Compact(revision);
    // As with an append: after anything but a full disk the journal serves nobody any more.
    if (!dropped.ok() && base::ReasonOf(dropped.status()) != v1::ERROR_REASON_DISK_FULL)
      OnFatal(dropped.status());
    result.Set(std::move(dropped));
  });
  if (!posted) return Draining();
  return result.Get();
}

void LiveWorkspace::Compact(int64_t revision, std::function<void(absl::StatusOr<int64_t>)> done) {
  auto shared = std::make_shared<decltype(done)>(std::move(done));
  maintenance_thread_.Post([this, revision, shared](const absl::Status& go) {
    (*shared)(go.ok() ? CompactNow(revision) : absl::StatusOr<int64_t>(go));
  });
}

absl::StatusOr<Workspace::VerifyResult> LiveWorkspace::VerifyNow(
    const journal::KeepGoing& keep_going) {
  const base::MonoTime start = clock_->Mono();
  const ViewPtr served = view();
  const auto cancelled = [&](int64_t revision) {
    return draining() || !Going(keep_going, 0, 100, revision, served->revision);
  };
  COORDHUB_ASSIGN_OR_RETURN(
      FoldResult fold, Fold(
                           journal_.get(), FoldFrom::kBeginning, served->revision, clock_->Now(),
                           [](const std::string&) {}, cancelled));
  VerifyResult result;
  result.revision = served->revision;
  result.checked_events = fold.events;
  result.digest = core::Digest(*fold.state->MakeView());
  if (result.digest != core::Digest(*served)) {
    return base::MakeError(
        v1::ERROR_REASON_JOURNAL_DAMAGED,
        absl::StrCat("the fold of the journal differs from the records served at revision ",
                     served->revision),
        {{"revision", absl::StrCat(served->revision)}});
  }
  COORDHUB_RETURN_IF_ERROR(CheckSnapshot(journal_.get(), options_.version, clock_->Now()));
  // All rows of the store, in pieces, by a reader of its own: the writer goes on meanwhile.
  COORDHUB_RETURN_IF_ERROR(journal_
                               ->VerifyStore([this] {
                                 base::GiveWay();
                                 return draining() ? Draining() : absl::OkStatus();
                               })
                               .status());
  result.elapsed = clock_->Mono() - start;
  return result;
}

void LiveWorkspace::Verify(journal::KeepGoing keep_going,
                           std::function<void(absl::StatusOr<VerifyResult>)> done) {
  auto shared = std::make_shared<decltype(done)>(std::move(done));
  maintenance_thread_.Post(
      [this, keep_going = std::move(keep_going), shared](const absl::Status& go) {
        (*shared)(go.ok() ? VerifyNow(keep_going) : absl::StatusOr<VerifyResult>(go));
      });
}

absl::StatusOr<Workspace::BackupResult> LiveWorkspace::BackupNow(
    const std::string& directory, const journal::KeepGoing& keep_going) {
  BackupResult result;
  const auto copying = [&](int percent) {
    return !draining() && Going(keep_going, 0, kCopiedPercent, percent, 100);
  };
  COORDHUB_ASSIGN_OR_RETURN(result.info, journal_->Backup(directory, copying));
  // The digest at the backup's revision: folded, since the head may have moved on meanwhile.
  const auto cancelled = [&](int64_t revision) {
    return draining() || !Going(keep_going, kCopiedPercent, 100, revision, result.info.revision);
  };
  COORDHUB_ASSIGN_OR_RETURN(FoldResult fold,
                            Fold(
                                journal_.get(), FoldFrom::kNewestSnapshot, result.info.revision,
                                clock_->Now(), [](const std::string&) {}, cancelled));
  result.digest = core::Digest(*fold.state->MakeView());
  return result;
}

void LiveWorkspace::Backup(std::string directory, journal::KeepGoing keep_going,
                           std::function<void(absl::StatusOr<BackupResult>)> done) {
  auto shared = std::make_shared<decltype(done)>(std::move(done));
  maintenance_thread_.Post([this, directory = std::move(directory),
                            keep_going = std::move(keep_going), shared](const absl::Status& go) {
    (*shared)(go.ok() ? BackupNow(directory, keep_going) : absl::StatusOr<BackupResult>(go));
  });
}

void LiveWorkspace::ComputeDigest(ViewPtr view,
                                  std::function<void(absl::StatusOr<std::string>)> done) {
  auto shared = std::make_shared<decltype(done)>(std::move(done));
  maintenance_thread_.Post([view, shared](const absl::Status& go) {
    (*shared)(go.ok() ? core::Digest(*view) : absl::StatusOr<std::string>(go));
  });
}

}  // namespace coordhub::engine
