#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "coordhub/journal/v1/record.pb.h"
#include "coordhub/v1/agent.pb.h"
#include "coordhub/v1/convergence.pb.h"
#include "coordhub/v1/repository.pb.h"
#include "coordhub/v1/ticket.pb.h"
#include "hub/core/persistent_map.h"
#include "hub/core/tables.h"
#include "hub/core/ticket_id.h"

// The records of a workspace, pictures of them, and what reads compute from them.
namespace coordhub::core {

// Derived from the tickets, for reads and decisions.
struct TicketLists {
  // By (state, number), (holder, number), (parent number, number).
  PersistentMap<std::pair<int, int64_t>, pb::Ticket> tickets_by_state;
  PersistentMap<std::pair<std::string, int64_t>, pb::Ticket> tickets_by_holder;
  PersistentMap<std::pair<int64_t, int64_t>, pb::Ticket> tickets_by_parent;
  // Those of tickets_by_parent that are not finished, and so keep their parent BLOCKED.
  PersistentMap<std::pair<int64_t, int64_t>, pb::Ticket> unfinished_children;
  // Number of tickets by pb::Ticket::State.
  std::array<int64_t, pb::Ticket::State_ARRAYSIZE> ticket_counts{};

  void Change(Tag<tables::Tickets>, int64_t number, const pb::Ticket* before,
              const std::shared_ptr<const pb::Ticket>& after);
};

// Derived from the agents, and from what lives as long as their sessions (but for tickets, which
// are in TicketLists).
struct SessionLists {
  // By the uid of the present or last session.
  PersistentMap<std::string, pb::Agent> agents_by_session;
  // By (holder, id): those in force.
  PersistentMap<std::pair<std::string, std::string>, pb::Reservation> reservations_by_holder;

  void Change(Tag<tables::Agents>, const std::string& agent_id, const pb::Agent* before,
              const std::shared_ptr<const pb::Agent>& after);
  void Change(Tag<tables::Reservations>, const std::string& id, const pb::Reservation* before,
              const std::shared_ptr<const pb::Reservation>& after);
};

// Derived from the conflicts.
struct ConflictLists {
  // By (branch, the other one): each conflict twice.
  PersistentMap<std::pair<std::string, std::string>, pb::Conflict> conflicts_by_branch;

  void Change(Tag<tables::Conflicts>, const tables::Conflicts::Key& key, const pb::Conflict* before,
              const std::shared_ptr<const pb::Conflict>& after);
};

// Derived from the rounds that are ACTIVE.
struct RoundLists {
  // What a round looks at: its members' branches and agents, the tickets that it waits for.
  enum class Subject { kBranch, kAgent, kTicket };

  PersistentMap<int64_t, pb::Round> active_rounds;
  // By (subject, its id, number): an agent may be in several rounds, by different branches.
  PersistentMap<std::tuple<Subject, std::string, int64_t>, pb::Round> rounds_by_subject;

  void Change(Tag<tables::Rounds>, int64_t number, const pb::Round* before,
              const std::shared_ptr<const pb::Round>& after);
  // The active round that has the branch as a member; null: none.
  const pb::Round* ActiveRoundOf(const std::string& branch) const;
};

// What is known of tickets that left the state.
struct ArchiveTotals {
  int64_t archived_tickets = 0;

  void Change(Tag<tables::Archived>, int64_t block, const jpb::ArchivedTickets* before,
              const std::shared_ptr<const jpb::ArchivedTickets>& after);
};

// What is remembered of requests, in all.
struct RequestTotals {
  int64_t remembered_bytes = 0;

  void Change(Tag<tables::Requests>, const tables::Requests::Key& key,
              const jpb::RememberedRequest* before,
              const std::shared_ptr<const jpb::RememberedRequest>& after);
};

// The records of a workspace, as persistent maps: copying them is O(1), and the copy may be read by
// any thread while the writer goes on. `of<tables::Tickets>()` is the map of a table; all tables
// are in snapshots and in the digest, the derived lists are not.
struct Records : TableMaps,
                 TicketLists,
                 SessionLists,
                 ConflictLists,
                 RoundLists,
                 ArchiveTotals,
                 RequestTotals {
  // O(1). Writer's thread only; the result is immutable and may go to any thread.
  Records Snapshot() const { return *this; }

  // Null when unknown. Pointers are valid as long as these records, unedited.
  template <class T>
  const typename T::Record* Find(const typename T::Key& key) const {
    const auto* record = of<T>().Find(key);
    return record == nullptr ? nullptr : record->get();
  }
  const pb::Ticket* FindTicket(int64_t number) const;
  const pb::Agent* FindAgent(std::string_view agent_id) const;
  // The agent whose present or last session has this uid. A session that was taken over is
  // nobody's.
  const pb::Agent* FindSessionEver(std::string_view session_uid) const;
  const pb::Branch* FindBranch(std::string_view name) const;
  // Whether a ticket was archived; whether one was that still meets such a dependency.
  bool IsArchived(int64_t number) const;
  bool ArchivedMeets(int64_t number, pb::Dependency::Until until) const;
  // The first byte of the file that is not imported; 0 for a file without a mark.
  int64_t ImportedUpTo(std::string_view file_id) const;
};

// An immutable picture of the workspace at a commit boundary. Any thread.
struct View {
  Records records;
  int64_t revision = 0;
  int64_t last_ticket_number = 0;
  absl::Time last_event_time = absl::UnixEpoch();
};

// DONE, FAILED or CANCELLED.
bool IsFinished(pb::Ticket::State state);
// A live session: ACTIVE.
bool IsLive(const pb::Agent& agent);
// OPEN, READY or INTEGRATING.
bool IsActive(const pb::Round& round);

// A dependency is met by DONE or, when it asks for that, by integration; a ticket that is unknown
// meets nothing, and one that is archived (`records` know that) what it met before.
bool IsMet(const Records& records, const pb::Dependency& dependency, const pb::Ticket* target);
// Whether both depend on the same tickets, in the same order.
bool SameDependencies(const pb::Ticket& a, const pb::Ticket& b);
// The ticket's unmet dependencies in its order, then its unfinished children by number: what would
// keep it BLOCKED, whatever its state. The first `max` of them.
std::vector<pb::Blocker> UnmetEdgesOf(const Records& records, const pb::Ticket& ticket, size_t max);
// What keeps the ticket BLOCKED at this view (for responses), the first limits::kBlockersShown of
// it. Empty in any other state.
std::vector<pb::Blocker> BlockersOf(const Records& records, const pb::Ticket& ticket);

// Hex SHA-256 over the revision, the last ticket number and every record in key order. Comparable
// within one build only. In proportion to the view. Any thread.
std::string Digest(const View& view);

// What a snapshot of this view begins with; log_id, digest and written_by are the writer's to add.
jpb::SnapshotHeader MakeSnapshotHeader(const View& view);
// Calls `fn` with every record of the view as a snapshot holds it, in key order; stops early on
// false. Any thread.
void ForEachSnapshotRecord(const View& view,
                           const std::function<bool(const jpb::SnapshotRecord&)>& fn);

}  // namespace coordhub::core
