#include "hub/operations/workspace_operations.h"

#include <pthread.h>

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/mutant.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/limits.h"
#include "hub/core/operation_id.h"
#include "hub/operations/operation_context.h"
#include "hub/operations/recorded_end.h"

namespace coordhub::operations {
namespace {

// Results that are kept for requests that are repeated.
constexpr size_t kResults = 64;
// Between two tries to write an end down while the disk is full: a little more than the writer
// rests.
constexpr absl::Duration kRetryRest = absl::Milliseconds(300);

absl::Status Draining() {
  return base::MakeError(v1::ERROR_REASON_HUB_DRAINING, "the hub is stopping");
}

// Whether what was refused now may be taken later.
bool MayPass(const absl::Status& status) {
  const v1::ErrorReason reason = base::ReasonOf(status);
  return reason == v1::ERROR_REASON_DISK_FULL || reason == v1::ERROR_REASON_OVERLOADED;
}

int64_t NumberOf(const v1::Operation& operation) {
  return core::OperationNumber(operation.operation_id());
}

}  // namespace

WorkspaceOperations::WorkspaceOperations(OperationsOptions options)
    : options_(std::move(options)) {}

WorkspaceOperations::~WorkspaceOperations() { Stop(absl::InfiniteDuration()); }

void WorkspaceOperations::Start() {
  options_.workspace->OnDrain([all_stop = all_stop_] { *all_stop = true; });
  const engine::ViewPtr view = options_.workspace->view();
  const auto& known = view->records.of<core::tables::Operations>();
  base::MutexLock lock(&mu_);
  for (auto operation = known.Begin(); operation.Valid(); operation.Next()) {
    if (operation->state() != v1::Operation::STATE_RUNNING) continue;
    if (base::MutantActive("operation_recovery_skipped")) continue;
    const auto job = std::make_shared<Job>();
    job->operation = *operation;
    job->kind = KindOf(operation->kind());
    job->recover = true;
    jobs_[operation.key()] = job;
    queue_.push_back(job);
  }
  working_ = options_.threads;
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Work(); });
}

OperationKind* WorkspaceOperations::KindOf(v1::Operation::Kind kind) const {
  for (const auto& known : options_.kinds) {
    if (known->kind() == kind) return known.get();
  }
  return nullptr;
}

// ---- from the call to the queue ----

void WorkspaceOperations::Run(std::unique_ptr<core::Command> begin, base::MonoTime deadline,
                              EndDone done) {
  const auto& body = std::get<core::BeginOperation>(begin->body);
  if (KindOf(body.kind) == nullptr) {
    return done(
        base::MakeError(v1::ERROR_REASON_NOT_IMPLEMENTED,
                        absl::StrCat("this hub cannot do ", v1::Operation::Kind_Name(body.kind))));
  }
  v1::Operation intent;
  intent.set_kind(body.kind);
  intent.set_subject(body.subject);
  intent.set_state(v1::Operation::STATE_RUNNING);
  options_.workspace->Submit(
      std::move(begin), deadline,
      [this, intent, done = std::move(done)](const absl::StatusOr<engine::Outcome>& outcome) {
        OnBegun(intent, outcome, done);
      });
}

void WorkspaceOperations::TakeUp(const v1::Operation& operation, EndDone done) {
  if (KindOf(operation.kind()) == nullptr) {
    return done(base::MakeError(
        v1::ERROR_REASON_NOT_IMPLEMENTED,
        absl::StrCat("this hub cannot do ", v1::Operation::Kind_Name(operation.kind()))));
  }
  OnRecorded(operation, std::move(done));
}

void WorkspaceOperations::OnBegun(const v1::Operation& intent,
                                  const absl::StatusOr<engine::Outcome>& outcome, EndDone done) {
  if (outcome.ok()) {
    return OnRecorded(outcome->events.front()->changes(0).operation(), std::move(done));
  }
  // To rescue what there is must not fail for want of room to say so.
  const bool full = base::ReasonOf(outcome.status()) == v1::ERROR_REASON_DISK_FULL;
  if (full && KindOf(intent.kind())->RunsUnrecorded()) return Enqueue(intent, std::move(done));
  done(outcome.status());
}

