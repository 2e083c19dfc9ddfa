#include "hub/core/filter.h"

#include <algorithm>
#include <optional>

namespace coordhub::core {

using Labels = google::protobuf::RepeatedPtrField<std::string>;

// One version of a record, as far as filters look at it. Points into the event.
struct Filter::Facets {
  const std::string* ticket_id = nullptr;
  // The agent that the record is, holds it, and is assigned to it.
  const std::string* agent_id = nullptr;
  const std::string* holder = nullptr;
  const std::string* assignee = nullptr;
  const Labels* labels = nullptr;
  v1::Ticket::State ticket_state = v1::Ticket::STATE_UNSPECIFIED;
};

Filter::Filter(const v1::EventFilter& filter)
    : kinds_(filter.kinds().begin(), filter.kinds().end()),
      ticket_ids_(filter.ticket_ids().begin(), filter.ticket_ids().end()),
      agent_ids_(filter.agent_ids().begin(), filter.agent_ids().end()),
      labels_(filter.labels().begin(), filter.labels().end()),
      ticket_states_(filter.ticket_states().begin(), filter.ticket_states().end()) {
  looks_at_records_ =
      !ticket_ids_.empty() || !agent_ids_.empty() || !labels_.empty() || !ticket_states_.empty();
  admits_all_ = kinds_.empty() && !looks_at_records_;
}

bool Filter::Meets(const Facets& facets) const {
  const auto named = [&](const std::string* agent_id) {
    return agent_id != nullptr && agent_ids_.contains(*agent_id);
  };
  if (!ticket_ids_.empty() &&
      (facets.ticket_id == nullptr || !ticket_ids_.contains(*facets.ticket_id)))
    return false;
  if (!agent_ids_.empty() && !named(facets.agent_id) && !named(facets.holder) &&
      !named(facets.assignee))
    return false;
  if (!ticket_states_.empty() && !ticket_states_.contains(facets.ticket_state)) return false;
  return std::all_of(labels_.begin(), labels_.end(), [&](const std::string& label) {
    return facets.labels != nullptr &&
           std::find(facets.labels->begin(), facets.labels->end(), label) != facets.labels->end();
  });
}

namespace {

// Fills in what a record is about, which never changes.
template <class Facets>
Facets IdentityOf(const v1::RecordChange& change) {
  Facets facets;
  if (change.has_ticket()) facets.ticket_id = &change.ticket().ticket_id();
  if (change.has_ticket_body()) facets.ticket_id = &change.ticket_body().ticket_id();
  if (change.has_comment()) facets.ticket_id = &change.comment().ticket_id();
  if (change.has_agent()) facets.agent_id = &change.agent().agent_id();
  return facets;
}

template <class Facets>
Facets After(const v1::RecordChange& change) {
  Facets facets = IdentityOf<Facets>(change);
  if (change.has_agent()) facets.labels = &change.agent().labels();
  if (change.has_branch()) facets.holder = &change.branch().owner_agent_id();
  if (!change.has_ticket()) return facets;
  const v1::Ticket& ticket = change.ticket();
  facets.labels = &ticket.labels();
  facets.ticket_state = ticket.state();
  facets.holder = &ticket.claim().agent_id();
  facets.assignee = &ticket.assignee_agent_id();
  return facets;
}

template <class Facets>
Facets Before(const v1::RecordChange& change) {
  Facets facets = IdentityOf<Facets>(change);
  const v1::RecordFacets& previous = change.previous();
  facets.labels = &previous.labels();
  facets.ticket_state = previous.ticket_state();
  facets.holder = &previous.holder_agent_id();
  facets.assignee = &previous.assignee_agent_id();
  return facets;
}

}  // namespace

bool Filter::Admits(const v1::Event& event) const {
  if (admits_all_) return true;
  if (!kinds_.empty() && !kinds_.contains(event.kind())) return false;
  if (!looks_at_records_) return true;
  return std::any_of(event.changes().begin(), event.changes().end(),
                     [&](const v1::RecordChange& change) {
                       if (!change.erased() && Meets(After<Facets>(change))) return true;
                       return change.has_previous() && Meets(Before<Facets>(change));
                     });
}

bool Filter::AdmitsRecord(const v1::RecordChange& record) const {
  return !looks_at_records_ || Meets(After<Facets>(record));
}

}  // namespace coordhub::core
