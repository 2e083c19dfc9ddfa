#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/core/command.h"
#include "hub/engine/workspace.h"
#include "hub/operations/operation_kind.h"

namespace coordhub::operations {

struct OperationsOptions {
  // Not owned; both outlive the operations.
  engine::Workspace* workspace = nullptr;
  const base::Clock* clock = nullptr;
  // One for each kind of work that this process can do.
  std::vector<std::unique_ptr<OperationKind>> kinds;
  // Operations under way at once; more wait (limits::kRunningOperations in all).
  int threads = 2;
  // Of those, how many may be of a kind that takes hours (OperationKind::TakesLong).
  int long_threads = 1;
  // Between two notes of progress of one operation.
  absl::Duration note_every = absl::Seconds(1);
};

// How an operation ended.
struct Ended {
  // Its record. Without an id: it has none.
  v1::Operation operation;
  // OK, or why it did not do what it was for.
  absl::Status status;
  // As the kind gave it; null: it gave none, or it is not known any more.
  std::shared_ptr<const google::protobuf::Message> answer;
};

// The long work of one workspace. Its intent is written down (BeginOperation) before anything is
// done, the work is done on threads of this object, and its end is written down as a command of the
// hub's. What a process leaves under way the next one finishes or undoes.
//
// Any thread may call any method; none but Stop blocks. The workspace is stopped after these
// operations and before they are destroyed: calls come back from it.
class WorkspaceOperations {
 public:
  explicit WorkspaceOperations(OperationsOptions options);
  // Stop(InfiniteDuration).
  ~WorkspaceOperations();

  // Takes over what an earlier process left under way, and begins to work. Once, before all else.
  void Start();

  // Called once, on a thread of this object or of the workspace; must not block. An error: it did
  // not begin (those of Workspace::Submit and of the command, NOT_IMPLEMENTED for a kind that is
  // not there); HUB_DRAINING also when the hub stops before it could.
  using EndDone = std::function<void(absl::StatusOr<Ended>)>;
  // Begins the operation of a BeginOperation command, and calls `done` when it has ended. A
  // repeated request finds the operation that it began, under way or over.
  void Run(std::unique_ptr<core::Command> begin, base::MonoTime deadline, EndDone done);

  // Takes up an operation whose intent another command than BeginOperation has put into the log (a
  // round's integration, say); `done` as for Run.
  void TakeUp(const v1::Operation& operation, EndDone done);

  // A CancelOperationRequest is in the log: asks the work to stop. Nothing happens when it has
  // ended.
  void AskToStop(std::string_view operation_id) ABSL_LOCKS_EXCLUDED(mu_);

  // Whether an operation is waiting, under way, or about to be written down as ended.
  bool IsUnderWay(std::string_view operation_id) const ABSL_LOCKS_EXCLUDED(mu_);

  // Asks all work to stop, begins none any more and waits for the rest. What ends meanwhile is
  // written down, if the workspace still takes it; what does not stays RUNNING for the next start.
  // False: after `timeout` some work goes on, and whoever cannot wait for it must keep this object,
  // the kinds and what they use until the process ends. May be called again.
  bool Stop(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // One that has not ended.
  struct Job {
    v1::Operation operation;
    OperationKind* kind = nullptr;  // null: this version does not know it
    // Left by an earlier process.
    bool recover = false;
    // It has one of the `long_threads`; guarded by mu_.
    bool is_long = false;
    std::atomic<bool> asked_to_stop{false};
    std::vector<EndDone> waiters;  // guarded by mu_
  };
  using JobPtr = std::shared_ptr<Job>;

  OperationKind* KindOf(v1::Operation::Kind kind) const;
  // The command was answered.
  void OnBegun(const v1::Operation& intent, const absl::StatusOr<engine::Outcome>& outcome,
               EndDone done) ABSL_LOCKS_EXCLUDED(mu_);
  void OnRecorded(const v1::Operation& operation, EndDone done) ABSL_LOCKS_EXCLUDED(mu_);
  // Queues it, or answers that it cannot be done.
  void Enqueue(v1::Operation operation, EndDone done) ABSL_LOCKS_EXCLUDED(mu_);

  void Work() ABSL_LOCKS_EXCLUDED(mu_);
  // Null: this object stops.
  JobPtr Next() ABSL_LOCKS_EXCLUDED(mu_);
  // Takes the first out of the queue that may be begun; null: none may.
  JobPtr TakeFromQueue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Leave(const JobPtr& job) ABSL_LOCKS_EXCLUDED(mu_);
  void DoJob(const JobPtr& job) ABSL_LOCKS_EXCLUDED(mu_);
  Ended RunJob(Job& job);
  Ended RecoverJob(Job& job);
  // Writes the end down; as long as the disk is full, again and again. False: it stays RUNNING.
  bool WriteDown(const JobPtr& job, Ended& ended) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits a while. False: this object stops.
  bool RestBeforeRetry() ABSL_LOCKS_EXCLUDED(mu_);
  void Answer(const JobPtr& job, const Ended& ended) ABSL_LOCKS_EXCLUDED(mu_);
  void Forget(const JobPtr& job, const Ended& ended) ABSL_LOCKS_EXCLUDED(mu_);

  const OperationsOptions options_;
  // All are to stop: the workspace drains, or Stop was called. Shared with the workspace, which may
  // drain at any time.
  const std::shared_ptr<std::atomic<bool>> all_stop_ = std::make_shared<std::atomic<bool>>(false);

  mutable base::Mutex mu_;
  base::CondVar wake_;   // for threads without work
  base::CondVar rest_;   // for those that rest
  base::CondVar ended_;  // a thread ended
  std::map<int64_t, JobPtr> jobs_ ABSL_GUARDED_BY(mu_);
  std::deque<JobPtr> queue_ ABSL_GUARDED_BY(mu_);
  // The newest that ended here, by number: for requests that are repeated.
  std::map<int64_t, Ended> results_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  int working_ ABSL_GUARDED_BY(mu_) = 0;
  int working_long_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::thread> threads_;
};

}  // namespace coordhub::operations
