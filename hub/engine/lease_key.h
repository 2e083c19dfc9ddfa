// What a lease is of.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/hash/hash.h"
#include "agent/base/string_view.h"

namespace coordhub::engine {

enum class LeaseKind : uint8_t { kSession, kClaim, kReservation };

// Names a lease. Points to the id, and lives as long.
struct LeaseName {
  LeaseKind kind;
  // The session's uid; the ticket's or reservation's id.
  std::string_view id;
  // Of a claim or reservation: another grant is another lease. Of a session: 0.
  int64_t fence = 0;

  friend bool operator==(const LeaseName&, const LeaseName&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const LeaseName& name) {
    return H::combine(std::move(h), name.kind, base::ToAbsl(name.id), name.fence);
  }
};

inline LeaseName SessionLease(std::string_view uid) { return {LeaseKind::kSession, uid}; }
inline LeaseName ClaimLease(std::string_view ticket_id, int64_t fence) {
  return {LeaseKind::kClaim, ticket_id, fence};
}

// The same, as it is kept.
struct LeaseKey {
  LeaseKind kind;
  std::string id;
  int64_t fence = 0;

  explicit LeaseKey(const LeaseName& name) : kind(name.kind), id(name.id), fence(name.fence) {}
  LeaseName name() const { return {kind, id, fence}; }

  friend auto operator<=>(const LeaseKey&, const LeaseKey&) = default;
};

// Of tables by key in which names are looked up.
struct LeaseKeyHash {
  using is_transparent = void;
  size_t operator()(const LeaseName& name) const { return absl::Hash<LeaseName>()(name); }
  size_t operator()(const LeaseKey& key) const { return (*this)(key.name()); }
};
struct LeaseKeyEqual {
  using is_transparent = void;
  bool operator()(const LeaseName& a, const LeaseName& b) const { return a == b; }
  bool operator()(const LeaseKey& a, const LeaseName& b) const { return a.name() == b; }
  bool operator()(const LeaseName& a, const LeaseKey& b) const { return a == b.name(); }
  bool operator()(const LeaseKey& a, const LeaseKey& b) const { return a == b; }
};

}  // namespace coordhub::engine
