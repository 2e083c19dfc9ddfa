#include "hub/engine/work_signs.h"

#include <algorithm>
#include <utility>

#include "hub/core/proto_time.h"

namespace coordhub::engine {
namespace {

// Entries beyond twice the claims before those of ended claims are looked for.
constexpr size_t kLeftovers = 64;

// Whether somebody committed: a branch that was never seen before tells that only by what it has
// beyond the target.
bool HasMoved(const core::View& before, const v1::Branch& branch) {
  const auto* known = before.records.of<core::tables::Branches>().Find(branch.branch());
  if (known == nullptr) return branch.ahead() > 0;
  return (*known)->commit() != branch.commit();
}

}  // namespace

WorkSigns::Work& WorkSigns::Of(const core::View& view, const std::string& ticket_id,
                               int64_t fence) {
  const auto claims = static_cast<size_t>(view.records.ticket_counts[v1::Ticket::STATE_CLAIMED]);
  if (work_.size() > 2 * claims + kLeftovers) {
    absl::erase_if(work_, [&view](const auto& entry) {
      const auto* ticket =
          view.records.of<core::tables::Tickets>().Find(core::TicketNumber(entry.first));
      return ticket == nullptr || (*ticket)->claim().fence() != entry.second.fence;
    });
  }
  Work& work = work_[ticket_id];
  if (work.fence != fence) work = Work{fence, {}, absl::InfinitePast()};
  return work;
}

void WorkSigns::NoteProgress(const core::View& view, const std::string& ticket_id, int64_t fence,
                             v1::Progress progress, absl::Time now) {
  base::MutexLock lock(&mu_);
  Work& work = Of(view, ticket_id, fence);
  *progress.mutable_note_time() = core::ToProto(now);
  work.progress = std::move(progress);
  work.last = std::max(work.last, now);
}

void WorkSigns::Sign(const core::View& view, const v1::Ticket& ticket, absl::Time time) {
  base::MutexLock lock(&mu_);
  Work& work = Of(view, ticket.ticket_id(), ticket.claim().fence());
  work.last = std::max(work.last, time);
}

void WorkSigns::Follow(const std::vector<EncodedEvent>& events, const core::View& before,
                       const core::View& after) {
  for (const EncodedEvent& encoded : events) {
    const absl::Time time = core::FromProto(encoded.event->event_time());
    for (const v1::RecordChange& change : encoded.event->changes()) {
      if (change.erased()) continue;
      if (change.has_comment()) {
        const auto* ticket = after.records.of<core::tables::Tickets>().Find(
            core::TicketNumber(change.comment().ticket_id()));
        if (ticket == nullptr || !(*ticket)->has_claim()) continue;
        if ((*ticket)->claim().agent_id() == change.comment().author()) Sign(after, **ticket, time);
      } else if (change.has_branch() && HasMoved(before, change.branch())) {
        const std::string& owner = change.branch().owner_agent_id();
        if (owner.empty()) continue;
        auto held = after.records.tickets_by_holder.LowerBound(std::make_pair(owner, int64_t{0}));
        for (; held.Valid() && held.key().first == owner; held.Next()) {
          Sign(after, *held.value(), time);
        }
      }
    }
  }
}

void WorkSigns::Decorate(v1::Ticket* ticket) const {
  if (!ticket->has_claim()) return;
  base::MutexLock lock(&mu_);
  const auto it = work_.find(ticket->ticket_id());
  if (it == work_.end() || it->second.fence != ticket->claim().fence()) return;
  const Work& work = it->second;
  if (work.progress.has_note_time()) *ticket->mutable_progress() = work.progress;
  if (work.last > absl::InfinitePast())
    *ticket->mutable_last_work_time() = core::ToProto(work.last);
}

}  // namespace coordhub::engine
