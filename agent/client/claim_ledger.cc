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

pb::LostClaim Lost(const std::string& ticket_id, int64_t fence, pb::LostClaim::Reason reason) {
  pb::LostClaim lost;
  lost.set_reason(reason);
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

bool ClaimLedger::Take(const pb::LostClaim& claim, Fences* fences) {
  const auto it = fences->find(claim.ticket_id());
  if (it == fences->end() || it->second != claim.fence()) return false;
  fences->erase(it);
  return true;
}

ClaimLedger::Difference ClaimLedger::Reconcile(const pb::KeepAliveResponse& answer,
                                               bool first_of_stream) {
  Difference difference;
  base::MutexLock lock(&mu_);
  for (const pb::LostClaim& lost : answer.lost_claims()) {
    // In neither: told before, or given up.
    if (Take(lost, &fences_) || Take(lost, &vanished_)) difference.lost.push_back(lost);
  }
  Fences vanished;
  for (auto it = fences_.begin(); it != fences_.end();) {
    const auto& [ticket_id, fence] = *it;
    // The answer may be older than the grant.
    if (fence > answer.revision() || in_flight_.count(ticket_id) > 0 ||
        Holds(answer, ticket_id, fence)) {
      ++it;
      continue;
    }
    vanished.insert(*it);
    it = fences_.erase(it);
  }
  if (first_of_stream) {
    // The stream before may have broken off when it was about to name them.
    vanished.insert(vanished_.begin(), vanished_.end());
    for (const auto& [ticket_id, fence] : vanished) {
      difference.lost.push_back(Lost(ticket_id, fence, pb::LostClaim::REASON_UNSPECIFIED));
    }
    vanished.clear();
  }
  vanished_ = std::move(vanished);
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
  Fences taken;
  {
    base::MutexLock lock(&mu_);
    taken.swap(fences_);
    taken.merge(vanished_);
    vanished_.clear();
  }
  std::vector<pb::LostClaim> lost;
  lost.reserve(taken.size());
  for (const auto& [ticket_id, fence] : taken) {
    lost.push_back(Lost(ticket_id, fence, pb::LostClaim::REASON_SESSION_ENDED));
  }
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
