#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "coordhub/v1/event.pb.h"
#include "hub/core/table.h"

namespace coordhub::core {

// A compiled EventFilter. Immutable; any thread. Cost of a question: in proportion to the event's
// records, not to the filter.
class Filter {
 public:
  // Admits everything.
  Filter() = default;
  explicit Filter(const v1::EventFilter& filter);

  bool admits_all() const { return admits_all_; }
  // True when the event's kind is asked for and one changed record meets every other condition, as
  // it was before or as it is after.
  bool Admits(const v1::Event& event) const;
  // For snapshots: whether a record that exists now meets the conditions (kinds do not count).
  template <class T>
  bool AdmitsRecord(const typename T::Record& record) const {
    return !looks_at_records_ || Meets(T::FacetsOf(record));
  }
  // The same for one of any table.
  bool AdmitsRecord(const v1::RecordChange& record) const;

 private:
  bool Meets(const FacetView& facets) const;

  bool admits_all_ = true;
  // Some condition is set that only a record can meet.
  bool looks_at_records_ = false;
  absl::flat_hash_set<int> kinds_;
  absl::flat_hash_set<std::string> ticket_ids_;
  absl::flat_hash_set<std::string> agent_ids_;
  std::vector<std::string> labels_;
  absl::flat_hash_set<int> ticket_states_;
};

}  // namespace coordhub::core
