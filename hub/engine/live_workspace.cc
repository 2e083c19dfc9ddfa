#include "hub/engine/live_workspace.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/proto_time.h"
#include "hub/engine/complete_store.h"
#include "hub/engine/endings.h"
#include "hub/engine/event_codec.h"
#include "hub/engine/stored_answer.h"
#include "hub/journal/store_key.h"

namespace coordhub::engine {
namespace {

// What AwaitRevision waits at the longest, so that a revision that never comes cannot hold calls.
constexpr absl::Duration kAwaitMax = absl::Seconds(10);
constexpr size_t kAwaitingMax = 4096;
// Reads of watchers that fell behind and of repeated requests; each caller has one under way.
constexpr size_t kReaderTasks = 16384;
// Each may pin a view.
constexpr size_t kMaintenanceTasks = 64;

absl::Status NotReached(int64_t min_revision, int64_t head) {
  return base::MakeError(
      v1::ERROR_REASON_REVISION_NOT_REACHED,
      absl::StrCat("revision ", min_revision, " was not reached; the head is ", head),
      {{"min_revision", absl::StrCat(min_revision)}, {"head_revision", absl::StrCat(head)}});
}

// What long work that is being stopped still has to write down.
bool IsEndOfWork(const core::CommandBody& body) {
  return std::holds_alternative<core::EndOperation>(body) ||
         std::holds_alternative<core::ConcludeRound>(body);
}

// The newest revision that changed a round; 0: none did.
int64_t NewestRoundChange(const std::vector<EncodedEvent>& events) {
  const auto is_of_round = [](const EncodedEvent& encoded) {
    return encoded.event->kind() >= v1::EVENT_KIND_ROUND_OPENED &&
           encoded.event->kind() <= v1::EVENT_KIND_ROUNDS_FORGOTTEN;
  };
  const auto newest = std::find_if(events.rbegin(), events.rend(), is_of_round);
  return newest == events.rend() ? 0 : newest->event->revision();
}

int64_t NewestRoundChange(const core::State& state) {
  int64_t newest = 0;
  const auto& rounds = state.records().of<core::tables::Rounds>();
  for (auto round = rounds.Begin(); round.Valid(); round.Next()) {
    newest = std::max(newest, round->mod_revision());
  }
  return newest;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Workspace>> Workspace::Open(
    WorkspaceOptions options, std::unique_ptr<journal::Journal> journal, base::Clock* clock,
    base::IdSource* /*ids*/) {
  const auto note = [&](const std::string& text) {
    base::Log(base::LogLevel::kWarning, text, {{"workspace", options.workspace_id}});
  };
  COORDHUB_RETURN_IF_ERROR(CompleteStore(journal.get(), note));
  COORDHUB_ASSIGN_OR_RETURN(FoldResult fold, Fold(journal.get(), FoldFrom::kNewestSnapshot,
                                                  journal->head_revision(), clock->Now(), note));
  auto workspace = std::make_unique<LiveWorkspace>(std::move(options), std::move(journal),
                                                   std::move(fold), clock);
  COORDHUB_RETURN_IF_ERROR(workspace->Start());
  return workspace;
}

LiveWorkspace::LiveWorkspace(WorkspaceOptions options, std::unique_ptr<journal::Journal> journal,
                             FoldResult fold, base::Clock* clock)
    : options_(std::move(options)),
      clock_(clock),
      journal_(std::move(journal)),
      state_(std::move(fold.state)),
      reader_(journal_->NewReader()),
      archive_reader_(journal_->NewArchiveReader()),
      lease_clock_(clock),
      view_(state_->MakeView()),
      revision_waits_(state_->revision(), kAwaitingMax),
      round_waits_(NewestRoundChange(*state_), kAwaitingMax),
      snapshot_revision_(fold.snapshot_revision),
      snapshot_records_(fold.snapshot_records),
      broadcaster_(state_->revision(), options_.ring_events, options_.ring_bytes, clock_),
      writer_({state_.get(), journal_.get(), clock, &lease_clock_, &sessions_, &rights_, this,
               options_.waiters_capacity, options_.archiving, options_.text_quota}),
      texts_(journal_.get()),
      reader_thread_(kReaderTasks, "journal-reader"),
      maintenance_thread_(kMaintenanceTasks, "maintenance", Executor::Priority::kBackground),
      heartbeat_(LeaseClock::kObservePeriod, [this] { lease_clock_.Now(); }) {}

LiveWorkspace::~LiveWorkspace() { Stop(); }

absl::Status LiveWorkspace::EndRestoredSessions() {
  // Bounded by the command, so that no commit is larger than others; a start that breaks off in
  // between goes on with those that are left.
  do {
    Call call;
    call.command = std::make_unique<core::Command>(core::Command{
        .caller = core::Caller::Hub("restore"),
        .body = core::EndAllSessions{"the workspace was restored from a backup, or copied"}});
    absl::Status ended;
    call.done = [&ended](const absl::StatusOr<Outcome>& outcome) { ended = outcome.status(); };
    std::vector<Call> calls;
    calls.push_back(std::move(call));
    writer_.Run(std::move(calls));
    COORDHUB_RETURN_IF_ERROR(ended);
  } while (state_->live_agent_count() > 0);
  return journal_->ClearRestored();
}

absl::Status LiveWorkspace::Start() {
  if (options_.hold_leases) {
    writer_.GrantLeases();
  } else {
    writer_.BeginLeases();
  }
  state_->AnchorDelays({lease_clock_.Now(), clock_->Wall()});
  if (journal_->identity().restored) COORDHUB_RETURN_IF_ERROR(EndRestoredSessions());
  sequencer_ =
      std::make_unique<Sequencer>(&writer_, &lease_clock_,
                                  Sequencer::Bounds{.calls = options_.queue_capacity,
                                                    .bytes = options_.queue_bytes,
                                                    .batch = options_.max_batch},
                                  [this](bool there_are) { heartbeat_.SetBeating(there_are); });
  return absl::OkStatus();
}

void LiveWorkspace::BeginLeases() {
  sequencer_->Post([this] { writer_.BeginLeases(); });
}

CallId LiveWorkspace::Submit(std::unique_ptr<core::Command> command, base::MonoTime deadline,
                             Done done) {
  Call call;
  call.id = next_call_.fetch_add(1, std::memory_order_relaxed);
  call.command = std::move(command);
  call.command->claim_timeout_default = options_.claim_timeout_default;
  call.deadline = deadline;
  call.done = std::move(done);
  const CallId id = call.id;
  if (draining_ && !IsEndOfWork(call.command->body)) {
    call.Answer(Draining());
  } else if (!sequencer_->Submit(std::move(call))) {
    // NOLINTNEXTLINE(bugprone-use-after-move): what was not taken is as it was.
    call.Answer(draining_ ? Draining()
                          : base::MakeError(v1::ERROR_REASON_OVERLOADED,
                                            "too many requests wait for the writer"));
  }
  return id;
}

void LiveWorkspace::Cancel(CallId call) { sequencer_->Cancel(call); }

ViewPtr LiveWorkspace::view() const {
  base::MutexLock lock(&view_mu_);
  return view_;
}

void LiveWorkspace::AwaitRevision(int64_t min_revision, base::MonoTime deadline, ViewDone done) {
  ViewPtr now = view();
  if (now->revision >= min_revision) {
    done(std::move(now));
    return;
  }
  Wait(revision_waits_, min_revision, deadline, std::move(done));
}

void LiveWorkspace::AwaitRoundChange(int64_t after_revision, base::MonoTime deadline,
                                     ViewDone done) {
  Wait(round_waits_, after_revision + 1, deadline, std::move(done));
}

void LiveWorkspace::Wait(RevisionWaits& waits, int64_t min_revision, base::MonoTime deadline,
                         ViewDone done) {
  const base::MonoTime due = std::min(deadline, clock_->Mono() + kAwaitMax);
  switch (waits.Add(min_revision, due, &done)) {
    case RevisionWaits::Added::kWaits:
      // The writer may sleep without an end, for who waits ends by its ticks.
      sequencer_->Post([] {});
      return;
    case RevisionWaits::Added::kReached:
      return done(view());
    case RevisionWaits::Added::kFull:
      return done(NotReached(min_revision, view()->revision));
    case RevisionWaits::Added::kClosed:
      return done(Draining());
  }
}

void LiveWorkspace::OnView(std::shared_ptr<const core::View> view) {
  {
    base::MutexLock lock(&view_mu_);
    former_view_ = std::exchange(view_, view);
  }
  for (const ViewDone& done : revision_waits_.Reach(view->revision)) done(view);
}

void LiveWorkspace::OnTick() {
  for (const RevisionWaits::Wait& wait : revision_waits_.TakeOverdue(clock_->Mono())) {
    wait.done(NotReached(wait.min_revision, view()->revision));
  }
  for (const RevisionWaits::Wait& wait : round_waits_.TakeOverdue(clock_->Mono())) {
    wait.done(NotReached(wait.min_revision, view()->revision));
  }
}

void LiveWorkspace::OnCommitted(const std::vector<EncodedEvent>& events) {
  broadcaster_.Publish(events);
  if (const int64_t changed = NewestRoundChange(events); changed > 0) {
    for (const ViewDone& done : round_waits_.Reach(changed)) done(view());
  }
  work_signs_.Follow(events, *former_view_, *view());
  former_view_.reset();
  const int64_t head = events.back().event->revision();
  CheckpointIfDue();
  ScheduleMaintenance(head);
}

void LiveWorkspace::CheckpointIfDue() {
  const absl::Status status = journal_->Checkpoint(/*force=*/false);
  if (!status.ok() && base::ReasonOf(status) != v1::ERROR_REASON_DISK_FULL) OnFatal(status);
}

void LiveWorkspace::CheckHeld() {
  sequencer_->Post([this] {
    const absl::Status held = journal_->CheckHeld();
    if (!held.ok()) OnFatal(held);
  });
}

void LiveWorkspace::OnWriteRefusal(const std::string& reason) {
  base::MutexLock lock(&refusal_mu_);
  if (write_refusal_.empty() != reason.empty()) {
    base::Log(reason.empty() ? base::LogLevel::kInfo : base::LogLevel::kError,
              reason.empty() ? "writing resumed" : "writing is refused",
              {{"workspace", options_.workspace_id}, {"reason", reason}});
  }
  write_refusal_ = reason;
}

void LiveWorkspace::OnFatal(const absl::Status& status) {
  if (options_.on_fatal) options_.on_fatal(status);
}

absl::StatusOr<Outcome> LiveWorkspace::ReadCommit(journal::CommitRange range) {
  Outcome outcome;
  outcome.revision = range.second;
  if (const auto cached = broadcaster_.FindCommit(range.first, range.second)) {
    for (const EncodedEvent& encoded : *cached) outcome.events.push_back(encoded.event);
    return outcome;
  }
  std::vector<journal::Entry> entries;
  COORDHUB_ASSIGN_OR_RETURN(
      const std::optional<std::string> kept,
      archive_reader_->Get(journal::Space::kAnswer, journal::KeyOf(range.second)));
  if (kept.has_value()) {
    auto stored = AnswerFrom(*kept, range);
    if (!stored.has_value()) {
      return base::MakeError(
          v1::ERROR_REASON_JOURNAL_DAMAGED,
          absl::StrCat("the answer kept of commit ", range.second, " cannot be read"),
          {{"revision", absl::StrCat(range.second)}});
    }
    entries = *std::move(stored);
  }
  for (int64_t read = entries.empty() ? range.first - 1 : range.second; read < range.second;
       read = entries.back().revision) {
    const auto left = static_cast<size_t>(range.second - read);
    COORDHUB_RETURN_IF_ERROR(reader_->Read(read, left, SIZE_MAX, &entries));
  }
  for (const journal::Entry& entry : entries) {
    COORDHUB_ASSIGN_OR_RETURN(EncodedEvent encoded, Decode(entry));
    outcome.events.push_back(std::move(encoded.event));
  }
  return outcome;
}

void LiveWorkspace::FetchCommit(journal::CommitRange range, Done done) {
  auto shared = std::make_shared<Done>(std::move(done));
  reader_thread_.Post([this, range, shared](const absl::Status& go) {
    (*shared)(go.ok() ? ReadCommit(range) : absl::StatusOr<Outcome>(go));
  });
}

absl::Status LiveWorkspace::TouchSession(std::string_view session_uid) {
  if (!sessions_.Touch(SessionLease(session_uid), lease_clock_.Now())) return SessionEnded();
  return absl::OkStatus();
}

std::string LiveWorkspace::AgentOfSession(std::string_view session_uid) const {
  return sessions_.OwnerOf(SessionLease(session_uid));
}

absl::StatusOr<std::shared_ptr<const v1::Ticket>> LiveWorkspace::CheckClaim(
    std::string_view session_uid, const std::string& ticket_id, int64_t fence) const {
  const ViewPtr now = view();
  const auto* found = now->records.of<core::tables::Tickets>().Find(core::TicketNumber(ticket_id));
  if (found == nullptr) return core::TicketNotFound(ticket_id);
  COORDHUB_RETURN_IF_ERROR(core::CheckFence(**found, AgentOfSession(session_uid), fence));
  return *found;
}

absl::StatusOr<absl::Duration> LiveWorkspace::RenewClaim(std::string_view session_uid,
                                                         const v1::RenewClaimRequest& request) {
  COORDHUB_RETURN_IF_ERROR(TouchSession(session_uid));
  COORDHUB_ASSIGN_OR_RETURN(const std::shared_ptr<const v1::Ticket> ticket,
                            CheckClaim(session_uid, request.ticket_id(), request.fence()));
  if (!ticket->claim().has_claim_timeout()) return absl::InfiniteDuration();
  const LeaseName lease = ClaimLease(request.ticket_id(), request.fence());
  const base::MonoTime now = lease_clock_.Now();
  if (rights_.Touch(lease, now)) {
    const auto status = rights_.Find(lease, now);
    return status ? status->left : absl::ZeroDuration();
  }
  // Its time ran out, or it ended, a moment ago.
  return base::MakeError(v1::ERROR_REASON_CLAIM_SUPERSEDED,
                         absl::StrCat("the claim on ", request.ticket_id(), " has ended"),
                         {{"ticket_id", request.ticket_id()},
                          {"holder", ""},
                          {"current_fence", absl::StrCat(ticket->last_fence())}});
}

absl::Status LiveWorkspace::UpdateProgress(std::string_view session_uid,
                                           const v1::UpdateProgressRequest& request) {
  COORDHUB_RETURN_IF_ERROR(TouchSession(session_uid));
  COORDHUB_RETURN_IF_ERROR(CheckClaim(session_uid, request.ticket_id(), request.fence()).status());
  v1::Progress progress;
  progress.set_note(request.note());
  if (request.has_percent()) progress.set_percent(request.percent());
  work_signs_.NoteProgress(*view(), request.ticket_id(), request.fence(), std::move(progress),
                           clock_->Wall());
  return absl::OkStatus();
}

void LiveWorkspace::Decorate(const core::View& view, v1::Agent* agent) const {
  if (!core::IsLive(*agent)) return;
  const auto lease = sessions_.Find(SessionLease(agent->session_uid()), lease_clock_.Now());
  const absl::Time now = clock_->Wall();
  if (lease) {
    if (lease->silent_for > lease->ttl / 2) agent->set_state(v1::Agent::STATE_SUSPECT);
    *agent->mutable_last_seen_time() = core::ToProto(now - lease->silent_for);
    *agent->mutable_expire_time() = core::ToProto(now + lease->left);
  }
  for (auto it =
           view.records.tickets_by_holder.LowerBound(std::make_pair(agent->agent_id(), int64_t{0}));
       it.Valid() && it.key().first == agent->agent_id(); it.Next()) {
    agent->add_claimed_ticket_ids(it.value()->ticket_id());
  }
}

void LiveWorkspace::Decorate(const core::View& view, v1::Ticket* ticket) const {
  for (v1::Blocker& blocker : core::BlockersOf(view.records, *ticket))
    *ticket->add_blocked_by() = std::move(blocker);
  work_signs_.Decorate(ticket);
}

std::vector<v1::HeldClaim> LiveWorkspace::ClaimsOf(const core::View& view,
                                                   std::string_view agent_id) const {
  std::vector<v1::HeldClaim> held;
  const std::string id(agent_id);
  for (auto it = view.records.tickets_by_holder.LowerBound(std::make_pair(id, int64_t{0}));
       it.Valid() && it.key().first == id; it.Next()) {
    v1::HeldClaim& claim = held.emplace_back();
    claim.set_ticket_id(it.value()->ticket_id());
    claim.set_fence(it.value()->claim().fence());
    if (!it.value()->claim().has_claim_timeout()) continue;
    const auto lease =
        rights_.Find(ClaimLease(claim.ticket_id(), claim.fence()), lease_clock_.Now());
    *claim.mutable_expires_in() = core::ToProto(lease ? lease->left : absl::ZeroDuration());
  }
  return held;
}

std::optional<absl::Duration> LiveWorkspace::SessionTimeLeft(std::string_view agent_id) const {
  const ViewPtr now = view();
  const auto* agent = now->records.of<core::tables::Agents>().Find(std::string(agent_id));
  if (agent == nullptr || !core::IsLive(**agent)) return std::nullopt;
  const auto lease = sessions_.Find(SessionLease((*agent)->session_uid()), lease_clock_.Now());
  if (!lease) return std::nullopt;
  return lease->left;
}

v1::Workspace LiveWorkspace::Describe() const {
  const ViewPtr now = view();
  v1::Workspace description;
  description.set_workspace_id(options_.workspace_id);
  description.set_log_id(journal_->identity().log_id);
  description.set_head_revision(now->revision);
  description.set_compact_revision(journal_->compact_revision());
  description.set_mirrored_revision(mirrored_revision_);
  description.set_observed_revision(observed_revision_);
  for (int state = v1::Ticket::STATE_OPEN; state <= v1::Ticket::STATE_BURIED; ++state) {
    v1::TicketCount* count = description.add_ticket_counts();
    count->set_state(static_cast<v1::Ticket::State>(state));
    count->set_count(now->records.ticket_counts[static_cast<size_t>(state)]);
  }
  if (options_.claim_timeout_default.has_value()) {
    *description.mutable_claim_timeout_default() = core::ToProto(*options_.claim_timeout_default);
  }
  description.set_active_agents(static_cast<int32_t>(sessions_.size()));
  description.set_watchers(static_cast<int32_t>(broadcaster_.listener_count()));
  description.set_journal_bytes(journal_->size_bytes());
  description.set_retained_events(options_.retained_events);
  description.set_text_bytes(journal_->store_size(journal::Space::kText).bytes +
                             journal_->store_size(journal::Space::kMessage).bytes);
  description.set_text_quota_bytes(options_.text_quota);
  description.set_archived_tickets(now->records.archived_tickets);
  description.set_remembered_requests(
      static_cast<int64_t>(now->records.of<core::tables::Requests>().size()));
  description.set_remembered_bytes(now->records.remembered_bytes);
  base::MutexLock lock(&refusal_mu_);
  description.set_write_refusal(write_refusal_);
  return description;
}

void LiveWorkspace::ReadEvents(
    int64_t after, size_t max_events, size_t max_bytes,
    std::function<void(absl::StatusOr<std::vector<EncodedEvent>>)> done) {
  auto shared = std::make_shared<decltype(done)>(std::move(done));
  const auto read = [this, after, max_events,
                     max_bytes]() -> absl::StatusOr<std::vector<EncodedEvent>> {
    std::vector<journal::Entry> entries;
    COORDHUB_RETURN_IF_ERROR(
        reader_->Read(after, std::min<size_t>(max_events, 1000), max_bytes, &entries));
    std::vector<EncodedEvent> events;
    events.reserve(entries.size());
    for (const journal::Entry& entry : entries) {
      COORDHUB_ASSIGN_OR_RETURN(EncodedEvent encoded, Decode(entry));
      events.push_back(std::move(encoded));
    }
    return events;
  };
  reader_thread_.Post([read, shared](const absl::Status& go) {
    (*shared)(go.ok() ? read() : absl::StatusOr<std::vector<EncodedEvent>>(go));
  });
}

void LiveWorkspace::OnDrain(std::function<void()> callback) {
  {
    base::MutexLock lock(&drain_mu_);
    if (!draining_) {
      drain_callbacks_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

void LiveWorkspace::Drain() {
  std::vector<std::function<void()>> callbacks;
  {
    base::MutexLock lock(&drain_mu_);
    if (draining_) return;
    draining_ = true;
    callbacks.swap(drain_callbacks_);
  }
  sequencer_->Post([this] { writer_.EndWaits(Draining()); });
  for (const std::function<void()>& callback : callbacks) callback();
  for (const RevisionWaits::Wait& wait : revision_waits_.Close()) wait.done(Draining());
  for (const RevisionWaits::Wait& wait : round_waits_.Close()) wait.done(Draining());
}

void LiveWorkspace::Stop() {
  if (stopped_) return;
  stopped_ = true;
  if (sequencer_ != nullptr) {
    Drain();
    maintenance_thread_.Stop();
    sequencer_->Stop();
  }
  heartbeat_.Stop();
  if (sequencer_ != nullptr) writer_.EndWaits(Draining());
  reader_thread_.Stop();
  texts_.Stop();
  broadcaster_.Stop();
  if (sequencer_ == nullptr || writer_.failed()) return;
  // A start from here reads no more than a tenth of what a snapshot spares.
  if (view()->revision - snapshot_revision_ > options_.snapshot_every / 10) {
    const absl::Status saved = SaveSnapshot(*view(), /*rest=*/nullptr);
    if (!saved.ok())
      base::Log(base::LogLevel::kWarning, "no snapshot at stop", {{"error", saved.ToString()}});
  }
  const absl::Status checkpointed = journal_->Checkpoint(/*force=*/true);
  if (!checkpointed.ok()) {
    base::Log(base::LogLevel::kWarning, "no checkpoint at stop",
              {{"error", checkpointed.ToString()}});
  }
}

}  // namespace coordhub::engine
