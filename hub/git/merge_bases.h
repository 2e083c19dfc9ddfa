// Where two histories part. Private to this folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hub/git/library.h"

namespace coordhub::git {

// An object's id as a key.
struct ObjectId {
  git_oid id{};

  friend bool operator==(const ObjectId& a, const ObjectId& b) {
    return git_oid_equal(&a.id, &b.id) != 0;
  }
  template <class H>
  friend H AbslHashValue(H h, const ObjectId& object) {
    return H::combine_contiguous(std::move(h), object.id.id, GIT_OID_RAWSZ);
  }
};

struct MergeBase {
  enum class Kind { kNone, kOne, kSeveral };
  Kind kind = Kind::kNone;
  // With kOne.
  ObjectId commit;
};

// Merge bases of many pairs, exactly. For n heads it walks about n histories, and not n squared:
// what two heads have in common is in the trunk's history, unless they share a commit that is not,
// and so their merge base is that of the commits where they left the trunk. Not for shallow
// histories. Not thread-safe; the repository's thread. At most some tens of MiB.
class MergeBases {
 public:
  // Not owned.
  explicit MergeBases(git_repository* repository) : repository_(repository) {}

  // A commit near which most of the heads began. Any is right, and none costs the same as one that
  // is far away; a new one lets everything be found out anew.
  void SetTrunk(const ObjectId& trunk);
  void UnsetTrunk();

  // Errors: IO_FAILED: a commit is missing or damaged.
  absl::StatusOr<MergeBase> Find(const ObjectId& a, const ObjectId& b);

 private:
  // A head against the trunk.
  struct Side {
    MergeBase base;
    // The beginnings of the ids of the commits that the trunk has not, sorted.
    std::vector<uint64_t> own;
    // They are not kept.
    bool too_many = false;
  };

  absl::StatusOr<MergeBase> Ask(const ObjectId& a, const ObjectId& b) const;
  absl::StatusOr<const Side*> SideOf(const ObjectId& head);
  absl::Status ListOwn(const ObjectId& head, Side* side) const;
  // Of two commits of the trunk's history.
  absl::StatusOr<MergeBase> Between(const ObjectId& a, const ObjectId& b);
  // How many first parents lie between the trunk and `commit`; -1: it is none of them, or too far.
  int64_t PositionOf(const ObjectId& commit);

  git_repository* const repository_;
  bool has_trunk_ = false;
  ObjectId trunk_;
  absl::flat_hash_map<ObjectId, Side> sides_;
  absl::flat_hash_map<std::pair<ObjectId, ObjectId>, MergeBase> between_;
  // The trunk and its first parents, as far as somebody asked.
  absl::flat_hash_map<ObjectId, int64_t> positions_;
  ObjectId furthest_;
  bool all_positions_known_ = false;
};

}  // namespace coordhub::git
