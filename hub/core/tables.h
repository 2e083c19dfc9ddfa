// The record types of a workspace. Nothing else in the house lists them: a new one is a file in
// tables/ and a line here.

#pragma once

#include <tuple>

#include "hub/core/table.h"
#include "hub/core/tables/acknowledgements.h"
#include "hub/core/tables/agents.h"
#include "hub/core/tables/archived.h"
#include "hub/core/tables/bodies.h"
#include "hub/core/tables/branches.h"
#include "hub/core/tables/comments.h"
#include "hub/core/tables/conflicts.h"
#include "hub/core/tables/gates.h"
#include "hub/core/tables/import_marks.h"
#include "hub/core/tables/messages.h"
#include "hub/core/tables/operations.h"
#include "hub/core/tables/requests.h"
#include "hub/core/tables/reservations.h"
#include "hub/core/tables/rounds.h"
#include "hub/core/tables/tickets.h"

namespace coordhub::core {

// In the order of snapshots: what a record refers to comes before it.
using AllTables =
    TableList<tables::Agents, tables::Archived, tables::Tickets, tables::Bodies, tables::Comments,
              tables::Requests, tables::ImportMarks, tables::Branches, tables::Conflicts,
              tables::Rounds, tables::Reservations, tables::Messages, tables::Acknowledgements,
              tables::Operations, tables::Gates>;

// Calls `fn(Tag<T>(), record)` with the record of a change. False: no table of this version holds
// such records.
template <class Fn>
bool VisitRecord(const pb::RecordChange& change, Fn&& fn) {
  return !AllTables::ForEach([&]<class T>(Tag<T> tag) {
    if constexpr (T::kPublic) {
      if (!T::IsIn(change)) return true;
      fn(tag, T::In(change));
      return false;
    } else {
      return true;
    }
  });
}

namespace tables_internal {

template <class Record, class List>
struct TableOf;
template <class Record, class First, class... Rest>
struct TableOf<Record, TableList<First, Rest...>>
    : std::conditional_t<std::is_same_v<Record, typename First::Record>, Tag<First>,
                         TableOf<Record, TableList<Rest...>>> {};
template <class Record>
struct TableOf<Record, TableList<>> {};

template <class List>
struct MapsOf;
template <class... Ts>
struct MapsOf<TableList<Ts...>> {
  // Two tables may have maps of one type, so each map is wrapped.
  template <class T>
  struct Slot {
    TableMap<T> map;
  };
  std::tuple<Slot<Ts>...> slots;
};

}  // namespace tables_internal

// The table of a record type.
template <class Record>
using TableOf = typename tables_internal::TableOf<Record, AllTables>::type;

// A map for each table.
class TableMaps {
 public:
  template <class T>
  const TableMap<T>& of() const {
    return std::get<Maps::Slot<T>>(maps_.slots).map;
  }
  template <class T>
  TableMap<T>& of() {
    return std::get<Maps::Slot<T>>(maps_.slots).map;
  }

 private:
  using Maps = tables_internal::MapsOf<AllTables>;
  Maps maps_;
};

}  // namespace coordhub::core
