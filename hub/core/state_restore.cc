// How a state comes back: from a snapshot, or to a view that it had.

#include <algorithm>

#include "hub/core/proto_time.h"
#include "hub/core/state.h"

namespace coordhub::core {

void State::LoadRecord(const std::shared_ptr<const jpb::SnapshotRecord>& record) {
  if (record->has_request()) {
    const jpb::RememberedRequest& request = record->request();
    records_.requests.Put({request.key().actor(), request.commit_revision()}, {record, &request});
    return;
  }
  if (record->has_import_mark()) {
    const jpb::ImportMark& mark = record->import_mark();
    records_.import_marks.Put(mark.file_id(), {record, &mark});
    return;
  }
  const pb::RecordChange& change = record->record();
  if (change.has_agent()) {
    records_.agents.Put(change.agent().agent_id(), {record, &change.agent()});
  } else if (change.has_ticket()) {
    records_.tickets.Put(TicketNumber(change.ticket().ticket_id()), {record, &change.ticket()});
  } else if (change.has_ticket_body()) {
    records_.bodies.Put(TicketNumber(change.ticket_body().ticket_id()),
                        {record, &change.ticket_body()});
  } else if (change.has_comment()) {
    records_.comments.Put({TicketNumber(change.comment().ticket_id()), change.comment().number()},
                          {record, &change.comment()});
  } else if (change.has_branch()) {
    records_.branches.Put(change.branch().branch(), {record, &change.branch()});
  } else {
    DoesNotApply("a snapshot holds a record that this version does not know");
  }
}

void State::FinishLoad(const jpb::SnapshotHeader& header, const base::Now& now) {
  revision_ = header.revision();
  last_ticket_number_ = header.last_ticket_number();
  last_event_time_ = FromProto(header.last_event_time());
  // Indexes are built once everything is there, in key order.
  records_.tickets.ForEach([&](int64_t number, const std::shared_ptr<const pb::Ticket>& ticket) {
    IndexDerived(number, nullptr, ticket);
    IndexDependents(number, nullptr, ticket.get());
    IndexClaim(nullptr, ticket.get());
    Enqueue(number, nullptr, ticket, now);
    return true;
  });
  records_.agents.ForEach([&](const std::string&, const std::shared_ptr<const pb::Agent>& agent) {
    IndexSession(nullptr, agent);
    IndexAgent(nullptr, agent.get());
    return true;
  });
  records_.requests.ForEach([&](const auto&, const RequestPtr& request) {
    IndexRequest(nullptr, request);
    return true;
  });
}

void State::TouchTicket(int64_t number) {
  if (has_view_) touched_tickets_.try_emplace(number, ready_.DueTime(number));
}

void State::RollBack(const View& to, const base::Now& now) {
  RollBackTickets(to.records, now);
  RollBackAgents(to.records);
  RollBackRequests(to.records);
  // Derived maps and counts go back with the records.
  records_ = to.records;
  revision_ = to.revision;
  last_ticket_number_ = to.last_ticket_number;
  last_event_time_ = to.last_event_time;
}

void State::RollBackTickets(const Records& to, const base::Now& now) {
  for (const auto& [number, due_time] : touched_tickets_) {
    const auto* before = to.tickets.Find(number);
    const pb::Ticket* const ticket = before == nullptr ? nullptr : before->get();
    IndexDependents(number, FindTicket(number), ticket);
    IndexClaim(FindTicket(number), ticket);
    if (before == nullptr || (*before)->state() != pb::Ticket::STATE_OPEN) {
      ready_.Remove(number);
    } else {
      ready_.Add(number, *before, due_time.value_or(now.mono), now.mono);
    }
  }
  touched_tickets_.clear();
}

void State::RollBackAgents(const Records& to) {
  // First all that goes, then all that comes: a session's place must not be taken away by its
  // successor's leaving.
  for (const std::string& agent_id : touched_agents_) IndexAgent(FindAgent(agent_id), nullptr);
  for (const std::string& agent_id : touched_agents_) IndexAgent(nullptr, to.FindAgent(agent_id));
  touched_agents_.clear();
}

void State::RollBackRequests(const Records& to) {
  // In two passes: an id that had left the window may have been used again.
  const auto request_in = [](const Records& records, const std::pair<std::string, int64_t>& key) {
    const auto* request = records.requests.Find(key);
    return request == nullptr ? nullptr : *request;
  };
  for (const auto& key : touched_requests_) IndexRequest(request_in(records_, key), nullptr);
  for (const auto& key : touched_requests_) IndexRequest(nullptr, request_in(to, key));
  touched_requests_.clear();
}

}  // namespace coordhub::core
