#include "hub/engine/writer.h"

#include <algorithm>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "hub/engine/event_codec.h"
#include "hub/engine/stored_answer.h"
#include "hub/engine/stored_rows.h"

namespace coordhub::engine {
namespace {

bool IsDiskFull(const absl::Status& status) {
  return base::ReasonOf(status) == v1::ERROR_REASON_DISK_FULL;
}

}  // namespace

Writer::Writer(const Parts& parts)
    : parts_(parts),
      leases_(parts.sessions, parts.rights),
      waits_(parts.waiters_capacity),
      windows_(parts.state, parts.lease_clock->Now()),
      archiving_(parts.state, parts.archiving),
      durable_view_(parts.state->MakeView()) {}

base::Now Writer::ReadClock() const { return {parts_.lease_clock->Now(), parts_.clock->Wall()}; }

base::Now Writer::SteadyNow() const { return {parts_.clock->Mono(), parts_.clock->Wall()}; }

void Writer::GrantLeases() { leases_.Grant(parts_.state->records(), parts_.lease_clock->Now()); }

void Writer::BeginLeases() {
  GrantLeases();
  leases_begun_ = true;
}

std::optional<base::MonoTime> Writer::NextDue() const {
  if (failed_) return std::nullopt;
  std::optional<base::MonoTime> due;
  const auto consider = [&due](std::optional<base::MonoTime> time) {
    if (time && (!due || *time < *due)) due = time;
  };
  if (LeasesRun()) {
    consider(parts_.sessions->NextDeadline());
    consider(parts_.rights->NextDeadline());
  }
  consider(parts_.state->ready().NextRested());
  // No time of day is known to come after so and so long: the wall clock may be set meanwhile. The
  // sequencer looks again often enough.
  if (const auto time = parts_.state->ready().NextTime(); time.has_value()) {
    const base::Now now = ReadClock();
    consider(now.mono + std::max(absl::ZeroDuration(), *time - now.wall));
  }
  consider(waits_.any_woken() ? parts_.lease_clock->Now() : waits_.NextOverdue());
  const base::Now steady = SteadyNow();
  const auto in_lease_time = [&](base::MonoTime time) {
    return parts_.lease_clock->Now() + (time - steady.mono);
  };
  if (const auto time = archiving_.NextDue(steady); closed_.ok() && time.has_value()) {
    consider(in_lease_time(*time));
  }
  // Nothing is tried before that.
  if (due && full_until_) due = std::max(*due, in_lease_time(*full_until_));
  return due;
}

void Writer::Run(std::vector<Call> calls) {
  BeginBatch();
  parts_.observer->OnTick();
  if (failed_) {
    for (Call& call : calls) RunCall(std::move(call));
    return;
  }
  if (full_until_ && parts_.clock->Mono() < *full_until_) return RefuseFull(std::move(calls));
  RunDue();
  for (Call& call : calls) RunCall(std::move(call));
  ArchiveIfDue();
  (void)Commit();  // who asked was told
}

void Writer::RefuseFull(std::vector<Call> calls) {
  for (Call& call : calls) {
    // What took place before is answered as ever.
    if (HandleRepeated(&call)) continue;
    Reply(std::move(call), base::MakeError(v1::ERROR_REASON_DISK_FULL,
                                           "the disk is full; writing resumes by itself"));
  }
  AnswerAll();
}

void Writer::BeginBatch() {
  now_ = ReadClock();
  events_.clear();
  entries_.clear();
  counted_ = counted_bytes_ = 0;
  answers_.clear();
  repeats_.clear();
  batch_text_bytes_ = 0;
}

void Writer::RunDue() {
  // Those whose time is over first: nothing is given to a session that ends in this batch.
  if (LeasesRun()) {
    ExpireSessions();
    ExpireRights();
  }
  parts_.state->ReleaseDue(now_);
  ServeWaiters();
  EndOverdueWaits();
}

void Writer::ExpireSessions() {
  const std::vector<LeaseTable::Expired> expired = parts_.sessions->TakeExpired(now_.mono);
  for (const LeaseTable::Expired& lease : expired) {
    EndSessionWaits(lease.key.id);
  }
  for (const LeaseTable::Expired& lease : expired) {
    const v1::Agent* agent = parts_.state->FindSession(lease.key.id);
    if (agent == nullptr) {
      parts_.sessions->Remove(lease.key.name());
      continue;
    }
    ApplyInternal("sessions",
                  core::ExpireSession{agent->agent_id(), lease.key.id, lease.silent_for});
  }
}

void Writer::ExpireRights() {
  for (const LeaseTable::Expired& lease : parts_.rights->TakeExpired(now_.mono)) {
    switch (lease.key.kind) {
      case LeaseKind::kClaim:
        ExpireClaim(lease.key);
        break;
      case LeaseKind::kReservation:  // none is granted yet
      case LeaseKind::kSession:
        parts_.rights->Remove(lease.key.name());
        break;
    }
  }
}

void Writer::ExpireClaim(const LeaseKey& key) {
  const int64_t number = core::TicketNumber(key.id);
  const v1::Ticket* ticket = parts_.state->FindTicket(number);
  if (ticket == nullptr || !ticket->has_claim() || ticket->claim().fence() != key.fence) {
    parts_.rights->Remove(key.name());
    return;
  }
  ApplyInternal("sessions", core::ExpireClaim{number, key.fence});
}

bool Writer::ApplyInternal(const std::string& part, core::CommandBody body) {
  const core::Command command = {.caller = core::Caller::Hub(part), .body = std::move(body)};
  const absl::StatusOr<core::Decision> decision = Decide(command, core::WaitQueue::kNewcomer);
  // The hub's own commands are never refused; if one is, the lease stays listed and is tried again.
  if (!decision.ok() || !MakeRoom(*decision, {}).ok()) return false;
  Apply(*decision, nullptr);
  // What it frees is given away once all that ends now has ended (RunDue): not to one of those.
  FollowWaits(*decision);
  return !decision->events.empty();
}

void Writer::ArchiveIfDue() {
  if (!closed_.ok()) return;
  const base::Now now = SteadyNow();
  const std::optional<core::ArchiveTickets> due = archiving_.Due(now);
  if (due.has_value()) archiving_.Done(ApplyInternal("archive", *due), now);
}

int64_t Writer::TextBytes() const {
  return batch_text_bytes_ + parts_.journal->store_size(journal::Space::kText).bytes +
         parts_.journal->store_size(journal::Space::kMessage).bytes;
}

void Writer::RunCall(Call call) {
  if (failed_) {
    call.Answer(base::MakeError(v1::ERROR_REASON_IO_FAILED, "the journal failed; the hub stops"));
    return;
  }
  if (call.deadline < parts_.clock->Mono()) {
    Reply(std::move(call),
          base::MakeError(v1::ERROR_REASON_DEADLINE_PASSED, "the deadline passed in the queue"));
    return;
  }
  if (HandleRepeated(&call)) return;
  DecideCall(std::move(call));
}

bool Writer::HandleRepeated(Call* call) {
  const core::Command& command = *call->command;
  if (command.request_id.empty()) return false;
  const auto repeated = core::FindRepeated(*parts_.state, command);
  if (!repeated.ok()) {
    Reply(std::move(*call), repeated.status());
    return true;
  }
  if (*repeated != nullptr) {
    TouchWindow((*repeated)->key());
    AnswerRepeated(std::move(*call), **repeated);
    return true;
  }
  return JoinWaiting(call);
}

void Writer::AnswerRepeated(Call call, const journal::v1::RememberedRequest& remembered) {
  if (remembered.events().empty()) {
    repeats_.push_back(
        {std::move(call), {remembered.first_revision(), remembered.commit_revision()}});
    return;
  }
  Outcome outcome;
  outcome.revision = remembered.commit_revision();
  for (const std::string& bytes : remembered.events()) {
    auto event = std::make_shared<v1::Event>();
    event->ParseFromString(bytes);  // as the hub itself wrote it
    outcome.events.push_back(std::move(event));
  }
  Reply(std::move(call), std::move(outcome));
}

absl::StatusOr<journal::v1::CommitPrivate> Writer::PrivateFor(const core::Command& command) {
  journal::v1::CommitPrivate bytes = core::PrivateOf(*parts_.state, command);
  if (!bytes.has_request() || !windows_.full()) return bytes;
  for (std::string& window : windows_.TakeSilent(now_.mono)) {
    bytes.add_forgotten_clients(std::move(window));
  }
  if (!bytes.forgotten_clients().empty()) return bytes;
  return base::MakeError(v1::ERROR_REASON_REPEATS_FULL,
                         "too many requests of the last minutes are remembered; repeat this one "
                         "later");
}

void Writer::TouchWindow(const journal::v1::RequestKey& key) {
  windows_.Touch(key.actor(), key.client(), now_.mono);
}

void Writer::DecideCall(Call call) {
  if (parts_.text_quota > 0) {
    call.command->text_quota = parts_.text_quota;
    call.command->text_bytes = TextBytes();
  }
  absl::StatusOr<core::Decision> decision = Decide(*call.command, core::WaitQueue::kNewcomer);
  if (!decision.ok() && base::MutantActive("refusal_leaves_effect")) {
    ApplyInternal("sessions", core::EndAllSessions{});
  }
  if (decision.ok() && decision->wait.has_value()) {
    Wait(std::move(call), *std::move(decision->wait));
    return;
  }
  Finish(std::move(call), std::move(decision));
  ServeWaiters();
}

absl::StatusOr<core::Decision> Writer::Decide(const core::Command& command,
                                              core::WaitQueue::Place place) const {
  return parts_.decide(*parts_.state, command, now_, {waits_.queue(), place});
}

void Writer::Finish(Call call, absl::StatusOr<core::Decision> decision) {
  if (!decision.ok()) {
    Reply(std::move(call), decision.status());
    return;
  }
  // What changes nothing is not remembered, and takes no room from others.
  absl::StatusOr<journal::v1::CommitPrivate> private_bytes = journal::v1::CommitPrivate();
  if (!decision->events.empty()) private_bytes = PrivateFor(*call.command);
  if (!private_bytes.ok()) {
    Reply(std::move(call), private_bytes.status());
    return;
  }
  const absl::Status room = MakeRoom(*decision, *private_bytes);
  if (!room.ok()) {
    Reply(std::move(call), room);
    return;
  }
  Apply(*decision, &*private_bytes);
  FollowWaits(*decision);
  Outcome outcome;
  outcome.events = std::move(decision->events);
  outcome.revision = parts_.state->revision();
  outcome.no_work = std::move(decision->no_work);
  outcome.resumed = decision->resumed;
  Reply(std::move(call), std::move(outcome));
}

void Writer::Apply(const core::Decision& decision,
                   const journal::v1::CommitPrivate* private_bytes) {
  bool first = true;
  for (const std::shared_ptr<const v1::Event>& event : decision.events) {
    EncodedEvent encoded = Encode(event);
    journal::Entry entry;
    entry.revision = event->revision();
    entry.commit_revision = event->commit_revision();
    entry.event_bytes = std::string(EventBytes(encoded));
    const bool with_private =
        first && private_bytes != nullptr && private_bytes->ByteSizeLong() > 0;
    if (with_private) entry.private_bytes = private_bytes->SerializeAsString();
    parts_.state->Evolve(event, with_private ? private_bytes : nullptr, now_, entry.event_bytes);
    entries_.push_back(std::move(entry));
    events_.push_back(std::move(encoded));
    first = false;
  }
  if (decision.events.empty()) return;
  const size_t first_entry = entries_.size() - decision.events.size();
  for (const core::StoreRow& row : decision.store) {
    const auto at = static_cast<size_t>(row.revision - decision.events.front()->revision());
    entries_[first_entry + at].store.push_back(ToStoreChange(row));
    if (row.space == core::StoreRow::Space::kText) {
      batch_text_bytes_ += static_cast<int64_t>(row.value.size());
    }
  }
  if (private_bytes != nullptr && private_bytes->has_request()) {
    TouchWindow(private_bytes->request());
    const auto commit = absl::MakeConstSpan(entries_).last(decision.events.size());
    if (auto answer = StoreAnswer(commit)) entries_.back().store.push_back(*std::move(answer));
  }
  for (const int64_t forgotten : parts_.state->TakeForgottenAnswers()) {
    entries_.back().store.push_back(EraseAnswer(forgotten));
  }
}

void Writer::Reply(Call call, absl::StatusOr<Outcome> outcome) {
  answers_.push_back({std::move(call), std::move(outcome)});
}

absl::Status Writer::Commit() {
  if (entries_.empty()) {
    AnswerAll();
    return absl::OkStatus();
  }
  const bool early = base::MutantActive("ack_before_commit");
  if (early) AnswerAll();
  const absl::Status appended = parts_.journal->Append(entries_);
  if (!appended.ok()) {
    if (IsDiskFull(appended)) {
      AbandonFull(appended);
    } else {
      Fail(appended);
    }
    return appended;
  }
  if (full_until_) {
    full_until_.reset();
    parts_.observer->OnWriteRefusal("");
  }
  Acknowledge();
  return absl::OkStatus();
}

void Writer::Acknowledge() {
  durable_view_ = parts_.state->MakeView();
  leases_.Follow(events_, now_.mono);
  parts_.observer->OnDurable(events_);
  parts_.observer->OnView(durable_view_);
  AnswerAll();
  parts_.observer->OnCommitted(events_);
}

void Writer::AbandonFull(const absl::Status& status) {
  if (!base::MutantActive("full_disk_keeps_batch")) parts_.state->RollBack(*durable_view_, now_);
  // Who was served in this batch has left, and what he got is free again.
  waits_.WakeAll();
  full_until_ = parts_.clock->Mono() + kFullRetry;
  parts_.observer->OnWriteRefusal(std::string(status.message()));
  for (Answer& answer : answers_) answer.call.Answer(status);
  for (Repeat& repeat : repeats_) repeat.call.Answer(status);
  answers_.clear();
  repeats_.clear();
}

void Writer::Fail(const absl::Status& status) {
  failed_ = true;
  parts_.observer->OnFatal(status);
  for (Answer& answer : answers_) answer.call.Answer(status);
  for (Repeat& repeat : repeats_) repeat.call.Answer(status);
  answers_.clear();
  repeats_.clear();
  EndWaits(status);
}

void Writer::AnswerAll() {
  for (Answer& answer : answers_) {
    if (answer.outcome.ok()) answer.outcome->view = durable_view_;
    answer.call.Answer(std::move(answer.outcome));
  }
  answers_.clear();
  for (Repeat& repeat : repeats_) {
    if (events_.empty() || repeat.range.first < events_.front().event->revision()) {
      parts_.observer->FetchCommit(repeat.range, std::move(repeat.call.done));
      continue;
    }
    Outcome outcome;
    outcome.revision = repeat.range.second;
    for (const EncodedEvent& encoded : events_) {
      const int64_t revision = encoded.event->revision();
      if (revision >= repeat.range.first && revision <= repeat.range.second)
        outcome.events.push_back(encoded.event);
    }
    repeat.call.Answer(std::move(outcome));
  }
  repeats_.clear();
}

}  // namespace coordhub::engine