void WorkspaceOperations::OnRecorded(const v1::Operation& operation, EndDone done) {
  const int64_t number = NumberOf(operation);
  Ended ended;
  {
    base::MutexLock lock(&mu_);
    if (const auto job = jobs_.find(number); job != jobs_.end()) {
      job->second->waiters.push_back(std::move(done));
      return;
    }
    if (const auto result = results_.find(number); result != results_.end()) {
      ended = result->second;
    }
  }
  if (ended.operation.operation_id().empty()) {
    const engine::ViewPtr view = options_.workspace->view();
    const auto* known = view->records.Find<core::tables::Operations>(number);
    if (known == nullptr) return done(core::OperationNotFound(operation.operation_id()));
    if (known->state() == v1::Operation::STATE_RUNNING) return Enqueue(*known, std::move(done));
    ended = {.operation = *known, .status = StatusOfEnded(*known), .answer = nullptr};
  }
  done(std::move(ended));
}

void WorkspaceOperations::Enqueue(v1::Operation operation, EndDone done) {
  absl::Status refusal;
  {
    base::MutexLock lock(&mu_);
    if (stopping_) {
      refusal = Draining();
    } else if (queue_.size() >= static_cast<size_t>(core::limits::kRunningOperations)) {
      // Those without a record only: there are never more with one.
      refusal = base::MakeError(v1::ERROR_REASON_OVERLOADED, "too many operations wait");
    } else {
      const auto job = std::make_shared<Job>();
      job->kind = KindOf(operation.kind());
      job->operation = std::move(operation);
      job->waiters.push_back(std::move(done));
      if (const int64_t number = NumberOf(job->operation); number != 0) jobs_[number] = job;
      queue_.push_back(job);
      wake_.Signal();
      return;
    }
  }
  done(refusal);
}

void WorkspaceOperations::AskToStop(std::string_view operation_id) {
  base::MutexLock lock(&mu_);
  const auto job = jobs_.find(core::OperationNumber(operation_id));
  if (job != jobs_.end()) job->second->asked_to_stop = true;
}

bool WorkspaceOperations::IsUnderWay(std::string_view operation_id) const {
  base::MutexLock lock(&mu_);
  return jobs_.contains(core::OperationNumber(operation_id));
}

// ---- on the threads ----

void WorkspaceOperations::Work() {
  pthread_setname_np(pthread_self(), "operation");
  while (const JobPtr job = Next()) {
    DoJob(job);
    Leave(job);
  }
  base::MutexLock lock(&mu_);
  --working_;
  ended_.SignalAll();
}

WorkspaceOperations::JobPtr WorkspaceOperations::Next() {
  base::MutexLock lock(&mu_);
  while (true) {
    JobPtr job = TakeFromQueue();
    if (job != nullptr || stopping_) return job;
    wake_.Wait(&mu_);
  }
}

WorkspaceOperations::JobPtr WorkspaceOperations::TakeFromQueue() {
  for (auto it = queue_.begin(); it != queue_.end(); ++it) {
    const bool is_long = (*it)->kind != nullptr && (*it)->kind->TakesLong() && !(*it)->recover &&
                         !base::MutantActive("long_work_takes_all_threads");
    // What waits when all is to stop is cancelled by whoever takes it.
    if (is_long && working_long_ >= options_.long_threads && !stopping_) continue;
    JobPtr job = std::move(*it);
    queue_.erase(it);
    job->is_long = is_long;
    if (is_long) ++working_long_;
    return job;
  }
  return nullptr;
}

void WorkspaceOperations::Leave(const JobPtr& job) {
  base::MutexLock lock(&mu_);
  if (!job->is_long) return;
  --working_long_;
  wake_.Signal();
}

void WorkspaceOperations::DoJob(const JobPtr& job) {
  Ended ended = job->recover ? RecoverJob(*job) : RunJob(*job);
  if (!ended.status.ok()) {
    const bool wished = ended.operation.state() == v1::Operation::STATE_CANCELLED;
    base::Log(wished ? base::LogLevel::kInfo : base::LogLevel::kWarning,
              "an operation did not do what it was for",
              {{"workspace", options_.workspace->workspace_id()},
               {"operation", job->operation.operation_id()},
               {"kind", v1::Operation::Kind_Name(job->operation.kind())},
               {"subject", job->operation.subject()},
               {"error", ended.status.ToString()}});
  }
  if (!job->operation.operation_id().empty()) WriteDown(job, ended);
  Forget(job, ended);
  Answer(job, ended);
}

