#include "hub/core/label_sets.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/string_view.h"

namespace coordhub::core {
namespace {

// Ids and labels hold no control characters.
std::string RowName(std::string_view assignee, std::string_view label) {
  return absl::StrCat(base::ToAbsl(assignee), "\n", base::ToAbsl(label));
}

std::string SetName(const v1::Ticket& ticket) {
  return absl::StrCat(ticket.assignee_agent_id(), "\n", absl::StrJoin(ticket.labels(), "\n"));
}

uint64_t BitsOf(const std::vector<std::string>& labels) {
  uint64_t bits = 0;
  for (const std::string& label : labels) bits |= uint64_t{1} << (absl::HashOf(label) % 64);
  return bits;
}

}  // namespace

struct LabelSets::Set {
  std::string assignee;
  // Sorted.
  std::vector<std::string> labels;
  // Where it is in the row of each of its labels.
  std::vector<size_t> places;
  absl::btree_set<Key> keys;
};

LabelSets::LabelSets() = default;
LabelSets::~LabelSets() = default;

void LabelSets::Insert(const Key& key, const v1::Ticket& ticket) {
  if (ticket.labels_size() < 2) return;
  std::unique_ptr<Set>& set = sets_[SetName(ticket)];
  if (set == nullptr) {
    set = std::make_unique<Set>();
    set->assignee = ticket.assignee_agent_id();
    set->labels.assign(ticket.labels().begin(), ticket.labels().end());
    std::sort(set->labels.begin(), set->labels.end());
    Link(set.get());
  }
  set->keys.insert(key);
}

void LabelSets::Erase(const Key& key, const v1::Ticket& ticket) {
  if (ticket.labels_size() < 2) return;
  const auto it = sets_.find(SetName(ticket));
  if (it == sets_.end()) return;
  it->second->keys.erase(key);
  if (!it->second->keys.empty()) return;
  Unlink(*it->second);
  sets_.erase(it);
}

void LabelSets::Link(Set* set) {
  const uint64_t bits = BitsOf(set->labels);
  for (const std::string& label : set->labels) {
    Row& row = rows_[RowName(set->assignee, label)];
    set->places.push_back(row.size());
    row.push_back({bits, set});
  }
}

void LabelSets::Unlink(const Set& set) {
  for (size_t i = 0; i < set.labels.size(); ++i) {
    const auto it = rows_.find(RowName(set.assignee, set.labels[i]));
    Row& row = it->second;
    // The last one of the row moves to its place.
    const Place last = row.back();
    row[set.places[i]] = last;
    const auto label =
        std::lower_bound(last.set->labels.begin(), last.set->labels.end(), set.labels[i]);
    last.set->places[static_cast<size_t>(label - last.set->labels.begin())] = set.places[i];
    row.pop_back();
    if (row.empty()) rows_.erase(it);
  }
}

std::optional<LabelSets::Key> LabelSets::First(std::string_view assignee,
                                               const std::vector<std::string>& labels) const {
  const Row* shortest = nullptr;
  for (const std::string& label : labels) {
    const auto row = rows_.find(RowName(assignee, label));
    if (row == rows_.end()) return std::nullopt;
    if (shortest == nullptr || row->second.size() < shortest->size()) shortest = &row->second;
  }
  const uint64_t wanted = BitsOf(labels);
  work_.passed += static_cast<int64_t>(shortest->size());
  std::optional<Key> first;
  for (const Place& place : *shortest) {
    if ((place.bits & wanted) != wanted) continue;
    ++work_.opened;
    const Set& set = *place.set;
    const Key& key = *set.keys.begin();
    if (first.has_value() && *first < key) continue;
    if (!std::includes(set.labels.begin(), set.labels.end(), labels.begin(), labels.end()))
      continue;
    first = key;
  }
  return first;
}

size_t LabelSets::size() const {
  size_t size = 0;
  for (const auto& [name, set] : sets_) size += set->keys.size();
  return size;
}

bool LabelSets::Contains(const Key& key, const v1::Ticket& ticket) const {
  const auto it = sets_.find(SetName(ticket));
  return it != sets_.end() && it->second->keys.contains(key);
}

}  // namespace coordhub::core
