// The events that one decision is about to cause.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "coordhub/v1/event.pb.h"
#include "hub/core/state.h"
#include "hub/core/store_row.h"

namespace coordhub::core {

// Events on top of a state: a decision reads through the draft and so sees its own earlier events.
// Lives for one decision, on the thread of the state, which must not change meanwhile. Dropping the
// draft drops its events: that is how a decision is refused midway.
class Draft {
 public:
  Draft(const State& state, std::string actor, const base::Now& now);
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  const State& state() const { return state_; }
  const std::string& actor() const { return actor_; }
  // Event time: the wall clock, never before the last event's.
  absl::Time time() const { return time_; }
  // The revision that the next event will get: a new claim's or session's fence.
  int64_t next_revision() const {
    return state_.revision() + static_cast<int64_t>(events_.size()) + 1;
  }
  // Reserves the next ticket number.
  int64_t NewTicketNumber() { return ++last_ticket_number_; }

  // As in State, but with this draft's changes. Null when unknown. The pointer is valid until the
  // draft goes, and keeps showing the same value when the record changes again.
  template <class T>
  const typename T::Record* Find(const typename T::Key& key) const {
    const auto& changed = changed_.of<T>();
    const auto it = changed.find(key);
    return it != changed.end() ? it->second : state_.records().template Find<T>(key);
  }
  const v1::Ticket* FindTicket(int64_t number) const { return Find<tables::Tickets>(number); }
  const v1::Agent* FindAgent(std::string_view agent_id) const {
    return Find<tables::Agents>(std::string(agent_id));
  }
  const v1::Branch* FindBranch(std::string_view name) const {
    return Find<tables::Branches>(std::string(name));
  }
  // Children of a ticket, with this draft's changes; no more than `max` of them.
  std::vector<int64_t> ChildrenOf(int64_t number, size_t max) const;
  bool HasUnfinishedChild(int64_t number) const;
  // Tickets that depend on one, with this draft's changes; no more than `max` of them.
  std::vector<int64_t> DependentsOf(int64_t number, size_t max) const;

  // Keys of the table's records that this draft has changed so far, in order. What they were before
  // it is in the state.
  template <class T>
  std::vector<typename T::Key> Touched() const {
    std::vector<typename T::Key> keys;
    keys.reserve(changed_.of<T>().size());
    for (const auto& [key, record] : changed_.of<T>()) keys.push_back(key);
    return keys;
  }

  // Appends an event. The reference is valid until the draft goes.
  v1::Event& Add(v1::EventKind kind, std::string_view reason = {});

  // Adds the new value of a record to an event of this draft, and sets what follows from the event
  // (the table's Stamp) and the change's `previous`.
  template <class Record>
  void Put(v1::Event& event, Record record) {
    using T = TableOf<Record>;
    static_assert(!kIsStored<T>);
    const typename T::Key key = T::KeyOf(record);
    const Record* before = Find<T>(key);
    v1::RecordChange& change = *event.add_changes();
    if (before != nullptr) FillFacets(T::FacetsOf(*before), change.mutable_previous());
    T::Stamp(event, before == nullptr, &record);
    if constexpr (std::is_same_v<T, tables::Tickets>) IndexEdges(key, before, record);
    *T::In(&change) = std::move(record);
    changed_.of<T>()[key] = &T::In(std::as_const(change));
  }
  // The same for a record that is in the store only, of which `bytes_before` of text go.
  template <class Record>
  void PutStored(v1::Event& event, Record record, int64_t bytes_before) {
    using T = TableOf<Record>;
    static_assert(kIsStored<T>);
    v1::RecordChange& change = *event.add_changes();
    if (bytes_before > 0) change.mutable_previous();
    T::Stamp(event, bytes_before == 0, &record);
    text_bytes_ += static_cast<int64_t>(record.text().size()) - bytes_before;
    StoreRow& row = store_.emplace_back();
    row.revision = event.revision();
    row.key = StoreKey(T::KeyOf(record));
    row.value = record.SerializeAsString();
    *T::In(&change) = std::move(record);
  }
  // Erases a ticket, which the archive keeps.
  void Archive(v1::Event& event, int64_t number);
  // What the store gains of text, bytes; negative: it loses so much.
  int64_t text_bytes() const { return text_bytes_; }
  // The record must be known.
  template <class T>
  void Erase(v1::Event& event, const typename T::Key& key) {
    const typename T::Record* before = Find<T>(key);
    v1::RecordChange& change = *event.add_changes();
    FillFacets(T::FacetsOf(*before), change.mutable_previous());
    T::CopyId(*before, T::In(&change));
    change.set_erased(true);
    changed_.of<T>()[key] = nullptr;
  }

  // Gives away what changes in the store, in the order of the events.
  std::vector<StoreRow> TakeStore() { return std::move(store_); }
  // Sets commit_revision everywhere and gives the events away.
  std::vector<std::shared_ptr<const v1::Event>> Finish() &&;

 private:
  // An edge to a ticket (to a dependency or a parent), seen from its end: which tickets gained and
  // lost it here.
  struct Edges {
    absl::btree_set<int64_t> gained;
    absl::btree_set<int64_t> lost;
  };
  using EdgesByEnd = absl::flat_hash_map<int64_t, Edges>;

  // Which tickets gained an edge to `end` here (the first `max`), and whether one lost its own.
  static std::vector<int64_t> GainedBy(const EdgesByEnd& edges, int64_t end, size_t max);
  static bool Lost(const EdgesByEnd& edges, int64_t end, int64_t number);
  // Records which edges the change of a ticket adds and takes away; `before` may be null.
  void IndexEdges(int64_t number, const v1::Ticket* before, const v1::Ticket& after);

  static std::vector<int64_t> StoreKey(int64_t number) { return {number}; }
  static std::vector<int64_t> StoreKey(const std::pair<int64_t, int32_t>& numbers) {
    return {numbers.first, numbers.second};
  }
  static void FillFacets(const FacetView& view, v1::RecordFacets* facets);

  // The records of this draft by their keys; they point into events_. Null is an erased one.
  class Changed {
   public:
    template <class T>
    using Map = absl::btree_map<typename T::Key, const typename T::Record*>;

    template <class T>
    Map<T>& of() {
      return std::get<Slot<T>>(slots_).map;
    }
    template <class T>
    const Map<T>& of() const {
      return std::get<Slot<T>>(slots_).map;
    }

   private:
    template <class T>
    struct Slot {
      Map<T> map;
    };
    template <class List>
    struct SlotsOf;
    template <class... Ts>
    struct SlotsOf<TableList<Ts...>> {
      using Type = std::tuple<Slot<Ts>...>;
    };
    SlotsOf<AllTables>::Type slots_;
  };

  const State& state_;
  const std::string actor_;
  const absl::Time time_;
  int64_t last_ticket_number_;
  int64_t text_bytes_ = 0;
  std::vector<std::shared_ptr<v1::Event>> events_;
  std::vector<StoreRow> store_;
  Changed changed_;
  EdgesByEnd dependents_;
  EdgesByEnd children_;
  EdgesByEnd unfinished_children_;
};

}  // namespace coordhub::core
