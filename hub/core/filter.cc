#include "hub/core/filter.h"

#include <algorithm>

#include "hub/core/tables.h"

namespace coordhub::core {

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

bool Filter::Meets(const FacetView& facets) const {
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

// The record as it is after the change; of an erased one only what it is about.
FacetView After(const v1::RecordChange& change) {
  FacetView facets;
  VisitRecord(change, [&]<class T>(Tag<T>, const typename T::Record& record) {
    facets = T::FacetsOf(record);
  });
  return facets;
}

// The record as it was before: what it is about never changes.
FacetView Before(const v1::RecordChange& change) {
  FacetView facets = After(change);
  const v1::RecordFacets& previous = change.previous();
  facets.labels = &previous.labels();
  facets.ticket_state = previous.ticket_state();
  facets.agent_state = previous.agent_state();
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
                       if (!change.erased() && Meets(After(change))) return true;
                       return change.has_previous() && Meets(Before(change));
                     });
}

bool Filter::AdmitsRecord(const v1::RecordChange& record) const {
  return !looks_at_records_ || Meets(After(record));
}

}  // namespace coordhub::core
