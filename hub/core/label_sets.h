#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "coordhub/v1/ticket.pb.h"

namespace coordhub::core {

// The tickets that have several labels, by assignee and by their set of labels: who wants several
// looks at the sets that have the rarest of them, not at the tickets. There are mostly few; where
// each ticket has a set of its own, most are ruled out by one comparison in a row of memory. A pure
// data structure. Owned by one ReadyQueue; not thread-safe.
class LabelSets {
 public:
  // As ReadyQueue orders: (priority, create_revision, number).
  using Key = std::tuple<int, int64_t, int64_t>;

  LabelSets();
  ~LabelSets();

  // Tickets with less than two labels are not for here, and left out.
  void Insert(const Key& key, const v1::Ticket& ticket);
  void Erase(const Key& key, const v1::Ticket& ticket);

  // The first ticket with exactly this assignee and all of these labels: two or more, sorted.
  std::optional<Key> First(std::string_view assignee, const std::vector<std::string>& labels) const;

  // Tickets in all sets.
  size_t size() const;
  bool Contains(const Key& key, const v1::Ticket& ticket) const;
  // Sets that First has looked at so far, and those of them that it had to look into: for tests.
  struct Work {
    int64_t passed = 0;
    int64_t opened = 0;
  };
  const Work& work() const { return work_; }

 private:
  // One set of labels of tickets with one assignee; never empty.
  struct Set;
  struct Place {
    // A bit for each label of the set; several may have the same.
    uint64_t bits;
    Set* set;
  };
  using Row = std::vector<Place>;

  // Puts a set into the rows of its labels, or takes it out.
  void Link(Set* set);
  void Unlink(const Set& set);

  // By "<assignee>\n<label>\n<label>…".
  absl::flat_hash_map<std::string, std::unique_ptr<Set>> sets_;
  // The sets that have a label, by "<assignee>\n<label>"; no row is empty.
  absl::flat_hash_map<std::string, Row> rows_;
  mutable Work work_;
};

}  // namespace coordhub::core
