// What a record type is: a table descriptor says it once, and state, snapshots, restore, digest,
// filters, streams and roll-back follow from it. The descriptors are in tables/, one a file;
// tables.h lists them.
//
// A descriptor `T` is a struct without data, derived from PublicRecord or PrivateRecord, with
//
//   using Key               what its map is ordered by
//   kName                   how messages call a record of it: "agent"
//   kErasable               whether an event may erase it
//   KeyOf(record)           its key
//   NameOf(record)          its id, for messages
//   ForDigest(record)       only where the digest does not see the whole record: what it sees
//   kStored                 only where records are kept in the store and not in memory: the state
//   and its snapshots are without them. What they have of text() counts against the quota
// and, when it is public,
//   FacetsOf(record)        what filters look at
//   CopyId(from, to)        sets in `to` what identifies the record and nothing else: how an erased
//   one is told Stamp(event, is_new, record)   sets what follows from the event that puts it:
//   revisions and times

#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "coordhub/journal/v1/record.pb.h"
#include "coordhub/v1/event.pb.h"
#include "hub/core/persistent_map.h"

namespace coordhub::core {

namespace pb = coordhub::v1;
namespace jpb = coordhub::journal::v1;

// What filters look at in one version of a record. Points into the record, and lives as long.
struct FacetView {
  using Labels = google::protobuf::RepeatedPtrField<std::string>;

  // The ticket that the record is or belongs to.
  const std::string* ticket_id = nullptr;
  // The agent that the record is; who holds it; whom it is assigned to.
  const std::string* agent_id = nullptr;
  const std::string* holder = nullptr;
  const std::string* assignee = nullptr;
  const Labels* labels = nullptr;
  pb::Ticket::State ticket_state = pb::Ticket::STATE_UNSPECIFIED;
  pb::Agent::State agent_state = pb::Agent::STATE_UNSPECIFIED;
};

// A record that events and snapshots hold as a RecordChange, and watchers see. The arguments are
// the accessors of its field there: get, mutable, unsafe_arena_set_allocated, unsafe_arena_release.
template <class R, pb::RecordChange::RecordCase kField, auto kGet, auto kMutable, auto kLend,
          auto kTakeBack>
struct PublicRecord {
  using Record = R;
  static constexpr bool kPublic = true;
  static constexpr pb::RecordChange::RecordCase kCase = kField;

  static bool IsIn(const pb::RecordChange& change) { return change.record_case() == kCase; }
  static bool IsIn(const jpb::SnapshotRecord& record) {
    return record.has_record() && IsIn(record.record());
  }
  static const R& In(const pb::RecordChange& change) { return (change.*kGet)(); }
  static const R& In(const jpb::SnapshotRecord& record) { return In(record.record()); }
  static R* In(pb::RecordChange* change) { return (change->*kMutable)(); }
  // Lends a record to a snapshot record without a copy; TakeBack ends that. Nobody changes it
  // meanwhile.
  static void Lend(const R& record, jpb::SnapshotRecord* to) {
    (to->mutable_record()->*kLend)(const_cast<R*>(&record));
  }
  static void TakeBack(jpb::SnapshotRecord* from) { (void)(from->mutable_record()->*kTakeBack)(); }
};

// A record that snapshots hold as an entry of its own, and nobody outside sees. It is put by the
// private bytes of a commit. The arguments are as for PublicRecord.
template <class R, jpb::SnapshotRecord::EntryCase kField, auto kGet, auto kLend, auto kTakeBack>
struct PrivateRecord {
  using Record = R;
  static constexpr bool kPublic = false;
  static constexpr jpb::SnapshotRecord::EntryCase kCase = kField;

  static bool IsIn(const jpb::SnapshotRecord& record) { return record.entry_case() == kCase; }
  static const R& In(const jpb::SnapshotRecord& record) { return (record.*kGet)(); }
  static void Lend(const R& record, jpb::SnapshotRecord* to) {
    (to->*kLend)(const_cast<R*>(&record));
  }
  static void TakeBack(jpb::SnapshotRecord* from) { (void)(from->*kTakeBack)(); }
};

template <class T>
using TableMap = PersistentMap<typename T::Key, typename T::Record>;

template <class T>
using RecordPtr = std::shared_ptr<const typename T::Record>;

// Whether its records are in the store only.
template <class T>
inline constexpr bool kIsStored = requires {
  T::kStored;
};

// Stands for a descriptor where a value is wanted.
template <class T>
using Tag = std::type_identity<T>;

template <class... Ts>
struct TableList {
  // Calls `fn(Tag<T>())` for each table in order, until one returns false. False: it was stopped.
  template <class Fn>
  static bool ForEach(Fn&& fn) {
    return (fn(Tag<Ts>()) && ...);
  }
};

}  // namespace coordhub::core
