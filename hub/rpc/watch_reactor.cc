#include "hub/rpc/watch_reactor.h"

#include <algorithm>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/proto_time.h"
#include "hub/core/validate.h"
#include "hub/engine/endings.h"
#include "hub/rpc/event_frames.h"
#include "hub/rpc/grpc_status.h"
#include "hub/rpc/message_codec.h"
#include "hub/rpc/refusal.h"

namespace coordhub::rpc {
namespace {

// Events left out by the filter after which the watcher is told how far they reach, so that it does
// not resume from long ago.
constexpr int64_t kBookmarkAfterLeftOut = 1'000;
// Events that are looked at before other calls and watches get their turn: some tenths of a
// millisecond.
constexpr int64_t kEventsLookedAtAtOnce = 2'000;
// What the journal gives at a time.
constexpr size_t kEventsPerJournalRead = 1'000;

absl::Status TooSlow() {
  return base::MakeError(base::pb::ERROR_REASON_SLOW_WATCHER,
                         "the watcher did not read for too long; resume from its last revision");
}

// When a watch to which nothing was sent since `last_sent` gets a bookmark: by its interval, and up
// to an eighth of it before, at a time that others get theirs at, too. With a thousand idle watches
// one wake-up for many costs a fraction of one for each.
base::MonoTime BookmarkTime(base::MonoTime last_sent, absl::Duration interval) {
  constexpr int64_t kTimesPerInterval = 8;
  const base::MonoTime latest = last_sent + interval;
  const int64_t apart_ns = absl::ToInt64Nanoseconds(interval) / kTimesPerInterval;
  return {latest.ns - latest.ns % apart_ns};
}

}  // namespace

void WatchReactor::Start(std::shared_ptr<ServiceHost> host, const Gate& gate,
                         std::unique_ptr<StreamServerCall> call, const Principal& principal) {
  std::shared_ptr<WatchReactor> reactor(new WatchReactor(std::move(host), std::move(call)));
  reactor->self_ = reactor;
  reactor->call_->set_reactor(reactor.get());
  reactor->host_->open_calls().Enter();
  const absl::Status begun = reactor->Begin(gate, principal, reactor->call_->request());
  if (begun.ok()) {
    reactor->Join();
  } else {
    base::MutexLock lock(&reactor->mu_);
    reactor->end_ = begun;
  }
  reactor->Pump();
}

absl::Status WatchReactor::Begin(const Gate& gate, const Principal& principal,
                                 const grpc::ByteBuffer& bytes) {
  v1::WatchEventsRequest request;
  COORDHUB_RETURN_IF_ERROR(ParseRequest(bytes, &request));
  COORDHUB_RETURN_IF_ERROR(core::Validate(request));
  COORDHUB_ASSIGN_OR_RETURN(const CallScope scope, gate.Enter(principal, request.workspace_id()));
  COORDHUB_RETURN_IF_ERROR(TouchSession(scope, ""));
  engine::Workspace& engine = scope.engine();
  if (engine.draining()) return engine::Draining();
  engine::ViewPtr view = engine.view();
  LogPosition log{engine.identity().log_id, view->revision, engine.compact_revision()};
  COORDHUB_ASSIGN_OR_RETURN(plan_, PlanWatch(request, std::move(log), std::move(view)));
  workspace_ = scope.workspace;
  session_uid_ = principal.session_uid();
  agent_id_ = scope.CallerName();
  {
    base::MutexLock lock(&mu_);
    cursor_ = plan_.after_revision;
    // Views stand on commit boundaries; what a request says need not.
    at_boundary_ = cursor_ == plan_.log.head_revision;
    if (plan_.snapshot != nullptr) {
      snapshot_ = std::make_shared<SnapshotSource>(std::move(plan_.snapshot), &plan_.filter);
    }
    begun_ = last_sent_ = host_->clock().Mono();
  }
  return host_->streams().Add(self_);
}

// From here on, others may call.
void WatchReactor::Join() {
  joined_ = true;
  ++workspace_->watches;
  workspace_->engine().broadcaster().Register(this);
  if (!session_uid_.empty()) {
    workspace_->router.Subscribe(agent_id_, self_);
    CheckSession();  // it may have ended before we could be told
  }
  // Likewise the hub may have begun to drain.
  if (workspace_->engine().draining()) OnDrain(&workspace_->engine());
  OnTimer();
}

void WatchReactor::OnDone() {
  std::shared_ptr<SnapshotSource> unread;
  {
    base::MutexLock lock(&mu_);
    done_ = true;
    unread = std::move(snapshot_);
  }
  Forget(std::move(unread));
  if (joined_) {
    workspace_->router.Unsubscribe(agent_id_, this);
    workspace_->engine().broadcaster().Unregister(this);
    --workspace_->watches;
  }
  host_->timer().Cancel(this);
  host_->streams().Remove(this);
  host_->open_calls().Leave();
  self_.reset();  // may delete this
}

void WatchReactor::OnCancel() {
  {
    base::MutexLock lock(&mu_);
    gone_ = true;
  }
  Pump();
}

void WatchReactor::OnWriteDone(bool ok) {
  {
    base::MutexLock lock(&mu_);
    writing_ = false;
    in_flight_since_.reset();
    message_.Clear();
    if (!ok) gone_ = true;
  }
  Pump();
}

void WatchReactor::End(absl::Status status) {
  {
    base::MutexLock lock(&mu_);
    if (!end_.ok()) return;
    end_ = std::move(status);
  }
  Pump();
}

void WatchReactor::OnDrain(const engine::Workspace* workspace) {
  if (workspace != nullptr && workspace != &workspace_->engine()) return;
  {
    base::MutexLock lock(&mu_);
    if (!end_.ok()) return;
    end_ = engine::Draining();
    say_closing_ = true;
  }
  Pump();
}

void WatchReactor::CheckSession() {
  if (session_uid_.empty()) return;
  if (!workspace_->engine().AgentOfSession(session_uid_).empty()) return;
  End(core::SessionEnded(agent_id_, nullptr));
}

void WatchReactor::OnTimer() {
  const base::MonoTime now = host_->clock().Mono();
  const absl::Duration patience = host_->options().slow_watcher_timeout;
  base::MonoTime next = now + patience;
  std::shared_ptr<SnapshotSource> dropped;
  {
    base::MutexLock lock(&mu_);
    if (done_) return;
    if (snapshot_ != nullptr && now - begun_ >= host_->options().slow_snapshot_timeout) {
      too_slow_ = true;
      dropped = std::move(snapshot_);
    }
    // Also while a message is in flight: what comes after it may be the bookmark.
    const base::MonoTime due = BookmarkTime(last_sent_, plan_.bookmark_interval);
    bookmark_due_ = bookmark_due_ || now >= due;
    next = std::min(next, now < due ? due : BookmarkTime(now, plan_.bookmark_interval));
    if (in_flight_since_.has_value()) {
      const base::MonoTime too_late = *in_flight_since_ + patience;
      const base::MonoTime cut = too_late + patience;
      too_slow_ = too_slow_ || (now >= too_late && !base::MutantActive("slow_watcher_kept"));
      // The status waits behind the data that nobody reads. TryCancel runs no reaction on this
      // thread, and `done_` tells that the context is still there.
      if (now >= cut) call_->context().TryCancel();
      next = std::min(next, now < too_late ? too_late : std::max(cut, now + patience));
    }
  }
  Forget(std::move(dropped));
  host_->timer().Set(shared_from_this(), next);
  Pump();
}

void WatchReactor::Forget(std::shared_ptr<SnapshotSource> snapshot) {
  if (snapshot == nullptr) return;
  host_->PostRead([snapshot = std::move(snapshot)](const absl::Status&) {});
}

void WatchReactor::Pump() {
  Step step;
  {
    base::MutexLock lock(&mu_);
    step = Next();
  }
  Perform(std::move(step));
}

void WatchReactor::Perform(Step step) {
  switch (step.action) {
    case Action::kNothing:
      return;
    case Action::kWrite: {
      call_->Write(message_);
      {
        base::MutexLock lock(&mu_);
        // Unless it is written already, and maybe another one under way.
        if (writing_ && write_number_ == step.write_number)
          in_flight_since_ = host_->clock().Mono();
        if (!too_slow_) return;
      }
      return Pump();  // time ran out in between, when nothing could be finished
    }
    case Action::kFinish:
      call_->Finish(ToGrpcStatus(step.status));
      return;
    case Action::kReadJournal:
      workspace_->engine().ReadEvents(
          step.after, kEventsPerJournalRead, kMaxBytesPerWrite,
          [self = shared_from_this()](absl::StatusOr<std::vector<engine::EncodedEvent>> events) {
            self->OnJournalRead(std::move(events));
          });
      return;
    case Action::kReadSnapshot:
      return host_->PostRead(
          [self = shared_from_this()](const absl::Status& go) { self->ReadSnapshot(go); });
    case Action::kLookLater:
      return host_->PostRead(
          [self = shared_from_this()](const absl::Status& go) { self->LookOn(go); });
  }
}

WatchReactor::Step WatchReactor::Next() {
  if (finished_) return {};
  // The only end that does not wait for the write in flight: that one is why. But for its start.
  if (too_slow_ && (!writing_ || in_flight_since_.has_value())) return FinishWith(TooSlow());
  if (writing_) return {};
  if (gone_) return FinishWith(engine::CallerGone());
  if (!end_.ok()) {
    // Nothing comes before `opened`, not even a farewell.
    if (!opened_ || !std::exchange(say_closing_, false)) return FinishWith(end_);
    v1::WatchEventsResponse closing;
    closing.mutable_closing()->set_reason("the hub is stopping");
    return WriteMessage(closing);
  }
  v1::WatchEventsResponse message;
  if (!std::exchange(opened_, true)) {
    message.mutable_opened()->set_log_id(plan_.log.log_id);
    message.mutable_opened()->set_start_revision(plan_.after_revision);
    message.mutable_opened()->set_head_revision(plan_.log.head_revision);
    return WriteMessage(message);
  }
  if (part_.has_value()) {
    if (part_->complete()) snapshot_.reset();
    message.mutable_snapshot()->Swap(&*part_);
    part_.reset();
    return WriteMessage(message);
  }
  if (reading_snapshot_) return {};
  if (snapshot_ != nullptr) {
    reading_snapshot_ = true;
    return {.action = Action::kReadSnapshot};
  }
  return NextEvents();
}

void WatchReactor::ReadSnapshot(const absl::Status& go) {
  std::shared_ptr<SnapshotSource> snapshot;
  {
    base::MutexLock lock(&mu_);
    snapshot = snapshot_;
  }
  std::optional<v1::SnapshotChunk> part;
  if (go.ok() && snapshot != nullptr) part = snapshot->Next();
  {
    base::MutexLock lock(&mu_);
    reading_snapshot_ = false;
    part_ = std::move(part);
    if (!go.ok() && end_.ok()) end_ = go;
  }
  Pump();
}

void WatchReactor::LookOn(const absl::Status& go) {
  {
    base::MutexLock lock(&mu_);
    looking_later_ = false;
    if (!go.ok() && end_.ok()) end_ = go;
  }
  Pump();
}

WatchReactor::Step WatchReactor::NextEvents() {
  using Found = engine::Broadcaster::Found;
  if (reading_journal_ || looking_later_) return {};
  if (!backlog_.empty()) return Write(JoinFrames(std::exchange(backlog_, {})));
  engine::Broadcaster& broadcaster = workspace_->engine().broadcaster();
  const int64_t begun = cursor_;
  while (true) {
    // A narrow filter may look at all that the ring holds, which others do not wait for.
    if (cursor_ - begun >= kEventsLookedAtAtOnce) {
      looking_later_ = true;
      return {.action = Action::kLookLater};
    }
    // Everything up to the cursor was written by now.
    if (at_boundary_ && (bookmark_due_ || left_out_ >= kBookmarkAfterLeftOut)) {
      return WriteBookmark(cursor_);
    }
    if (plan_.filter.admits_all()) {
      auto joined = workspace_->joined_messages.Find(cursor_, broadcaster.published_revision());
      if (joined.has_value()) {
        Advance(joined->last, joined->at_boundary, joined->events);
        return Write(std::move(joined->bytes));
      }
    }
    engine::Broadcaster::ReadResult read =
        broadcaster.Read(cursor_, plan_.filter, kMaxEventsPerWrite, kMaxBytesPerWrite);
    switch (read.found) {
      case Found::kBehind:
        reading_journal_ = true;
        return {.action = Action::kReadJournal, .after = cursor_};
      case Found::kCaughtUp:
        broadcaster.Arm(this, cursor_);
        return {};
      case Found::kEvents: {
        const int64_t after = cursor_;
        Advance(read.scanned, read.at_boundary, read.events.size());
        if (read.events.empty()) break;
        if (base::MutantActive("bookmark_early")) {
          backlog_ = std::move(read.events);
          return WriteBookmark(broadcaster.published_revision());
        }
        return Write(Join(after, read));
      }
    }
  }
}

grpc::ByteBuffer WatchReactor::Join(int64_t after, const engine::Broadcaster::ReadResult& read) {
  grpc::ByteBuffer bytes = JoinFrames(read.events);
  if (plan_.filter.admits_all()) {
    workspace_->joined_messages.Keep(
        {after, read.scanned, read.at_boundary, read.events.size(), bytes});
  }
  return bytes;
}

void WatchReactor::Advance(int64_t scanned, bool at_boundary, size_t admitted) {
  left_out_ += scanned - cursor_ - static_cast<int64_t>(admitted);
  cursor_ = scanned;
  at_boundary_ = at_boundary;
}

void WatchReactor::OnJournalRead(absl::StatusOr<std::vector<engine::EncodedEvent>> events) {
  if (events.ok() && events->empty()) {
    // The ring begins after the cursor, so the journal has what lies between.
    events = absl::InternalError("the journal has no events where the ring says so");
  }
  {
    base::MutexLock lock(&mu_);
    reading_journal_ = false;
    if (!events.ok()) {
      if (end_.ok()) end_ = events.status();
    } else {
      const std::shared_ptr<const v1::Event> last = events->back().event;
      for (engine::EncodedEvent& event : *events) {
        if (plan_.filter.Admits(*event.event)) backlog_.push_back(std::move(event));
      }
      Advance(last->revision(), last->revision() == last->commit_revision(), backlog_.size());
    }
  }
  Pump();
}

WatchReactor::Step WatchReactor::Write(grpc::ByteBuffer message) {
  message_ = std::move(message);
  writing_ = true;
  left_out_ = 0;
  bookmark_due_ = false;
  last_sent_ = host_->clock().Mono();
  return {.action = Action::kWrite, .write_number = ++write_number_};
}

WatchReactor::Step WatchReactor::WriteMessage(const v1::WatchEventsResponse& message) {
  return Write(Encode(message));
}

WatchReactor::Step WatchReactor::WriteBookmark(int64_t revision) {
  v1::WatchEventsResponse message;
  message.mutable_bookmark()->set_revision(revision);
  *message.mutable_bookmark()->mutable_bookmark_time() = core::ToProto(host_->clock().Wall());
  return WriteMessage(message);
}

WatchReactor::Step WatchReactor::FinishWith(absl::Status status) {
  finished_ = true;
  return {.action = Action::kFinish, .status = std::move(status)};
}

}  // namespace coordhub::rpc
