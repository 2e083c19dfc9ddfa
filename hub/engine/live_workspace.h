#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "agent/base/mutex.h"
#include "hub/engine/executor.h"
#include "hub/engine/heartbeat.h"
#include "hub/engine/lease_clock.h"
#include "hub/engine/lease_table.h"
#include "hub/engine/replay.h"
#include "hub/engine/revision_waits.h"
#include "hub/engine/ring_broadcaster.h"
#include "hub/engine/sequencer.h"
#include "hub/engine/work_signs.h"
#include "hub/engine/workspace.h"
#include "hub/engine/writer.h"

namespace coordhub::engine {

// The running workspace. Threads: sequencer (the one writer), broadcaster (wakes watchers), reader
// (journal reads for watchers that fell behind and repeated requests), maintenance (snapshots,
// compaction, verification, backup, digests). Members are declared in order of dependence: threads
// last, so that they end first.
class LiveWorkspace final : public Workspace, private WriterObserver {
 public:
  LiveWorkspace(WorkspaceOptions options, std::unique_ptr<journal::Journal> journal,
                FoldResult fold, base::Clock* clock);
  ~LiveWorkspace() override;

  // Ends what a restore left; starts the sequencer.
  absl::Status Start();

  void BeginLeases() override;
  const std::string& workspace_id() const override { return options_.workspace_id; }
  journal::Identity identity() const override { return journal_->identity(); }
  CallId Submit(std::unique_ptr<core::Command> command, base::MonoTime deadline,
                Done done) override;
  void Cancel(CallId call) override;
  ViewPtr view() const override;
  void AwaitRevision(int64_t min_revision, base::MonoTime deadline, ViewDone done) override;
  void AwaitRoundChange(int64_t after_revision, base::MonoTime deadline, ViewDone done) override;
  absl::Status TouchSession(std::string_view session_uid) override;
  std::string AgentOfSession(std::string_view session_uid) const override;
  absl::StatusOr<absl::Duration> RenewClaim(std::string_view session_uid,
                                            const v1::RenewClaimRequest& request) override;
  absl::Status UpdateProgress(std::string_view session_uid,
                              const v1::UpdateProgressRequest& request) override;
  void Decorate(const core::View& view, v1::Agent* agent) const override;
  void Decorate(const core::View& view, v1::Ticket* ticket) const override;
  std::vector<v1::HeldClaim> ClaimsOf(const core::View& view,
                                      std::string_view agent_id) const override;
  std::optional<absl::Duration> SessionTimeLeft(std::string_view agent_id) const override;
  Broadcaster& broadcaster() override { return broadcaster_; }
  TextStore& texts() override { return texts_; }
  int64_t compact_revision() const override { return journal_->compact_revision(); }
  v1::Workspace Describe() const override;
  void SetMirroredRevision(int64_t revision) override { mirrored_revision_ = revision; }
  void SetObservedRevision(int64_t revision) override { observed_revision_ = revision; }
  using Workspace::Backup;
  using Workspace::Verify;
  void Verify(journal::KeepGoing keep_going,
              std::function<void(absl::StatusOr<VerifyResult>)> done) override;
  void Compact(int64_t revision, std::function<void(absl::StatusOr<int64_t>)> done) override;
  void Backup(std::string directory, journal::KeepGoing keep_going,
              std::function<void(absl::StatusOr<BackupResult>)> done) override;
  void ComputeDigest(ViewPtr view, std::function<void(absl::StatusOr<std::string>)> done) override;
  void ReadEvents(int64_t after, size_t max_events, size_t max_bytes,
                  std::function<void(absl::StatusOr<std::vector<EncodedEvent>>)> done) override;
  void CheckHeld() override;
  void Drain() override;
  bool draining() const override { return draining_; }
  void OnDrain(std::function<void()> callback) override;
  void Stop() override;

