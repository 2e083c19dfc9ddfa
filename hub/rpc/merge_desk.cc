#include "hub/rpc/merge_desk.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/core/decide/refusals.h"
#include "hub/loops/radar_step.h"

namespace coordhub::rpc {
namespace {

// What git may take for each thing that it does for a picture of a worktree.
constexpr absl::Duration kPictureTimeout = absl::Seconds(10);

using Pictures = std::map<std::string, std::unique_ptr<git::UncommittedWork>>;

// The worktree that has the branch checked out; null: none.
const v1::Worktree* WorktreeOf(const git::Observation& seen, const std::string& branch) {
  const auto found = std::find_if(seen.worktrees.begin(), seen.worktrees.end(),
                                  [&branch](const auto& w) { return w.branch() == branch; });
  return found == seen.worktrees.end() ? nullptr : &*found;
}

// The lesser name first, with owners as they are recorded.
v1::Conflict Between(const core::View& view, const git::RadarHead& one, const git::RadarHead& two) {
  const bool in_order = one.branch <= two.branch;
  const git::RadarHead& a = in_order ? one : two;
  const git::RadarHead& b = in_order ? two : one;
  v1::Conflict conflict;
  conflict.set_branch_a(a.branch);
  conflict.set_commit_a(a.commit);
  conflict.set_branch_b(b.branch);
  conflict.set_commit_b(b.commit);
  if (const v1::Branch* known = view.records.FindBranch(a.branch); known != nullptr) {
    conflict.set_owner_a_agent_id(known->owner_agent_id());
  }
  if (const v1::Branch* known = view.records.FindBranch(b.branch); known != nullptr) {
    conflict.set_owner_b_agent_id(known->owner_agent_id());
  }
  return conflict;
}

// Whether the records tell of the same clash between what is committed.
bool IsRecorded(const core::View& view, const v1::Conflict& conflict) {
  const v1::Conflict* known =
      view.records.Find<core::tables::Conflicts>(core::tables::Conflicts::KeyOf(conflict));
  return known != nullptr && known->problem() == conflict.problem() &&
         known->path_count() == conflict.path_count() &&
         std::equal(known->paths().begin(), known->paths().end(), conflict.paths().begin(),
                    conflict.paths().end());
}

absl::Status TooManyPictures() {
  return core::LimitReached("uncommitted_worktrees", MergeDesk::kMaxPictures,
                            absl::StrCat("more than ", MergeDesk::kMaxPictures,
                                         " worktrees have uncommitted work; commit in some"));
}

std::string HeadOf(const Pictures& pictures, const git::RadarHead& head) {
  const auto picture = pictures.find(head.branch);
  return picture == pictures.end() ? head.commit : picture->second->commit();
}

std::vector<std::string> ObjectsOf(const Pictures& pictures) {
  std::vector<std::string> objects;
  objects.reserve(pictures.size());
  for (const auto& [branch, picture] : pictures) objects.push_back(picture->objects());
  return objects;
}

}  // namespace

// While this lives, Stop reaches the merger.
class MergeDesk::Running {
 public:
  Running(MergeDesk* desk, git::Merger* merger) : desk_(*desk), merger_(merger) {
    base::MutexLock lock(&desk_.mu_);
    desk_.running_.insert(merger_);
    if (desk_.stopped_) merger_->Stop();
  }
  ~Running() {
    base::MutexLock lock(&desk_.mu_);
    desk_.running_.erase(merger_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  MergeDesk& desk_;
  git::Merger* const merger_;
};

void MergeDesk::Stop() {
  base::MutexLock lock(&mu_);
  stopped_ = true;
  for (git::Merger* merger : running_) merger->Stop();
}

absl::StatusOr<std::unique_ptr<git::Merger>> MergeDesk::Open(
    std::vector<std::string> more_objects) const {
  git::MergerOptions options;
  options.more_objects = std::move(more_objects);
  auto merger = git::Merger::Open(common_dir_, std::move(options));
  if (merger.ok()) return merger;
  return base::MakeError(v1::ERROR_REASON_NOT_OBSERVED, base::ToStd(merger.status().message()),
                         {{"path", common_dir_}});
}

absl::StatusOr<git::Merger*> MergeDesk::FindMerger() {
  if (merger_ == nullptr) {
    COORDHUB_ASSIGN_OR_RETURN(merger_, Open({}));
  }
  return merger_.get();
}

absl::StatusOr<std::unique_ptr<git::UncommittedWork>> MergeDesk::TakePicture(
    const v1::Worktree& worktree) const {
  return git::UncommittedWork::Take(common_dir_, worktree.path(), kPictureTimeout);
}

absl::StatusOr<MergeDesk::Side> MergeDesk::FindSide(const std::string& name, bool with_uncommitted,
                                                    const git::Observation& seen) {
  Side side;
  COORDHUB_ASSIGN_OR_RETURN(git::Merger* const merger, FindMerger());
  COORDHUB_ASSIGN_OR_RETURN(side.commit, merger->Resolve(name));
  const v1::Worktree* worktree = with_uncommitted ? WorktreeOf(seen, name) : nullptr;
  if (worktree != nullptr) {
    COORDHUB_ASSIGN_OR_RETURN(side.uncommitted, TakePicture(*worktree));
  }
  return side;
}

absl::StatusOr<v1::PreviewMergeResponse> MergeDesk::Preview(const v1::PreviewMergeRequest& request,
                                                            const core::View& view,
                                                            const git::Observation& seen) {
  COORDHUB_ASSIGN_OR_RETURN(const Side ours,
                            FindSide(request.ours(), request.with_uncommitted(), seen));
  COORDHUB_ASSIGN_OR_RETURN(const Side theirs,
                            FindSide(request.theirs(), request.with_uncommitted(), seen));
  std::vector<std::string> more_objects;
  for (const Side* side : {&ours, &theirs}) {
    if (side->uncommitted != nullptr) more_objects.push_back(side->uncommitted->objects());
  }
  const bool provisional = !more_objects.empty();
  std::unique_ptr<git::Merger> with_more;
  if (provisional) {
    COORDHUB_ASSIGN_OR_RETURN(with_more, Open(std::move(more_objects)));
  }
  git::Merger* const merger = provisional ? with_more.get() : merger_.get();
  const Running running(this, merger);
  git::MergedTree merged = merger->Preview(ours.head(), theirs.head());
  v1::PreviewMergeResponse response;
  response.set_revision(view.revision);
  if (merged.verdict.clean()) {
    response.set_tree(merged.tree);
    return response;
  }
  v1::Conflict& conflict = *response.mutable_conflict();
  conflict = Between(view, {request.ours(), ours.commit}, {request.theirs(), theirs.commit});
  loops::FillVerdict(merged.verdict, &conflict);
  conflict.set_uncommitted(provisional);
  // A character may be missing where it was cut.
  response.set_hunks_cut(merged.hunks.size() + 4 > git::MergedTree::kMaxHunks);
  response.set_hunks(std::move(merged.hunks));
  return response;
}

absl::StatusOr<std::vector<v1::Conflict>> MergeDesk::CompareUncommitted(
    const std::string& branch, const core::View& view, const git::Observation& seen, absl::Time now,
    const std::function<bool()>& should_stop) {
  const std::vector<git::RadarHead> heads = loops::HeadsToCompare(view, seen, now);
  Pictures pictures;
  for (const git::RadarHead& head : heads) {
    const v1::Worktree* worktree = WorktreeOf(seen, head.branch);
    if (worktree == nullptr || worktree->changed_files() == 0) continue;
    if (pictures.size() == kMaxPictures) return TooManyPictures();
    if (should_stop()) return std::vector<v1::Conflict>();
    COORDHUB_ASSIGN_OR_RETURN(auto picture, TakePicture(*worktree));
    if (picture != nullptr) pictures[head.branch] = std::move(picture);
  }
  std::vector<v1::Conflict> conflicts;
  std::vector<git::CommitPair> pairs;
  for (size_t i = 0; i < heads.size() && !pictures.empty(); ++i) {
    for (size_t j = i + 1; j < heads.size(); ++j) {
      const bool asked = branch.empty() || heads[i].branch == branch || heads[j].branch == branch;
      if (!asked || !(pictures.contains(heads[i].branch) || pictures.contains(heads[j].branch))) {
        continue;
      }
      conflicts.push_back(Between(view, heads[i], heads[j]));
      pairs.push_back({HeadOf(pictures, heads[i]), HeadOf(pictures, heads[j])});
    }
  }
  if (pairs.empty()) return conflicts;
  COORDHUB_ASSIGN_OR_RETURN(const auto merger, Open(ObjectsOf(pictures)));
  const Running running(this, merger.get());
  const std::vector<std::optional<git::MergeVerdict>> verdicts =
      merger->CompareAll(pairs, seen.target_commit, should_stop);
  std::vector<v1::Conflict> found;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (!verdicts[i].has_value() || verdicts[i]->clean()) continue;
    loops::FillVerdict(*verdicts[i], &conflicts[i]);
    conflicts[i].set_uncommitted(true);
    if (!IsRecorded(view, conflicts[i])) found.push_back(std::move(conflicts[i]));
  }
  return found;
}

}  // namespace coordhub::rpc
