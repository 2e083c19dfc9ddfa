// One WatchEvents stream.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/event_service.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "hub/rpc/gate.h"
#include "hub/rpc/server_call.h"
#include "hub/rpc/service_host.h"
#include "hub/rpc/snapshot_source.h"
#include "hub/rpc/stream.h"
#include "hub/rpc/watch_plan.h"

namespace coordhub::rpc {

// Holds a cursor, not a queue: it reads the broadcaster's ring, or the journal where that no longer
// reaches back, and has one write in flight, so a watcher that does not read costs a fixed amount
// and nobody else anything. In order: WatchOpened, the snapshot if one was asked for, events;
// bookmarks where nothing else is to be said.
//
// Whoever has news (the broadcaster, the journal, the timer, the router, gRPC) notes it under `mu_`
// and calls Pump, which decides under `mu_` on the one next action and performs it outside.
// `writing_` and `finished_` make sure that there is one write at a time and one Finish ever.
//
// Lifetime: holds itself from Start to OnDone. Lock order: `mu_` before those of the engine.
class WatchReactor final : public CallReactor,
                           public engine::EventListener,
                           public Stream,
                           public std::enable_shared_from_this<WatchReactor> {
 public:
  // Begins the watch, or ends it with the reason why not.
  static void Start(std::shared_ptr<ServiceHost> host, const Gate& gate,
                    std::unique_ptr<StreamServerCall> call, const Principal& principal);

  // CallReactor
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // engine::EventListener
  void OnEvents() override { Pump(); }

  // Stream
  void OnTimer() override;
  void OnDrain(const engine::Workspace* workspace) override;
  void OnAgentEnded() override { CheckSession(); }
  void OnAgentResumed() override {}
  void OnClaimEnded(const std::string&, int64_t, std::optional<Loss>) override {}
  void OnEventsMissed() override { CheckSession(); }

 private:
  enum class Action { kNothing, kWrite, kFinish, kReadJournal, kReadSnapshot, kLookLater };
  struct Step {
    Action action = Action::kNothing;
    absl::Status status;        // kFinish
    uint64_t write_number = 0;  // kWrite
    int64_t after = 0;          // kReadJournal
  };

  WatchReactor(std::shared_ptr<ServiceHost> host, std::unique_ptr<StreamServerCall> call)
      : host_(std::move(host)), call_(std::move(call)) {}

  absl::Status Begin(const Gate& gate, const Principal& principal, const grpc::ByteBuffer& request);
  void Join();
  void End(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_);
  void CheckSession();

  void Pump() ABSL_LOCKS_EXCLUDED(mu_);
  void Perform(Step step) ABSL_LOCKS_EXCLUDED(mu_);
  Step Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Step NextEvents() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What was read after a revision, as one message.
  grpc::ByteBuffer Join(int64_t after, const engine::Broadcaster::ReadResult& read);
  // The cursor moves on; `admitted` of the events in between passed the filter.
  void Advance(int64_t scanned, bool at_boundary, size_t admitted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Step Write(grpc::ByteBuffer message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Step WriteMessage(const v1::WatchEventsResponse& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Step WriteBookmark(int64_t revision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Step FinishWith(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // On the thread for reads: makes the snapshot's next part.
  void ReadSnapshot(const absl::Status& go) ABSL_LOCKS_EXCLUDED(mu_);
  // Lets go of records, maybe many that nobody else holds, where that may take its time.
  void Forget(std::shared_ptr<SnapshotSource> snapshot);
  // On the thread for reads: looks on, at what the filter may leave out.
  void LookOn(const absl::Status& go) ABSL_LOCKS_EXCLUDED(mu_);
  void OnJournalRead(absl::StatusOr<std::vector<engine::EncodedEvent>> events)
      ABSL_LOCKS_EXCLUDED(mu_);

  const std::shared_ptr<ServiceHost> host_;
  const std::unique_ptr<StreamServerCall> call_;
  std::shared_ptr<WatchReactor> self_;

  // Set by Start, then constant. No workspace: the watch was refused.
  HostedWorkspace* workspace_ = nullptr;
  bool joined_ = false;
  std::string session_uid_;
  std::string agent_id_;
  WatchPlan plan_;

  grpc::ByteBuffer message_;  // gRPC's while writing_, Pump's otherwise

  base::Mutex mu_;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  bool too_slow_ ABSL_GUARDED_BY(mu_) = false;
  bool reading_journal_ ABSL_GUARDED_BY(mu_) = false;
  // Not OK: the watch ends so, once nothing is in flight.
  absl::Status end_ ABSL_GUARDED_BY(mu_);
  bool say_closing_ ABSL_GUARDED_BY(mu_) = false;

  bool opened_ ABSL_GUARDED_BY(mu_) = false;
  // Used by ReadSnapshot, without the lock, while reading_snapshot_. Null: there is none any more.
  std::shared_ptr<SnapshotSource> snapshot_ ABSL_GUARDED_BY(mu_);
  bool reading_snapshot_ ABSL_GUARDED_BY(mu_) = false;
  // Read, to be written next.
  std::optional<v1::SnapshotChunk> part_ ABSL_GUARDED_BY(mu_);
  // The thread for reads is to look on.
  bool looking_later_ ABSL_GUARDED_BY(mu_) = false;
  // Everything up to it was looked at.
  int64_t cursor_ ABSL_GUARDED_BY(mu_) = 0;
  bool at_boundary_ ABSL_GUARDED_BY(mu_) = false;
  // Looked at and left out by the filter since something was sent.
  int64_t left_out_ ABSL_GUARDED_BY(mu_) = 0;
  bool bookmark_due_ ABSL_GUARDED_BY(mu_) = false;
  // Read from the journal, to be written next.
  std::vector<engine::EncodedEvent> backlog_ ABSL_GUARDED_BY(mu_);

  uint64_t write_number_ ABSL_GUARDED_BY(mu_) = 0;
  // When gRPC took the message in flight; unset between Pump's decision and that.
  std::optional<base::MonoTime> in_flight_since_ ABSL_GUARDED_BY(mu_);
  base::MonoTime begun_ ABSL_GUARDED_BY(mu_);
  base::MonoTime last_sent_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::rpc
