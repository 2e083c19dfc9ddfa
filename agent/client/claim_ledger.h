// What a client knows about its own claims, set against what the hub says.

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/agent_service.pb.h"

namespace coordhub::agent {

namespace pb = ::coordhub::v1;

// The claims that answered calls of this client granted and did not end. Each KeepAlive answer
// lists all that the session holds, as of some revision; comparing the two finds claims that were
// lost while nobody listened, grants whose answer never arrived, and what other processes claimed
// or ended with the same session. Thread-safe.
class ClaimLedger {
 public:
  // A claim was granted at revision `fence`.
  void Granted(const std::string& ticket_id, int64_t fence);
  // A call of this client ended the claim, at `revision`.
  void Ended(const std::string& ticket_id, int64_t revision);

  // Brackets a call that may grant a claim (`ticket_id` empty) or end the one of `ticket_id`: until
  // its answer is there, the hub may know of it what the ledger does not.
  class CallInFlight {
   public:
    CallInFlight(ClaimLedger* ledger, std::string ticket_id);
    ~CallInFlight();
    CallInFlight(const CallInFlight&) = delete;
    CallInFlight& operator=(const CallInFlight&) = delete;

   private:
    ClaimLedger& ledger_;
    const std::string ticket_id_;
  };

  struct Difference {
    std::vector<pb::LostClaim> lost;   // known here, gone there; each is told once
    std::vector<pb::HeldClaim> found;  // held there, unknown here; known from now on
  };
  // Compares with an answer. What the hub names as lost is lost in any case. In the first answer of
  // a stream a claim that is merely absent is lost, too, for nobody listened when it went; later
  // the hub names each loss, at the latest in the answer after the first that lacks the claim, and
  // what it does not name another process of this session has ended. A claim that is absent is not
  // judged while a call that may end it is in flight, nor an unknown one while any call is that may
  // grant it.
  Difference Reconcile(const pb::KeepAliveResponse& answer, bool first_of_stream);

  // All claims, by ticket, and forgets them; those that an answer lacked just now, too. For a
  // session that ended.
  std::vector<pb::LostClaim> TakeAll();

  // All claims, by ticket.
  std::vector<pb::HeldClaim> Held() const;

 private:
  using Fences = std::map<std::string, int64_t>;  // by ticket

  // Removes the claim; false: it is not there.
  static bool Take(const pb::LostClaim& claim, Fences* fences);

  mutable base::Mutex mu_;
  Fences fences_ ABSL_GUARDED_BY(mu_);
  // What the last answer lacked without naming it as lost.
  Fences vanished_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, int64_t> ended_revisions_ ABSL_GUARDED_BY(mu_);  // by ticket, lately
  std::multiset<std::string> in_flight_ ABSL_GUARDED_BY(mu_);  // tickets; empty for grants
};

}  // namespace coordhub::agent
