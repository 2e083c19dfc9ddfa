#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "agent/base/clock.h"
#include "coordhub/v1/ticket.pb.h"

namespace coordhub::core {

// What an agent would take.
struct ClaimSelector {
  std::string agent_id;
  // All must be on the ticket; sorted.
  std::vector<std::string> labels;
  // Only this priority or a more urgent (smaller) one.
  std::optional<int> max_priority;
};

// Claimable tickets ordered by priority, then age, with indexes by assignee and label, and the
// tickets that wait for their `not_before`. A pure data structure: it is told the time. Owned by
// one State; not thread-safe.
class ReadyQueue {
 public:
  // (priority, create_revision, number): the order in which work is given out.
  using Key = std::tuple<int, int64_t, int64_t>;
  using TicketPtr = std::shared_ptr<const v1::Ticket>;

  // Adds an OPEN ticket, or replaces it: ready at `ready_at`, and at once when that is not after
  // `now`.
  void Add(int64_t number, TicketPtr ticket, base::MonoTime ready_at, base::MonoTime now);
  // Replaces the record of a ticket that is in the queue; when it becomes ready stays.
  void Update(int64_t number, TicketPtr ticket);
  // Removes it wherever it is; harmless when absent.
  void Remove(int64_t number);

  bool Contains(int64_t number) const { return entries_.contains(number); }
  // Ready now (not delayed).
  bool IsReady(int64_t number) const;
  // When a delayed ticket becomes ready; nothing when it is ready or absent.
  std::optional<base::MonoTime> DueTime(int64_t number) const;

  // The first ticket that the selector admits (unassigned, or assigned to its agent). O(log n)
  // without labels; with labels at most in proportion to the tickets that have the rarest of them.
  std::optional<int64_t> First(const ClaimSelector& selector) const;

  // Makes ready what is due. Returns how many.
  int ReleaseDue(base::MonoTime now);
  // When the next delayed ticket becomes ready.
  std::optional<base::MonoTime> NextDue() const;
  // Changes the time of every delayed ticket to `due_time(ticket)`.
  void Reanchor(const std::function<base::MonoTime(const v1::Ticket&)>& due_time,
                base::MonoTime now);

  // Tickets that became ready, or changed while ready, since the last call, and still are; in the
  // order of the queue.
  std::vector<int64_t> TakeNewlyReady();

  int64_t ready_count() const { return static_cast<int64_t>(entries_.size() - delayed_.size()); }
  int64_t delayed_count() const { return static_cast<int64_t>(delayed_.size()); }

  // Does the selector admit this ticket, whatever its state?
  static bool Admits(const ClaimSelector& selector, const v1::Ticket& ticket);

  // What is wrong between the indexes; empty if nothing is. In proportion to the queue: for tests.
  std::string Check() const;

 private:
  struct Entry {
    TicketPtr ticket;
    // Set while delayed.
    std::optional<base::MonoTime> due_time;
  };
  // With the entry's record, so that who looks for a ticket need not look up those that it passes.
  using Bucket = absl::btree_map<Key, const v1::Ticket*>;

  static Key KeyOf(int64_t number, const v1::Ticket& ticket);
  // Puts a ready ticket into its buckets, or takes it out.
  void Link(int64_t number, const v1::Ticket& ticket);
  void Unlink(int64_t number, const v1::Ticket& ticket);
  // Null when no ready ticket is in it.
  const Bucket* FindBucket(std::string_view name) const;
  // The smallest of the buckets that hold every candidate with this assignee; null when there is no
  // candidate.
  const Bucket* Narrowest(std::string_view assignee, const ClaimSelector& selector) const;
  // What a claim of this ticket, and then of the next one, is about to read: in a large workspace
  // it has left the processor's caches since it was written.
  void Prefetch(Bucket::const_iterator found, Bucket::const_iterator end) const;
  // The first ticket with exactly this assignee that the selector admits.
  std::optional<Key> FirstAssigned(std::string_view assignee, const ClaimSelector& selector) const;

  absl::flat_hash_map<int64_t, Entry> entries_;
  // Ready tickets by "<assignee>" and by "<assignee>\n<label>"; the empty assignee is anyone. None
  // is empty.
  absl::flat_hash_map<std::string, Bucket> buckets_;
  absl::btree_set<std::pair<base::MonoTime, int64_t>> delayed_;
  absl::btree_set<Key> newly_ready_;
};

}  // namespace coordhub::core
