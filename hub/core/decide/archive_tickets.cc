#include <algorithm>
#include <cstdint>
#include <vector>

#include "hub/core/decide/blocking.h"
#include "hub/core/decide/commands.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

// Whether somebody waits for the ticket, who could still be helped by reopening it.
bool KeepsOthersBlocked(const State& state, int64_t number) {
  const State::NumberSet& dependents = state.DependentsOf(number).unfinished;
  return std::any_of(dependents.begin(), dependents.end(), [&](int64_t dependent) {
    const pb::Ticket& ticket = *state.FindTicket(dependent);
    return ticket.state() == pb::Ticket::STATE_BLOCKED &&
           std::any_of(ticket.dependencies().begin(), ticket.dependencies().end(),
                       [&](const pb::Dependency& dependency) {
                         return TicketNumber(dependency.ticket_id()) == number &&
                                !IsMet(state.records(), dependency, state.FindTicket(number));
                       });
  });
}

}  // namespace

absl::Status DecideCommand(Context& context, const ArchiveTickets& command) {
  const State& state = context.state;
  int64_t left = static_cast<int64_t>(state.finished().size());
  int kept = 0;
  std::vector<int64_t> archived;
  for (const auto& [mod_revision, number] : state.finished()) {
    if (archived.size() == static_cast<size_t>(limits::kArchivedPerCommand)) break;
    // They are in the order of their last change.
    if (left <= command.keep_at_most &&
        FromProto(state.FindTicket(number)->update_time()) > command.before) {
      break;
    }
    if (kept < limits::kKeptForOthers && KeepsOthersBlocked(state, number)) {
      ++kept;
      continue;
    }
    archived.push_back(number);
    --left;
  }
  if (archived.empty()) return absl::OkStatus();
  pb::Event& event = context.draft.Add(pb::EVENT_KIND_TICKETS_ARCHIVED);
  for (const int64_t number : archived) context.draft.Archive(event, number);
  return absl::OkStatus();
}

}  // namespace coordhub::core
