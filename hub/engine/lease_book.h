// Which leases there are: what the records say of sessions and claims, as entries of the tables.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "hub/core/records.h"
#include "hub/engine/broadcaster.h"
#include "hub/engine/lease_table.h"

namespace coordhub::engine {

// Key of a claim in the table of claims.
std::string ClaimKey(std::string_view ticket_id, int64_t fence);

// Enters and strikes leases as sessions and claims with a timeout come and go. Owned by the writer
// and used on its thread; the tables, which are not owned, are any thread's.
class LeaseBook {
 public:
  // `sessions`: by session uid; `claims`: by ClaimKey. Owner in both: the agent.
  LeaseBook(LeaseTable* sessions, LeaseTable* claims) : sessions_(*sessions), claims_(*claims) {}

  // Every live session and every claim with a timeout gets its full time.
  void Grant(const core::Records& records, base::MonoTime now);
  // What these events, which are durable, began and ended.
  void Follow(const std::vector<EncodedEvent>& events, base::MonoTime now);

 private:
  void FollowAgent(const v1::Agent& agent, v1::EventKind kind, base::MonoTime now);
  void FollowTicket(const v1::Ticket& ticket, v1::EventKind kind, base::MonoTime now);
  void EnterClaim(const v1::Ticket& ticket, base::MonoTime now);

  LeaseTable& sessions_;
  LeaseTable& claims_;
};

}  // namespace coordhub::engine
