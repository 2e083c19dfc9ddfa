#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/error.h"
#include "agent/base/manual_clock.h"
#include "gtest/gtest.h"
#include "hub/engine/replay.h"
#include "hub/engine/writer.h"
#include "hub/journal/memory_journal.h"
#include "tests/engine/commands.h"
#include "tests/engine/scripted_journal.h"

namespace coordhub::engine {

// A writer that is cranked by hand, on a virtual clock and a memory journal.
class WriterHarness : public WriterObserver {
 public:
  // What became of a call.
  struct Reply {
    bool answered = false;
    absl::StatusOr<Outcome> outcome = absl::UnknownError("not answered");
    v1::ErrorReason reason() const { return base::ReasonOf(outcome.status()); }
    const v1::Ticket& ticket() const { return outcome->events.front()->changes(0).ticket(); }
  };
  using ReplyPtr = std::shared_ptr<Reply>;

  using Decider = decltype(Writer::Parts::decide);

  explicit WriterHarness(size_t waiters_capacity = 100, Decider decide = Writer::Parts().decide)
      : waiters_capacity_(waiters_capacity),
        decide_(std::move(decide)),
        journal_(
            std::make_unique<ScriptedJournal>(journal::NewMemoryJournal(std::string(32, 'a')))) {
    Start();
  }

  // As a kill and a new start: only the journal stays. Without `serves`, nobody can reach it yet.
  void Restart(bool serves = true) {
    writer_.reset();
    state_.reset();
    Start(serves);
  }

  // Adds a call to the next batch.
  ReplyPtr Add(std::unique_ptr<core::Command> command) {
    auto reply = std::make_shared<Reply>();
    Call call;
    call.id = next_call_++;
    last_call_ = call.id;
    call.command = std::move(command);
    call.done = [this, reply](absl::StatusOr<Outcome> outcome) {
      ASSERT_FALSE(reply->answered) << "answered twice";
      reply->answered = true;
      reply->outcome = std::move(outcome);
      ++answers_;
    };
    batch_.push_back(std::move(call));
    return reply;
  }
  void Run() {
    std::vector<Call> batch;
    batch.swap(batch_);
    writer_->Run(std::move(batch));
  }
  ReplyPtr RunOne(std::unique_ptr<core::Command> command) {
    ReplyPtr reply = Add(std::move(command));
    Run();
    return reply;
  }

  void Register(const std::string& agent_id, const std::string& uid,
                absl::Duration ttl = absl::Seconds(60)) {
    const ReplyPtr reply = RunOne(RegisterCommand(agent_id, uid, ttl));
    ASSERT_TRUE(reply->outcome.ok()) << reply->outcome.status();
  }
  std::string CreateTicket(const std::string& title, int priority = 2) {
    return RunOne(CommandOf(Operator(), Create(title, priority)))->ticket().ticket_id();
  }

  // Lets time pass as the sequencer sees it: it observes the clock and runs what is due at least
  // every 250 ms.
  void Advance(absl::Duration span) {
    for (absl::Duration step; span > absl::ZeroDuration(); span -= step) {
      step = std::min(span, LeaseClock::kObservePeriod);
      clock_.Advance(step);
      Run();
    }
  }

  v1::Ticket Ticket(const std::string& id) const {
    return *state_->FindTicket(core::TicketNumber(id));
  }
  std::string DurableDigest() const { return core::Digest(*view_); }

  // WriterObserver
  void OnView(std::shared_ptr<const core::View> view) override { view_ = std::move(view); }
  void OnCommitted(const std::vector<EncodedEvent>& events) override {
    for (const EncodedEvent& event : events) published_.push_back(event.event);
  }
  void OnWriteRefusal(const std::string& reason) override { write_refusal_ = reason; }
  void OnFatal(const absl::Status& status) override { fatal_ = status; }
  void FetchCommit(journal::CommitRange range, Done done) override {
    Outcome outcome;
    outcome.revision = range.second;
    for (const auto& event : AllEvents()) {
      if (event->revision() >= range.first && event->revision() <= range.second)
        outcome.events.push_back(event);
    }
    done(std::move(outcome));
  }

  std::vector<std::shared_ptr<const v1::Event>> AllEvents() {
    std::vector<journal::Entry> entries;
    EXPECT_TRUE(journal_->NewReader()->Read(0, 1000, 64 << 20, &entries).ok());
    std::vector<std::shared_ptr<const v1::Event>> events;
    for (const journal::Entry& entry : entries) {
      auto event = std::make_shared<v1::Event>();
      EXPECT_TRUE(event->ParseFromString(entry.event_bytes));
      events.push_back(std::move(event));
    }
    return events;
  }

  base::ManualClock clock_;
  const size_t waiters_capacity_;
  // For the next start.
  Archiving::Rules archiving_;
  int64_t text_quota_ = 0;
  const Decider decide_;
  std::unique_ptr<ScriptedJournal> journal_;
  std::unique_ptr<core::State> state_;
  std::unique_ptr<LeaseClock> lease_clock_;
  std::unique_ptr<LeaseTable> sessions_;
  std::unique_ptr<LeaseTable> rights_;
  std::unique_ptr<Writer> writer_;
  std::shared_ptr<const core::View> view_;
  std::vector<std::shared_ptr<const v1::Event>> published_;
  std::string write_refusal_;
  absl::Status fatal_;
  int answers_ = 0;
  CallId next_call_ = 1;
  CallId last_call_ = 0;

 private:
  void Start(bool serves = true) {
    absl::StatusOr<FoldResult> fold =
        Fold(journal_.get(), FoldFrom::kNewestSnapshot, journal_->head_revision(), clock_.Now(),
             [](const std::string&) {});
    ASSERT_TRUE(fold.ok()) << fold.status();
    state_ = std::move(fold->state);
    lease_clock_ = std::make_unique<LeaseClock>(&clock_);
    sessions_ = std::make_unique<LeaseTable>();
    rights_ = std::make_unique<LeaseTable>();
    view_ = state_->MakeView();
    writer_ = std::make_unique<Writer>(
        Writer::Parts{state_.get(), journal_.get(), &clock_, lease_clock_.get(), sessions_.get(),
                      rights_.get(), this, waiters_capacity_, archiving_, text_quota_, decide_});
    writer_->GrantLeases();
    if (serves) writer_->BeginLeases();
  }

  std::vector<Call> batch_;
};

}  // namespace coordhub::engine