Ended WorkspaceOperations::RunJob(Job& job) {
  CommandContext context(job.operation, {.workspace = options_.workspace,
                                         .clock = options_.clock,
                                         .note_every = options_.note_every,
                                         .asked_to_stop = &job.asked_to_stop,
                                         .all_stop = all_stop_.get()});
  absl::StatusOr<OperationResult> result = Draining();
  if (job.kind == nullptr) {
    result = base::MakeError(v1::ERROR_REASON_NOT_IMPLEMENTED, "this hub cannot do it");
  } else if (!context.cancelled()) {
    result = job.kind->Run(context);
  }
  Ended ended;
  ended.operation = job.operation;
  ended.status = result.status();
  if (result.ok()) {
    ended.operation.set_state(v1::Operation::STATE_DONE);
    ended.operation.set_note(result->note);
    ended.answer = result->answer;
  } else if (context.cancelled()) {
    ended.operation.set_state(v1::Operation::STATE_CANCELLED);
    ended.operation.set_note(*all_stop_ ? "the hub stopped" : "cancelled");
    ended.status = *all_stop_ ? Draining() : StatusOfEnded(ended.operation);
  } else {
    ended.operation.set_state(v1::Operation::STATE_FAILED);
    ended.operation.set_error(std::string(ended.status.message()));
  }
  return ended;
}

Ended WorkspaceOperations::RecoverJob(Job& job) {
  Recovery recovery = {.state = v1::Operation::STATE_FAILED,
                       .note = "",
                       .error =
                           "the hub ended while it was under way, and this version cannot "
                           "undo it"};
  if (job.kind != nullptr) {
    CommandContext context(job.operation, {.workspace = options_.workspace,
                                           .clock = options_.clock,
                                           .note_every = options_.note_every,
                                           .asked_to_stop = &job.asked_to_stop,
                                           .all_stop = all_stop_.get()});
    recovery = job.kind->Recover(context);
  }
  Ended ended;
  ended.operation = job.operation;
  ended.operation.set_state(recovery.state);
  ended.operation.set_note(recovery.note);
  ended.operation.set_error(recovery.error);
  ended.status = StatusOfEnded(ended.operation);
  return ended;
}

bool WorkspaceOperations::WriteDown(const JobPtr& job, Ended& ended) {
  if (ended.operation.state() == v1::Operation::STATE_RUNNING) return false;
  while (true) {
    absl::StatusOr<v1::Operation> record =
        RecordEnd(options_.workspace, {.operation_id = ended.operation.operation_id(),
                                       .state = ended.operation.state(),
                                       .note = ended.operation.note(),
                                       .error = ended.operation.error()});
    if (record.ok()) {
      ended.operation = *std::move(record);
      return true;
    }
    // Who waits for the work need not wait for room on the disk.
    Answer(job, ended);
    if (!MayPass(record.status()) || !RestBeforeRetry()) return false;
  }
}

bool WorkspaceOperations::RestBeforeRetry() {
  base::MutexLock lock(&mu_);
  if (!stopping_) rest_.WaitWithTimeout(&mu_, kRetryRest);
  return !stopping_;
}

void WorkspaceOperations::Forget(const JobPtr& job, const Ended& ended) {
  const int64_t number = NumberOf(job->operation);
  if (number == 0) return;
  base::MutexLock lock(&mu_);
  jobs_.erase(number);
  results_[number] = ended;
  if (results_.size() > kResults) results_.erase(results_.begin());
}

void WorkspaceOperations::Answer(const JobPtr& job, const Ended& ended) {
  std::vector<EndDone> waiters;
  {
    base::MutexLock lock(&mu_);
    waiters.swap(job->waiters);
  }
  for (const EndDone& done : waiters) done(ended);
}

bool WorkspaceOperations::Stop(absl::Duration timeout) {
  *all_stop_ = true;
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    wake_.SignalAll();
    rest_.SignalAll();
    const base::MonoTime deadline = options_.clock->Mono() + timeout;
    while (working_ > 0) {
      const base::MonoTime now = options_.clock->Mono();
      if (now >= deadline) return false;
      ended_.WaitWithTimeout(&mu_, deadline - now);
    }
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  return true;
}

}  // namespace coordhub::operations
