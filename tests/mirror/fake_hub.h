// The log behind a mirror, for tests: the real rules on a file that a killed process leaves as it
// was.

#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "gtest/gtest.h"
#include "hub/core/decide.h"
#include "hub/core/invariants.h"
#include "hub/core/records.h"
#include "hub/core/state.h"
#include "hub/core/validate.h"
#include "hub/engine/workspace.h"

namespace coordhub::mirror {

// Decides and answers at once, on the caller's thread.
class FakeHub {
 public:
  // Replays the log at `path`; empty: it has none.
  FakeHub(base::Clock* clock, std::string path = "") : clock_(clock), path_(std::move(path)) {
    std::ifstream log(path_, std::ios::binary);
    std::string event;
    std::string bytes;
    while (!path_.empty() && ReadBlock(&log, &event) && ReadBlock(&log, &bytes)) {
      auto parsed = std::make_shared<v1::Event>();
      core::jpb::CommitPrivate private_bytes;
      EXPECT_TRUE(parsed->ParseFromString(event) && private_bytes.ParseFromString(bytes));
      state_.Evolve(parsed, bytes.empty() ? nullptr : &private_bytes, clock_->Now());
    }
    view_ = state_.MakeView();
  }

  std::shared_ptr<const core::View> view() const { return view_; }

  void Submit(std::unique_ptr<core::Command> command, const engine::Done& done) {
    if (!refuse_with.ok()) return done(refuse_with);
    if (hook) hook("commit");
    absl::StatusOr<engine::Outcome> outcome = Run(*command);
    if (hook) hook("answer");
    if (lose_answers) return;
    done(std::move(outcome));
  }

  // As the operator.
  void Create(const std::string& title) {
    v1::CreateTicketRequest request;
    request.mutable_spec()->set_title(title);
    ASSERT_TRUE(Run({.caller = core::Caller::Operator(), .body = request}).ok());
  }
  void Cancel(const std::string& ticket_id) {
    v1::CancelTicketRequest request;
    request.set_ticket_id(ticket_id);
    ASSERT_TRUE(Run({.caller = core::Caller::Operator(), .body = request}).ok());
  }

  // Titles of all tickets, with how often each is there.
  std::map<std::string, int> Titles() const {
    std::map<std::string, int> titles;
    for (auto t = view_->records.of<core::tables::Tickets>().Begin(); t.Valid(); t.Next())
      ++titles[t->title()];
    return titles;
  }
  // In order of their numbers.
  std::vector<v1::Ticket> Tickets() const {
    std::vector<v1::Ticket> tickets;
    for (auto t = view_->records.of<core::tables::Tickets>().Begin(); t.Valid(); t.Next())
      tickets.push_back(*t);
    return tickets;
  }
  // Bodies that were given since this hub was made, by ticket number.
  const std::map<int64_t, std::string>& bodies() const { return bodies_; }
  size_t marks() const { return view_->records.of<core::tables::ImportMarks>().size(); }

  // Not OK: every command is refused with it.
  absl::Status refuse_with;
  // Commands are carried out, and nobody hears of it.
  bool lose_answers = false;
  // Called around a commit.
  std::function<void(std::string_view)> hook;

 private:
  static bool ReadBlock(std::ifstream* log, std::string* block) {
    uint32_t size = 0;
    if (!log->read(reinterpret_cast<char*>(&size), sizeof(size))) return false;
    block->resize(size);
    return static_cast<bool>(log->read(block->data(), size));
  }
  static void AppendBlock(const std::string& block, std::string* out) {
    const auto size = static_cast<uint32_t>(block.size());
    out->append(reinterpret_cast<const char*>(&size), sizeof(size)).append(block);
  }

  absl::StatusOr<engine::Outcome> Run(const core::Command& command) {
    const base::Now now = clock_->Now();
    if (const auto* import = std::get_if<core::ImportLines>(&command.body)) {
      const absl::Status valid = core::Validate(import->tickets);
      EXPECT_TRUE(valid.ok()) << valid;
    }
    absl::StatusOr<core::Decision> decision = core::Decide(state_, command, now);
    if (!decision.ok()) return decision.status();
    const core::jpb::CommitPrivate private_bytes = core::PrivateOf(state_, command);
    std::string blocks;
    bool first = true;
    for (const auto& event : decision->events) {
      const bool with_private = std::exchange(first, false);
      AppendBlock(event->SerializeAsString(), &blocks);
      AppendBlock(with_private ? private_bytes.SerializeAsString() : "", &blocks);
      for (const v1::RecordChange& change : event->changes()) {
        if (!change.has_ticket_body()) continue;
        bodies_[core::TicketNumber(change.ticket_body().ticket_id())] = change.ticket_body().text();
      }
      state_.Evolve(event, with_private ? &private_bytes : nullptr, now);
    }
    // One write: a killed process leaves all of the commit or nothing.
    if (!path_.empty()) std::ofstream(path_, std::ios::binary | std::ios::app) << blocks;
    view_ = state_.MakeView();
    engine::Outcome outcome;
    outcome.events = std::move(decision->events);
    outcome.revision = state_.revision();
    return outcome;
  }

  base::Clock* const clock_;
  const std::string path_;
  core::State state_;
  std::map<int64_t, std::string> bodies_;
  std::shared_ptr<const core::View> view_;
};

}  // namespace coordhub::mirror
