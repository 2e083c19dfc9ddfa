// A State that keeps the log it was folded from. For tests: they write events by hand, or take them
// from decisions, and can fold them again.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "coordhub/journal/v1/record.pb.h"
#include "coordhub/v1/event.pb.h"
#include "hub/core/draft.h"
#include "hub/core/state.h"

namespace coordhub::core {

// One row of a journal.
struct LoggedEvent {
  std::shared_ptr<const v1::Event> event;
  // With the first event of a commit; may be null.
  std::shared_ptr<const jpb::CommitPrivate> private_bytes;
};

inline base::Now TestStart() { return {{3'600'000'000'000}, absl::FromUnixSeconds(1'753'790'400)}; }

inline void Advance(base::Now& now, absl::Duration duration) {
  now.mono += duration;
  now.wall += duration;
}

class RecordedState {
 public:
  State state;
  std::vector<LoggedEvent> log;
  base::Now now = TestStart();

  // Applies the events of one commit. With `request_id`, the commit is remembered for `actor`.
  void Commit(const std::vector<std::shared_ptr<const v1::Event>>& events,
              const std::string& actor = "operator", const std::string& request_id = "",
              const std::string& client = "") {
    std::shared_ptr<jpb::CommitPrivate> private_bytes;
    if (!request_id.empty()) {
      private_bytes = std::make_shared<jpb::CommitPrivate>();
      private_bytes->mutable_request()->set_actor(actor);
      private_bytes->mutable_request()->set_request_id(request_id);
      private_bytes->mutable_request()->set_client(client);
      private_bytes->mutable_request()->set_fingerprint("fingerprint of " + request_id);
    }
    for (const auto& event : events) {
      log.push_back({event, std::exchange(private_bytes, nullptr)});
      state.Evolve(event, log.back().private_bytes.get(), now);
    }
  }

  // One event that puts a record as it is.
  template <class Record>
  void Put(v1::EventKind kind, Record record, const std::string& actor = "operator",
           const std::string& request_id = "", const std::string& client = "") {
    Draft draft(state, actor, now);
    v1::Event& event = draft.Add(kind);
    if constexpr (kIsStored<TableOf<Record>>) {
      draft.PutStored(event, std::move(record), /*bytes_before=*/0);
    } else {
      draft.Put(event, std::move(record));
    }
    Commit(std::move(draft).Finish(), actor, request_id, client);
  }

  // Makes a ticket after `shape` had its say. Returns its number.
  int64_t CreateTicket(const std::function<void(v1::Ticket&)>& shape = {}) {
    Draft draft(state, "operator", now);
    const int64_t number = draft.NewTicketNumber();
    v1::Ticket ticket;
    ticket.set_ticket_id(TicketId(number));
    ticket.set_state(v1::Ticket::STATE_OPEN);
    ticket.set_title(absl::StrCat("ticket ", number));
    ticket.set_priority(2);
    ticket.set_max_attempts(5);
    ticket.set_creator("operator");
    if (shape) shape(ticket);
    draft.Put(draft.Add(v1::EVENT_KIND_TICKET_CREATED), std::move(ticket));
    Commit(std::move(draft).Finish());
    return number;
  }

  // Changes a ticket by an event of this kind.
  void ChangeTicket(int64_t number, v1::EventKind kind,
                    const std::function<void(v1::Ticket&)>& change) {
    v1::Ticket ticket = *state.FindTicket(number);
    change(ticket);
    Put(kind, std::move(ticket));
  }

  // A new session of an agent; its uid is the id and the revision.
  void RegisterAgent(const std::string& agent_id, const std::string& parent = "") {
    const v1::Agent* known = state.FindAgent(agent_id);
    v1::Agent agent = known == nullptr ? v1::Agent() : *known;
    agent.set_agent_id(agent_id);
    agent.set_parent_agent_id(parent);
    agent.set_state(v1::Agent::STATE_ACTIVE);
    agent.set_fence(state.revision() + 1);
    agent.set_session_uid(absl::StrCat(agent_id, "@", agent.fence()));
    agent.clear_end_time();
    Put(v1::EVENT_KIND_AGENT_REGISTERED, std::move(agent));
  }

  void EndAgent(const std::string& agent_id, v1::EventKind kind = v1::EVENT_KIND_AGENT_LEFT) {
    v1::Agent agent = *state.FindAgent(agent_id);
    agent.set_state(kind == v1::EVENT_KIND_AGENT_EXPIRED ? v1::Agent::STATE_EXPIRED
                                                         : v1::Agent::STATE_LEFT);
    agent.mutable_end_time()->set_seconds(1);
    Put(kind, std::move(agent));
  }

  void ForgetAgent(const std::string& agent_id) {
    Draft draft(state, "operator", now);
    draft.Erase<tables::Agents>(draft.Add(v1::EVENT_KIND_AGENT_FORGOTTEN), agent_id);
    Commit(std::move(draft).Finish());
  }

  // Claims for a live agent.
  void Claim(int64_t number, const std::string& agent_id) {
    const int64_t fence = state.revision() + 1;
    const std::string session_uid = state.FindAgent(agent_id)->session_uid();
    ChangeTicket(number, v1::EVENT_KIND_TICKET_CLAIMED, [&](v1::Ticket& ticket) {
      ticket.set_state(v1::Ticket::STATE_CLAIMED);
      ticket.set_attempt(ticket.attempt() + 1);
      ticket.set_last_fence(fence);
      ticket.mutable_claim()->set_agent_id(agent_id);
      ticket.mutable_claim()->set_session_uid(session_uid);
      ticket.mutable_claim()->set_fence(fence);
    });
  }

  // Ends a ticket's claim, if it has one, and puts it into a state.
  void Move(int64_t number, v1::EventKind kind, v1::Ticket::State to) {
    ChangeTicket(number, kind, [&](v1::Ticket& ticket) {
      ticket.clear_claim();
      ticket.set_state(to);
    });
  }

  std::string CurrentDigest() { return Digest(*state.MakeView()); }

  // Folds the log from zero, as a start does.
  std::unique_ptr<State> Replay() const {
    auto replayed = std::make_unique<State>();
    for (const LoggedEvent& entry : log)
      replayed->Evolve(entry.event, entry.private_bytes.get(), base::Now());
    replayed->AnchorDelays(now);
    return replayed;
  }

  // Writes a snapshot of a view and loads it.
  std::unique_ptr<State> Reload(const View& view) const {
    auto loaded = std::make_unique<State>();
    ForEachSnapshotRecord(view, [&](const jpb::SnapshotRecord& record) {
      loaded->LoadRecord(std::make_shared<const jpb::SnapshotRecord>(record));
      return true;
    });
    loaded->FinishLoad(MakeSnapshotHeader(view), now);
    return loaded;
  }
};

}  // namespace coordhub::core
