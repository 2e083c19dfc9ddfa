#include "hub/rpc/agent_router.h"

#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "hub/core/filter.h"
#include "hub/core/records.h"

namespace coordhub::rpc {
namespace {

// References copied at a time.
constexpr size_t kEventsPerRead = 1024;

// How a claim of `holder` ended that it did not end itself. `view` has the event's commit.
v1::LostClaim::Reason LossOf(const v1::Event& event, const std::string& holder,
                             const core::View& view) {
  if (event.kind() == v1::EVENT_KIND_TICKET_CANCELLED) return v1::LostClaim::REASON_CANCELLED;
  const v1::Agent* agent = view.records.FindAgent(holder);
  // A session that began later is not the one that held it.
  if (agent == nullptr || !core::IsLive(*agent) || agent->fence() > event.revision()) {
    return v1::LostClaim::REASON_SESSION_ENDED;
  }
  switch (event.kind()) {
    case v1::EVENT_KIND_TICKET_RELEASED:
      return v1::LostClaim::REASON_RELEASED_BY_OPERATOR;
    case v1::EVENT_KIND_TICKET_CLAIM_LOST:
    case v1::EVENT_KIND_TICKET_BURIED:  // and it was the last attempt
      return v1::LostClaim::REASON_TIMEOUT;
    default:
      return v1::LostClaim::REASON_UNSPECIFIED;
  }
}

// Whether somebody may be in another round after it than before.
bool BeginsOrEndsRound(v1::EventKind kind) {
  return kind == v1::EVENT_KIND_ROUND_OPENED || kind == v1::EVENT_KIND_ROUND_CONVERGED ||
         kind == v1::EVENT_KIND_ROUND_FAILED || kind == v1::EVENT_KIND_ROUND_CANCELLED;
}

// Branches of which the event changes a conflict or the round.
absl::flat_hash_set<std::string_view> BranchesOf(const v1::Event& event) {
  absl::flat_hash_set<std::string_view> branches;
  for (const v1::RecordChange& change : event.changes()) {
    if (change.has_conflict()) {
      branches.insert(change.conflict().branch_a());
      branches.insert(change.conflict().branch_b());
    }
    for (const v1::RoundMember& member : change.round().members()) branches.insert(member.branch());
  }
  return branches;
}

}  // namespace

AgentRouter::AgentRouter(engine::Workspace* workspace)
    : workspace_(*workspace), cursor_(workspace->broadcaster().published_revision()) {
  workspace_.broadcaster().Register(this);
  workspace_.broadcaster().Arm(this, cursor_);
}

AgentRouter::~AgentRouter() { Stop(); }

void AgentRouter::Stop() {
  if (std::exchange(registered_, false)) workspace_.broadcaster().Unregister(this);
}

void AgentRouter::Subscribe(const std::string& agent_id, const std::shared_ptr<Stream>& stream) {
  base::MutexLock lock(&mu_);
  by_agent_[agent_id].emplace(stream.get(), stream);
}

void AgentRouter::Unsubscribe(const std::string& agent_id, const Stream* stream) {
  base::MutexLock lock(&mu_);
  const auto found = by_agent_.find(agent_id);
  if (found == by_agent_.end()) return;
  found->second.erase(stream);
  if (found->second.empty()) by_agent_.erase(found);
}

AgentRouter::Streams AgentRouter::StreamsOf(const std::string& agent_id) {
  Streams streams;
  base::MutexLock lock(&mu_);
  const auto found = by_agent_.find(agent_id);
  if (found == by_agent_.end()) return streams;
  for (const auto& [key, stream] : found->second) {
    if (auto alive = stream.lock()) streams.push_back(std::move(alive));
  }
  return streams;
}

void AgentRouter::OnEvents() {
  using Found = engine::Broadcaster::Found;
  engine::Broadcaster& broadcaster = workspace_.broadcaster();
  const core::Filter everything;
  while (true) {
    const engine::Broadcaster::ReadResult read =
        broadcaster.Read(cursor_, everything, kEventsPerRead, std::numeric_limits<size_t>::max());
    if (read.found == Found::kCaughtUp) break;
    if (read.found == Found::kBehind) {
      // Only a burst larger than the ring gets here; what is in the views now is what counts.
      cursor_ = broadcaster.published_revision();
      RouteMissed();
      continue;
    }
    for (const engine::EncodedEvent& encoded : read.events) Route(*encoded.event);
    cursor_ = read.scanned;
  }
  broadcaster.Arm(this, cursor_);
}

void AgentRouter::Route(const v1::Event& event) {
  if (event.kind() == v1::EVENT_KIND_CONFLICTS_CHANGED || BeginsOrEndsRound(event.kind())) {
    return RouteBranchNews(event);
  }
  for (const v1::RecordChange& change : event.changes()) {
    if (change.has_ticket()) {
      RouteClaimEnd(event, change);
    } else if (change.has_agent() && (change.erased() || !core::IsLive(change.agent()))) {
      for (const auto& stream : StreamsOf(change.agent().agent_id())) stream->OnAgentEnded();
    } else if (event.kind() == v1::EVENT_KIND_AGENT_RESUMED && change.has_agent()) {
      for (const auto& stream : StreamsOf(change.agent().agent_id())) stream->OnAgentResumed();
    }
  }
}

void AgentRouter::RouteClaimEnd(const v1::Event& event, const v1::RecordChange& change) {
  const std::string& holder = change.previous().holder_agent_id();
  const v1::Ticket& ticket = change.ticket();
  if (holder.empty() || ticket.has_claim()) return;
  const Streams streams = StreamsOf(holder);
  if (streams.empty()) return;
  std::optional<Stream::Loss> lost;
  if (event.actor() != holder || event.kind() == v1::EVENT_KIND_TICKET_CANCELLED) {
    lost = LossOf(event, holder, *workspace_.view());
  }
  for (const auto& stream : streams) {
    stream->OnClaimEnded(ticket.ticket_id(), ticket.last_fence(), lost);
  }
}

void AgentRouter::RouteBranchNews(const v1::Event& event) {
  const auto branches = BranchesOf(event);
  if (branches.empty()) return;
  // Several agents may work on one branch.
  const engine::ViewPtr view = workspace_.view();
  Streams concerned;
  {
    base::MutexLock lock(&mu_);
    for (const auto& [agent_id, streams] : by_agent_) {
      const v1::Agent* agent = view->records.FindAgent(agent_id);
      if (agent == nullptr || !branches.contains(agent->branch())) continue;
      for (const auto& [key, stream] : streams) {
        if (auto alive = stream.lock()) concerned.push_back(std::move(alive));
      }
    }
  }
  for (const auto& stream : concerned) stream->OnBranchNews();
}

void AgentRouter::RouteMissed() {
  Streams all;
  {
    base::MutexLock lock(&mu_);
    for (const auto& [agent_id, streams] : by_agent_) {
      for (const auto& [key, stream] : streams) {
        if (auto alive = stream.lock()) all.push_back(std::move(alive));
      }
    }
  }
  for (const auto& stream : all) stream->OnEventsMissed();
}

}  // namespace coordhub::rpc