 private:
  // WriterObserver, on the writer's thread.
  void OnDurable(const std::vector<EncodedEvent>& events) override { texts_.Follow(events); }
  void OnView(std::shared_ptr<const core::View> view) override;
  void OnCommitted(const std::vector<EncodedEvent>& events) override;
  void OnWriteRefusal(const std::string& reason) override;
  void OnFatal(const absl::Status& status) override;
  void FetchCommit(journal::CommitRange range, Done done) override;
  void OnTick() override;
  bool WantsTicks() const override { return !revision_waits_.empty() || !round_waits_.empty(); }

  // The ticket, if this session holds it with this fence.
  absl::StatusOr<std::shared_ptr<const v1::Ticket>> CheckClaim(std::string_view session_uid,
                                                               const std::string& ticket_id,
                                                               int64_t fence) const;
  // Queues a call that waits, or answers it.
  void Wait(RevisionWaits& waits, int64_t min_revision, base::MonoTime deadline, ViewDone done);
  // Before the sequencer runs.
  absl::Status EndRestoredSessions();
  void CheckpointIfDue();
  void ScheduleMaintenance(int64_t head);
  void Maintain(bool compaction_due);
  // `rest`: as of core::Digest.
  absl::Status SaveSnapshot(const core::View& view, const std::function<void()>& rest);
  absl::StatusOr<int64_t> CompactNow(int64_t revision);
  absl::StatusOr<int64_t> CompactOnWriter(int64_t revision);
  absl::StatusOr<int64_t> BoundaryAtOrBefore(int64_t revision);
  absl::StatusOr<VerifyResult> VerifyNow(const journal::KeepGoing& keep_going);
  absl::StatusOr<BackupResult> BackupNow(const std::string& directory,
                                         const journal::KeepGoing& keep_going);
  absl::StatusOr<Outcome> ReadCommit(journal::CommitRange range);

  const WorkspaceOptions options_;
  base::Clock* const clock_;
  const std::unique_ptr<journal::Journal> journal_;
  const std::unique_ptr<core::State> state_;
  // Reader thread only.
  std::unique_ptr<journal::JournalReader> reader_;
  std::unique_ptr<journal::ArchiveReader> archive_reader_;

  mutable LeaseClock lease_clock_;
  LeaseTable sessions_;
  LeaseTable rights_;

  mutable base::Mutex view_mu_;
  ViewPtr view_ ABSL_GUARDED_BY(view_mu_);
  // The view before, until the answers of the batch are out: letting go of it may free much.
  // Writer's thread only.
  ViewPtr former_view_;

  RevisionWaits revision_waits_;
  // The same for the newest revision that changed a round.
  RevisionWaits round_waits_;

  WorkSigns work_signs_;

  mutable base::Mutex refusal_mu_;
  std::string write_refusal_ ABSL_GUARDED_BY(refusal_mu_);

  base::Mutex drain_mu_;
  std::vector<std::function<void()>> drain_callbacks_ ABSL_GUARDED_BY(drain_mu_);

  std::atomic<bool> draining_{false};
  std::atomic<uint64_t> next_call_{1};
  std::atomic<int64_t> mirrored_revision_{0};
  std::atomic<int64_t> observed_revision_{0};
  // The newest snapshot; zeros: there is none.
  std::atomic<int64_t> snapshot_revision_;
  std::atomic<int64_t> snapshot_records_;
  std::atomic<bool> maintaining_{false};
  // After maintenance that failed: how long it rests, and until when. Written by the maintenance
  // thread while maintaining_, read by the writer's while not.
  absl::Duration maintenance_rest_ = absl::ZeroDuration();
  base::MonoTime maintenance_due_;
  bool stopped_ = false;

  RingBroadcaster broadcaster_;
  Writer writer_;
  TextStore texts_;
  Executor reader_thread_;
  Executor maintenance_thread_;
  Heartbeat heartbeat_;
  std::unique_ptr<Sequencer> sequencer_;
};

}  // namespace coordhub::engine
