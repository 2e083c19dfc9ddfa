#include "hub/engine/lease_book.h"

#include <memory>
#include <utility>

#include "hub/core/proto_time.h"

namespace coordhub::engine {

void LeaseBook::Grant(const core::Records& records, base::MonoTime now) {
  records.of<core::tables::Agents>().ForEach(
      [&](const std::string& id, const std::shared_ptr<const v1::Agent>& agent) {
        if (core::IsLive(*agent))
          sessions_.Add(SessionLease(agent->session_uid()), id, core::FromProto(agent->ttl()), now);
        return true;
      });
  const std::pair<int, int64_t> first{v1::Ticket::STATE_CLAIMED, 0};
  for (auto it = records.tickets_by_state.LowerBound(first);
       it.Valid() && it.key().first == v1::Ticket::STATE_CLAIMED; it.Next()) {
    if (it.value()->claim().has_claim_timeout()) EnterClaim(*it.value(), now);
  }
}

void LeaseBook::Follow(const std::vector<EncodedEvent>& events, base::MonoTime now) {
  for (const EncodedEvent& encoded : events) {
    const v1::EventKind kind = encoded.event->kind();
    for (const v1::RecordChange& change : encoded.event->changes()) {
      if (change.erased()) continue;
      if (change.has_agent()) {
        FollowAgent(change.agent(), kind, now);
      } else if (change.has_ticket()) {
        FollowTicket(change.ticket(), kind, now);
      }
    }
  }
}

void LeaseBook::FollowAgent(const v1::Agent& agent, v1::EventKind kind, base::MonoTime now) {
  if (!core::IsLive(agent)) {
    sessions_.Remove(SessionLease(agent.session_uid()));
  } else if (kind == v1::EVENT_KIND_AGENT_REGISTERED || kind == v1::EVENT_KIND_AGENT_RESUMED) {
    sessions_.Add(SessionLease(agent.session_uid()), agent.agent_id(), core::FromProto(agent.ttl()),
                  now);
  }
}

void LeaseBook::FollowTicket(const v1::Ticket& ticket, v1::EventKind kind, base::MonoTime now) {
  if (kind == v1::EVENT_KIND_TICKET_CLAIMED && ticket.claim().has_claim_timeout()) {
    EnterClaim(ticket, now);
  } else if (!ticket.has_claim() && ticket.last_fence() > 0 && rights_.size() > 0) {
    rights_.Remove(ClaimLease(ticket.ticket_id(), ticket.last_fence()));
  }
}

void LeaseBook::EnterClaim(const v1::Ticket& ticket, base::MonoTime now) {
  rights_.Add(ClaimLease(ticket.ticket_id(), ticket.claim().fence()), ticket.claim().agent_id(),
              core::FromProto(ticket.claim().claim_timeout()), now);
}

}  // namespace coordhub::engine
