#include "hub/git/merge_bases.h"

#include <algorithm>
#include <cstring>

#include "agent/base/status_macros.h"

namespace coordhub::git {
namespace {

using CommitHandle = Handle<git_commit, git_commit_free>;
using WalkHandle = Handle<git_revwalk, git_revwalk_free>;

// Heads with more commits of their own are compared one by one.
constexpr size_t kMaxOwn = 2000;
constexpr size_t kMaxSides = 4096;
constexpr size_t kMaxBetween = 100000;
constexpr int64_t kMaxPositions = 50000;

uint64_t BeginningOf(const git_oid& id) {
  uint64_t beginning = 0;
  std::memcpy(&beginning, id.id, sizeof(beginning));
  return beginning;
}

bool HaveCommon(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  auto i = a.begin();
  auto j = b.begin();
  while (i != a.end() && j != b.end()) {
    if (*i == *j) return true;
    if (*i < *j) {
      ++i;
    } else {
      ++j;
    }
  }
  return false;
}

}  // namespace

void MergeBases::SetTrunk(const ObjectId& trunk) {
  if (has_trunk_ && trunk_ == trunk) return;
  UnsetTrunk();
  has_trunk_ = true;
  trunk_ = trunk;
  positions_[trunk] = 0;
  furthest_ = trunk;
}

void MergeBases::UnsetTrunk() {
  has_trunk_ = false;
  all_positions_known_ = false;
  sides_.clear();
  between_.clear();
  positions_.clear();
}

absl::StatusOr<MergeBase> MergeBases::Find(const ObjectId& a, const ObjectId& b) {
  if (a == b) return MergeBase{.kind = MergeBase::Kind::kOne, .commit = a};
  if (!has_trunk_) return Ask(a, b);
  // Room for both: what SideOf returns stays where it is until the map grows.
  if (sides_.size() + 2 > kMaxSides) sides_.clear();
  sides_.reserve(sides_.size() + 2);
  COORDHUB_ASSIGN_OR_RETURN(const Side* const left, SideOf(a));
  COORDHUB_ASSIGN_OR_RETURN(const Side* const right, SideOf(b));
  const bool simple = left->base.kind == MergeBase::Kind::kOne &&
                      right->base.kind == MergeBase::Kind::kOne && !left->too_many &&
                      !right->too_many && !HaveCommon(left->own, right->own);
  if (!simple) return Ask(a, b);
  return Between(left->base.commit, right->base.commit);
}

absl::StatusOr<MergeBase> MergeBases::Ask(const ObjectId& a, const ObjectId& b) const {
  git_oidarray bases{};
  const int found = git_merge_bases(&bases, repository_, &a.id, &b.id);
  if (found == GIT_ENOTFOUND) return MergeBase();
  if (found != 0)
    return LibraryError("finding a merge base", git_repository_commondir(repository_));
  MergeBase base;
  base.kind = bases.count == 1 ? MergeBase::Kind::kOne : MergeBase::Kind::kSeveral;
  if (bases.count == 1) git_oid_cpy(&base.commit.id, &bases.ids[0]);
  git_oidarray_dispose(&bases);
  return base;
}

absl::StatusOr<const MergeBases::Side*> MergeBases::SideOf(const ObjectId& head) {
  const auto known = sides_.find(head);
  if (known != sides_.end()) return &known->second;
  Side side;
  COORDHUB_ASSIGN_OR_RETURN(side.base, Ask(head, trunk_));
  if (side.base.kind == MergeBase::Kind::kOne) COORDHUB_RETURN_IF_ERROR(ListOwn(head, &side));
  return &sides_.emplace(head, std::move(side)).first->second;
}

absl::Status MergeBases::ListOwn(const ObjectId& head, Side* side) const {
  git_revwalk* raw = nullptr;
  if (git_revwalk_new(&raw, repository_) != 0 || git_revwalk_push(raw, &head.id) != 0 ||
      git_revwalk_hide(raw, &trunk_.id) != 0) {
    git_revwalk_free(raw);
    return LibraryError("walking history", git_repository_commondir(repository_));
  }
  const WalkHandle walk(raw);
  git_oid id;
  int next = 0;
  while ((next = git_revwalk_next(&id, raw)) == 0 && side->own.size() <= kMaxOwn)
    side->own.push_back(BeginningOf(id));
  if (next != 0 && next != GIT_ITEROVER)
    return LibraryError("walking history", git_repository_commondir(repository_));
  side->too_many = side->own.size() > kMaxOwn;
  if (side->too_many) side->own = {};
  std::sort(side->own.begin(), side->own.end());
  return absl::OkStatus();
}

absl::StatusOr<MergeBase> MergeBases::Between(const ObjectId& a, const ObjectId& b) {
  if (a == b) return MergeBase{.kind = MergeBase::Kind::kOne, .commit = a};
  const int64_t a_position = PositionOf(a);
  const int64_t b_position = PositionOf(b);
  if (a_position >= 0 && b_position >= 0) {
    return MergeBase{.kind = MergeBase::Kind::kOne, .commit = a_position > b_position ? a : b};
  }
  const auto known = between_.find({a, b});
  if (known != between_.end()) return known->second;
  COORDHUB_ASSIGN_OR_RETURN(const MergeBase base, Ask(a, b));
  if (between_.size() >= kMaxBetween) between_.clear();
  between_.emplace(std::pair(a, b), base);
  return base;
}

int64_t MergeBases::PositionOf(const ObjectId& commit) {
  for (;;) {
    const auto known = positions_.find(commit);
    if (known != positions_.end()) return known->second;
    if (all_positions_known_) return -1;
    git_commit* raw = nullptr;
    const int64_t next = positions_.at(furthest_) + 1;
    all_positions_known_ =
        next > kMaxPositions || git_commit_lookup(&raw, repository_, &furthest_.id) != 0;
    const CommitHandle last(raw);
    const git_oid* parent = last == nullptr ? nullptr : git_commit_parent_id(last.get(), 0);
    if (parent == nullptr) {
      all_positions_known_ = true;
      continue;
    }
    furthest_ = {*parent};
    positions_.emplace(furthest_, next);
  }
}

}  // namespace coordhub::git
