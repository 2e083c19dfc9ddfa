#pragma once

#include <cstdint>
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
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "coordhub/v1/ticket.pb.h"
#include "hub/core/label_sets.h"

namespace coordhub::core {

// What an agent would take.
struct ClaimSelector {
  std::string agent_id;
  // All must be on the ticket; sorted.
  std::vector<std::string> labels;
  // Only this priority or a more urgent (smaller) one.
  std::optional<int> max_priority;
};

// Claimable tickets ordered by priority, then age, with indexes by assignee and label, and the OPEN
// tickets that are not due yet. A ticket is due when both have come: its `not_before`, a time of
// day, by the wall clock; and the end of its `backoff`, a span of monotonic time that counts from
// the event that set it. What has come stays come, also when the wall clock is set back. A pure
// data structure: it is told the time. Owned by one State; not thread-safe.
class ReadyQueue {
 public:
  // (priority, create_revision, number): the order in which work is given out.
  using Key = LabelSets::Key;
  using TicketPtr = std::shared_ptr<const v1::Ticket>;

  // What a ticket waits for.
  enum class Stage { kAbsent, kWaitsForTime, kRests, kReady };
  // Where a ticket is, for PutBack.
  struct Place {
    Stage stage = Stage::kAbsent;
    std::optional<base::MonoTime> rested;

    friend bool operator==(const Place&, const Place&) = default;
  };

  // The record of a ticket becomes `after`; it was `before` (null: it is new). Only OPEN tickets
  // are in the queue. When one becomes ready is found out anew when it becomes OPEN, and when its
  // `not_before` or `backoff` changes; a back-off counts from the change that set it, also while
  // the ticket is BLOCKED.
  void Put(int64_t number, const v1::Ticket* before, const TicketPtr& after, const base::Now& now);
  // The ticket is no more; harmless when absent.
  void Remove(int64_t number);

  // Undoes what happened to a ticket: its record was `ticket` (null: it did not exist), and it was
  // at `place`, as PlaceOf had told.
  void PutBack(int64_t number, const TicketPtr& ticket, const Place& place, const base::Now& now);
  Place PlaceOf(int64_t number) const;

  bool Contains(int64_t number) const { return entries_.contains(number); }
  // Ready now (not delayed).
  bool IsReady(int64_t number) const { return StageOf(number) == Stage::kReady; }
  // When the back-off of an OPEN or BLOCKED ticket ends, or ended; nothing when it has none.
  std::optional<base::MonoTime> Rested(int64_t number) const;

  // The first ticket that the selector admits (unassigned, or assigned to its agent). O(log n)
  // without labels and with one; with several, in proportion to the sets of labels that have the
  // rarest of them (LabelSets).
  std::optional<int64_t> First(const ClaimSelector& selector) const;

  // Makes ready what is due. Returns how many.
  int ReleaseDue(const base::Now& now);
  // When the next ticket has rested, and when the next `not_before` comes.
  std::optional<base::MonoTime> NextRested() const;
  std::optional<absl::Time> NextTime() const;
  // Lets every back-off count from `now`, and looks anew at all that waits.
  void Reanchor(const base::Now& now);

  // Tickets that became ready, or changed while ready, since the last call, and still are; in the
  // order of the queue.
  std::vector<int64_t> TakeNewlyReady();

  int64_t ready_count() const { return static_cast<int64_t>(entries_.size()) - delayed_count(); }
  int64_t delayed_count() const { return static_cast<int64_t>(by_time_.size() + by_rest_.size()); }

  // Does the selector admit this ticket, whatever its state?
  static bool Admits(const ClaimSelector& selector, const v1::Ticket& ticket);

  // What First has looked at so far, for several labels: for tests.
  const LabelSets::Work& label_work() const { return label_sets_.work(); }

  // What is wrong between the indexes; empty if nothing is. In proportion to the queue: for tests.
  std::string Check() const;

 private:
  struct Entry {
    TicketPtr ticket;
    // Of the delayed, the one of the two sets that it is in; else kReady.
    Stage stage = Stage::kReady;
  };
  struct Rest {
    base::MonoTime ends;
    absl::Duration span;
  };
  // With the entry's record, so that who looks for a ticket need not look up those that it passes.
  using Bucket = absl::btree_map<Key, const v1::Ticket*>;

  static Key KeyOf(int64_t number, const v1::Ticket& ticket);
  Stage StageOf(int64_t number) const;
  base::MonoTime RestedAt(int64_t number) const;
  // Follows the back-off of a ticket whose record changes.
  void PutRest(int64_t number, const v1::Ticket* before, const v1::Ticket& after,
               base::MonoTime now);
  // Puts an entry where it belongs. `time_has_come`: its `not_before` is not asked again.
  void Settle(int64_t number, Entry* entry, bool time_has_come, const base::Now& now);
  void Unsettle(int64_t number, const Entry& entry);
  // Puts a ready ticket into its buckets, or takes it out.
  void Link(int64_t number, const v1::Ticket& ticket);
  void Unlink(int64_t number, const v1::Ticket& ticket);
  // Null when no ready ticket is in it.
  const Bucket* FindBucket(std::string_view name) const;
  // What a claim of this ticket, and then of the next one, is about to read: in a large workspace
  // it has left the processor's caches since it was written.
  void Prefetch(Bucket::const_iterator found, Bucket::const_iterator end) const;
  // The first ticket with exactly this assignee that has the selector's labels.
  std::optional<Key> FirstLabelled(std::string_view assignee, const ClaimSelector& selector) const;
  // The same, and that the selector admits.
  std::optional<Key> FirstAssigned(std::string_view assignee, const ClaimSelector& selector) const;

  absl::flat_hash_map<int64_t, Entry> entries_;
  // Ready tickets by "<assignee>" and by "<assignee>\n<label>"; the empty assignee is anyone. None
  // is empty.
  absl::flat_hash_map<std::string, Bucket> buckets_;
  // The ready tickets once more, by all their labels.
  LabelSets label_sets_;
  // The delayed: those whose `not_before` has not come, and those that only rest.
  absl::btree_set<std::pair<absl::Time, int64_t>> by_time_;
  absl::btree_set<std::pair<base::MonoTime, int64_t>> by_rest_;
  // Of all OPEN and BLOCKED tickets with a `backoff`, rested ones too.
  absl::flat_hash_map<int64_t, Rest> rests_;
  absl::btree_set<Key> newly_ready_;
};

}  // namespace coordhub::core
