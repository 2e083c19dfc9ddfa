#include "agent/client/claim_ledger.h"

#include <algorithm>
#include <utility>

namespace coordhub::agent {
namespace {

bool Holds(const pb::KeepAliveResponse& answer, const std::string& ticket_id, int64_t fence) {
  return std::any_of(answer.claims().begin(), answer.claims().end(),
                     [&](const pb::HeldClaim& claim) {
                       return claim.ticket_id() == ticket_id && claim.fence() == fence;
                     });
}

pb::LostClaim Lost(const std::string& ticket_id, int64_t fence) {
  pb::LostClaim lost;
  lost.set_ticket_id(ticket_id);
  lost.set_fence(fence);
  lost.set_current_fence(fence);
  return lost;
}

}  // namespace

ClaimLedger::CallInFlight::CallInFlight(ClaimLedger* ledger, std::string ticket_id)
    : ledger_(*ledger), ticket_id_(std::move(ticket_id)) {
  base::MutexLock lock(&ledger_.mu_);
  ledger_.in_flight_.insert(ticket_id_);
}

ClaimLedger::CallInFlight::~CallInFlight() {
  base::MutexLock lock(&ledger_.mu_);
  ledger_.in_flight_.erase(ledger_.in_flight_.find(ticket_id_));
}

void ClaimLedger::Granted(const std::string& ticket_id, int64_t fence) {
  base::MutexLock lock(&mu_);
  int64_t& known = fences_[ticket_id];
  known = std::max(known, fence);
}

void ClaimLedger::Ended(const std::string& ticket_id, int64_t revision) {
  base::MutexLock lock(&mu_);
  fences_.erase(ticket_id);
  ended_revisions_[ticket_id] = revision;
}

ClaimLedger::Difference ClaimLedger::Reconcile(const pb::KeepAliveResponse& answer) {
  Difference difference;
  base::MutexLock lock(&mu_);
  for (const pb::LostClaim& lost : answer.lost_claims()) {
    const auto it = fences_.find(lost.ticket_id());
    if (it == fences_.end() || it->second != lost.fence()) continue;  // told before, or given up
    difference.lost.push_back(lost);
    fences_.erase(it);
  }

  for (auto it = fences_.begin(); it != fences_.end();) {
    const auto& [ticket_id, fence] = *it;
    // The answer may be older than the grant.
    if (fence > answer.revision() || in_flight_.count(ticket_id) > 0 ||
        Holds(answer, ticket_id, fence)) {
      ++it;
      continue;
    }
    difference.lost.push_back(Lost(ticket_id, fence));
    it = fences_.erase(it);
  }
  for (const pb::HeldClaim& claim : answer.claims()) {
    if (in_flight_.count("") > 0) break;  // may be the grant that it is about to bring
    const auto ended = ended_revisions_.find(claim.ticket_id());
    // The answer may be older than the end of the claim.
    if (ended != ended_revisions_.end() && claim.fence() < ended->second) continue;
    int64_t& known = fences_[claim.ticket_id()];
    if (known >= claim.fence()) continue;
    known = claim.fence();
    difference.found.push_back(claim);
  }
  std::erase_if(ended_revisions_,
                [&](const auto& entry) { return entry.second <= answer.revision(); });
  return difference;
}

std::vector<pb::LostClaim> ClaimLedger::TakeAll() {
  std::map<std::string, int64_t> taken;
  {
    base::MutexLock lock(&mu_);
    taken.swap(fences_);
  }
  std::vector<pb::LostClaim> lost;
  lost.reserve(taken.size());
  for (const auto& [ticket_id, fence] : taken) lost.push_back(Lost(ticket_id, fence));
  return lost;
}

std::vector<pb::HeldClaim> ClaimLedger::Held() const {
  base::MutexLock lock(&mu_);
  std::vector<pb::HeldClaim> held;
  for (const auto& [ticket_id, fence] : fences_) {
    pb::HeldClaim& claim = held.emplace_back();
    claim.set_ticket_id(ticket_id);
    claim.set_fence(fence);
  }
  return held;
}

}  // namespace coordhub::agent
