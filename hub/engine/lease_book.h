// Which leases there are: what the records say of sessions and claims, as entries of the tables.

#pragma once

#include <vector>

#include "agent/base/clock.h"
#include "hub/core/records.h"
#include "hub/engine/broadcaster.h"
#include "hub/engine/lease_table.h"

namespace coordhub::engine {

// Enters and strikes leases as sessions and claims with a timeout come and go. Owned by the writer
// and used on its thread; the tables, which are not owned, are any thread's.
class LeaseBook {
 public:
  // `sessions`, and `rights` that have a timeout of their own. Owner in both: the agent.
  LeaseBook(LeaseTable* sessions, LeaseTable* rights) : sessions_(*sessions), rights_(*rights) {}

  // Every live session and every claim with a timeout gets its full time.
  void Grant(const core::Records& records, base::MonoTime now);
  // What these events, which are durable, began and ended.
  void Follow(const std::vector<EncodedEvent>& events, base::MonoTime now);

 private:
  void FollowAgent(const v1::Agent& agent, v1::EventKind kind, base::MonoTime now);
  void FollowTicket(const v1::Ticket& ticket, v1::EventKind kind, base::MonoTime now);
  void EnterClaim(const v1::Ticket& ticket, base::MonoTime now);

  LeaseTable& sessions_;
  LeaseTable& rights_;
};

}  // namespace coordhub::engine
