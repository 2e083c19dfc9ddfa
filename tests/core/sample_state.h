// A workspace with something in every table, for the tests of State.

#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hub/core/proto_time.h"
#include "tests/core/recorded_state.h"

namespace coordhub::core {

inline void DependOn(pb::Ticket& ticket, int64_t number,
                     pb::Dependency::Until until = pb::Dependency::UNTIL_DONE) {
  pb::Dependency& dependency = *ticket.add_dependencies();
  dependency.set_ticket_id(TicketId(number));
  dependency.set_until(until);
}

// A workspace with something in every table.
inline void Populate(RecordedState& recorded) {
  recorded.RegisterAgent("alice");
  recorded.RegisterAgent("alice/reviewer", "alice");
  recorded.RegisterAgent("bob");
  recorded.EndAgent("bob", pb::EVENT_KIND_AGENT_EXPIRED);
  for (int i = 0; i < 8; ++i)
    recorded.CreateTicket([&](pb::Ticket& ticket) { ticket.set_priority(i % 5); });
  recorded.CreateTicket([](pb::Ticket& ticket) {
    ticket.set_state(pb::Ticket::STATE_BLOCKED);
    DependOn(ticket, 1);
    ticket.set_parent_ticket_id("T-7");
  });
  recorded.ChangeTicket(7, pb::EVENT_KIND_TICKET_BLOCKED,
                        [](pb::Ticket& ticket) { ticket.set_state(pb::Ticket::STATE_BLOCKED); });
  recorded.Claim(2, "alice");
  recorded.Claim(3, "alice/reviewer");
  recorded.Move(3, pb::EVENT_KIND_TICKET_COMPLETED, pb::Ticket::STATE_DONE);
  recorded.ChangeTicket(4, pb::EVENT_KIND_TICKET_UPDATED, [&](pb::Ticket& ticket) {
    *ticket.mutable_not_before() = ToProto(recorded.now.wall + absl::Minutes(1));
    *ticket.mutable_backoff() = ToProto(absl::Minutes(2));
  });
  Draft draft(recorded.state, "alice", recorded.now);
  pb::Event& event = draft.Add(pb::EVENT_KIND_COMMENT_ADDED);
  pb::Comment comment;
  comment.set_ticket_id("T-5");
  comment.set_number(1);
  comment.set_text("is this still so?");
  draft.PutStored(event, comment, /*bytes_before=*/0);
  pb::Ticket commented = *recorded.state.FindTicket(5);
  commented.set_comment_count(1);
  commented.set_comment_bytes(17);
  commented.set_has_body(true);
  commented.set_body_bytes(12);
  draft.Put(event, commented);
  pb::TicketBody body;
  body.set_ticket_id("T-5");
  body.set_text("all about it");
  draft.PutStored(event, body, /*bytes_before=*/0);
  recorded.Commit(std::move(draft).Finish(), "alice", "request-1");
}

// Changes T-1 once for each request id from request-<from> to request-<to>.
inline void Remember(RecordedState& recorded, const std::string& actor, int from, int to,
                     const std::string& client = "") {
  for (int i = from; i <= to; ++i) {
    pb::Ticket ticket = *recorded.state.FindTicket(1);
    recorded.Put(pb::EVENT_KIND_TICKET_UPDATED, std::move(ticket), actor,
                 absl::StrCat("request-", i), client);
  }
}

}  // namespace coordhub::core
