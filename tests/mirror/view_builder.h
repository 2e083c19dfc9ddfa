// Views by hand, for tests.

#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"

namespace coordhub::mirror {

// 2025-07-29 12:00:00 UTC.
inline absl::Time TestTime() { return absl::FromUnixSeconds(1'753'790'400); }

class ViewBuilder {
 public:
  ViewBuilder& Revision(int64_t revision) {
    view_.revision = revision;
    return *this;
  }

  ViewBuilder& Ticket(int64_t number, v1::Ticket::State state, const std::string& title,
                      int priority = 2, absl::Time created = TestTime()) {
    auto ticket = std::make_shared<v1::Ticket>();
    ticket->set_ticket_id(core::TicketId(number));
    ticket->set_state(state);
    ticket->set_title(title);
    ticket->set_priority(priority);
    ticket->set_mod_revision(view_.revision);
    *ticket->mutable_create_time() = core::ToProto(created);
    view_.records.of<core::tables::Tickets>().Put(number, ticket);
    view_.last_ticket_number = std::max(view_.last_ticket_number, number);
    view_.records.tickets_by_state.Put({state, number}, ticket);
    ++view_.records.ticket_counts[static_cast<size_t>(state)];
    return *this;
  }

  ViewBuilder& Agent(const std::string& id, const std::string& branch = "",
                     v1::Agent::State state = v1::Agent::STATE_ACTIVE) {
    auto agent = std::make_shared<v1::Agent>();
    agent->set_agent_id(id);
    agent->set_branch(branch);
    agent->set_state(state);
    view_.records.of<core::tables::Agents>().Put(id, agent);
    return *this;
  }

  std::shared_ptr<const core::View> Build() const { return std::make_shared<core::View>(view_); }

 private:
  core::View view_;
};

}  // namespace coordhub::mirror
