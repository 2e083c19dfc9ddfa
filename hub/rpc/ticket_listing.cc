#include "hub/rpc/ticket_listing.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/rpc/paging.h"

namespace coordhub::rpc {
namespace {

using core::Records;

// Which way a listing goes through the numbers, and how far it is: `last` was looked at. 0:
// nothing.
struct Course {
  bool descending = false;
  int64_t last = 0;

  bool Leads(int64_t number, int64_t other) const {
    return descending ? number > other : number < other;
  }
};

// The first entry ahead of a map whose keys are `key_of(number)`.
template <class Map, class KeyOf>
typename Map::Cursor CursorAt(const Map& map, const Course& course, const KeyOf& key_of) {
  if (!course.descending) return map.LowerBound(key_of(course.last + 1));
  constexpr int64_t kBeyondAll = std::numeric_limits<int64_t>::max();
  return map.Before(key_of(course.last == 0 ? kBeyondAll : course.last));
}

template <class Cursor>
void Step(const Course& course, Cursor* cursor) {
  course.descending ? cursor->Prev() : cursor->Next();
}

// Walks a map whose keys are `key_of(number)` while `in_range(key)` and `look(ticket)` hold.
template <class Map, class KeyOf, class InRange, class Look>
void Walk(const Map& map, const Course& course, const KeyOf& key_of, const InRange& in_range,
          const Look& look) {
  for (auto at = CursorAt(map, course, key_of); at.Valid() && in_range(at.key());
       Step(course, &at)) {
    if (!look(*at)) return;
  }
}

// The same where keys are pairs of `first` and the number.
template <class Map, class First, class Look>
void WalkOf(const Map& map, const Course& course, const First& first, const Look& look) {
  Walk(
      map, course, [&](int64_t number) { return std::pair(first, number); },
      [&](const auto& key) { return key.first == first; }, look);
}

// Merges the tickets of several states by number.
template <class Look>
void WalkStates(const Records& records, const google::protobuf::RepeatedField<int>& states,
                const Course& course, const Look& look) {
  using Cursor = decltype(records.tickets_by_state.Begin());
  std::vector<std::pair<int, Cursor>> lanes;
  for (const int state : std::set<int>(states.begin(), states.end())) {
    lanes.emplace_back(state, CursorAt(records.tickets_by_state, course,
                                       [&](int64_t number) { return std::pair(state, number); }));
  }
  while (true) {
    Cursor* next = nullptr;
    for (auto& [state, cursor] : lanes) {
      if (!cursor.Valid() || cursor.key().first != state) continue;
      if (next == nullptr || course.Leads(cursor.key().second, next->key().second)) next = &cursor;
    }
    if (next == nullptr || !look(**next)) return;
    Step(course, next);
  }
}

// Calls `look` with the tickets ahead of the course, in order, until it returns false: along the
// narrowest index that the request names. What is looked at may still not match.
template <class Look>
void WalkCandidates(const Records& records, const v1::ListTicketsRequest& request,
                    const Course& course, const Look& look) {
  if (!request.holder_agent_id().empty()) {
    WalkOf(records.tickets_by_holder, course, request.holder_agent_id(), look);
  } else if (!request.parent_ticket_id().empty()) {
    WalkOf(records.tickets_by_parent, course, core::TicketNumber(request.parent_ticket_id()), look);
  } else if (!request.states().empty()) {
    WalkStates(records, request.states(), course, look);
  } else {
    Walk(
        records.of<core::tables::Tickets>(), course, [](int64_t number) { return number; },
        [](int64_t) { return true; }, look);
  }
}

}  // namespace

bool Matches(const v1::ListTicketsRequest& request, const v1::Ticket& ticket) {
  const auto has_label = [&](const std::string& label) {
    return std::find(ticket.labels().begin(), ticket.labels().end(), label) !=
           ticket.labels().end();
  };
  const auto is_or_any = [](const std::string& wanted, const std::string& value) {
    return wanted.empty() || wanted == value;
  };
  return (request.states().empty() || std::find(request.states().begin(), request.states().end(),
                                                ticket.state()) != request.states().end()) &&
         is_or_any(request.holder_agent_id(), ticket.claim().agent_id()) &&
         is_or_any(request.assignee_agent_id(), ticket.assignee_agent_id()) &&
         is_or_any(request.parent_ticket_id(), ticket.parent_ticket_id()) &&
         std::all_of(request.labels().begin(), request.labels().end(), has_label);
}

absl::Status ListTickets(const Reading& reading, const v1::ListTicketsRequest& request,
                         v1::ListTicketsResponse* response) {
  const std::string query = QueryOf(request);
  HostedWorkspace* workspace = reading.scope.workspace;
  COORDHUB_ASSIGN_OR_RETURN(const PageStart start,
                            BeginPage(workspace, reading.view, request.page_token(), query));
  int64_t last = 0;
  if (!start.after_key.empty() && (!absl::SimpleAtoi(start.after_key, &last) || last < 0 ||
                                   last == std::numeric_limits<int64_t>::max())) {
    return base::MakeError(base::pb::ERROR_REASON_PAGE_TOKEN_INVALID, "page_token is malformed");
  }
  PageBudget budget(request.page_size());
  bool more = false;
  const Course course{request.descending(), last};
  WalkCandidates(start.view->records, request, course, [&](const v1::Ticket& ticket) {
    more = !budget.Look();
    if (more) return false;
    last = core::TicketNumber(ticket.ticket_id());
    if (!Matches(request, ticket)) return true;
    v1::Ticket* listed = response->add_tickets();
    *listed = ticket;
    workspace->engine().Decorate(*start.view, listed);
    budget.Take(*listed);
    return true;
  });
  if (more) {
    response->set_next_page_token(NextPage(workspace, start, absl::StrCat(last), query));
  }
  response->set_revision(start.view->revision);
  return absl::OkStatus();
}

}  // namespace coordhub::rpc
