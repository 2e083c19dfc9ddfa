#include "hub/git/branch_facts.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"

namespace coordhub::git {
namespace {

int ToInt(size_t count) {
  return static_cast<int>(std::min<size_t>(count, std::numeric_limits<int>::max()));
}

// What git prints, without the newline. `expected`: exit codes that are an answer, too.
absl::StatusOr<std::string> AskGit(git_repository* repository, const GitCancel* cancel,
                                   std::vector<std::string> arguments, int also_expected) {
  std::string output;
  GitCommand command;
  command.arguments = {absl::StrCat("--git-dir=", git_repository_commondir(repository))};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  command.max_output = 4096;
  command.cancel = cancel;
  command.on_output = [&output](std::string_view bytes) { output.append(bytes); };
  COORDHUB_ASSIGN_OR_RETURN(const GitResult result, RunGit(command));
  const bool answered = result.end == GitResult::End::kExited && result.exit_code == also_expected;
  if (!result.ok() && !answered) {
    return base::MakeError(v1::ERROR_REASON_NOT_OBSERVED, result.Explain());
  }
  return output.substr(0, output.find('\n'));
}

}  // namespace

void BranchFacts::Begin() {
  previous_branches_ = std::exchange(branches_, {});
  previous_paths_ = std::exchange(paths_, {});
  const FileVersion version =
      VersionOf(absl::StrCat(git_repository_commondir(repository_), "shallow"));
  if (std::exchange(shallow_version_, version) == version) return;
  previous_branches_.clear();
  shallow_ = version.size > 0;
}

ObservedBranchPtr BranchFacts::FindKnown(const std::string& name, const git_oid& head,
                                         const std::string& target_name, const git_oid* target,
                                         bool matches_patterns) const {
  const auto it = previous_branches_.find(name);
  if (it == previous_branches_.end()) return nullptr;
  const ObservedBranch& observed = *it->second.observed;
  const v1::Branch& branch = observed.branch;
  const git_oid no_target{};
  const bool same =
      branch.commit() == Hex(head) && branch.target() == target_name &&
      git_oid_equal(&it->second.target, target == nullptr ? &no_target : target) != 0 &&
      observed.matches_patterns == matches_patterns && branch.problem().empty();
  return same ? it->second.observed : nullptr;
}

ObservedBranchPtr BranchFacts::Find(const std::string& name, const git_oid& head,
                                    const std::string& target_name, const git_oid* target,
                                    bool matches_patterns) {
  Known& known = branches_[name];
  if (target != nullptr) git_oid_cpy(&known.target, target);
  known.observed = FindKnown(name, head, target_name, target, matches_patterns);
  if (known.observed != nullptr) {
    // Its paths stay for the day when only its target moves.
    const v1::Branch& branch = known.observed->branch;
    const auto paths = previous_paths_.find(PathsKey(branch.merge_base(), branch.commit()));
    if (paths != previous_paths_.end()) paths_.insert(*paths);
    return known.observed;
  }
  auto observed = std::make_shared<ObservedBranch>();
  observed->matches_patterns = matches_patterns;
  v1::Branch& branch = observed->branch;
  branch.set_branch(name);
  branch.set_commit(Hex(head));
  branch.set_target(target_name);
  if (target != nullptr) {
    if (const absl::Status filled = Fill(head, *target, observed.get()); !filled.ok()) {
      branch.set_problem(base::ToValidUtf8(base::ToStd(filled.message())));
    }
  }
  known.observed = std::move(observed);
  return known.observed;
}

absl::Status BranchFacts::Fill(const git_oid& head, const git_oid& target,
                               ObservedBranch* observed) {
  v1::Branch& branch = observed->branch;
  COORDHUB_ASSIGN_OR_RETURN(const Relation relation, Relate(head, target));
  branch.set_ahead(relation.ahead);
  branch.set_behind(relation.behind);
  if (relation.merge_base != nullptr) branch.set_merge_base(Hex(*relation.merge_base));
  COORDHUB_ASSIGN_OR_RETURN(const PathsPtr paths, Paths(relation.merge_base.get(), head));
  branch.set_changed_path_count(ToInt(static_cast<size_t>(paths->count)));
  branch.set_changed_paths_digest(paths->digest);
  observed->paths = paths->first;
  return absl::OkStatus();
}

absl::StatusOr<BranchFacts::Relation> BranchFacts::Relate(const git_oid& head,
                                                          const git_oid& target) {
  if (shallow_) return RelateShallow(head, target);
  Relation relation;
  git_oid base;
  const int found = git_merge_base(&base, repository_, &head, &target);
  if (found == 0) {
    relation.merge_base = std::make_unique<git_oid>(base);
  } else if (found != GIT_ENOTFOUND) {
    return LibraryError("finding a merge base", git_repository_commondir(repository_));
  }
  size_t ahead = 0;
  size_t behind = 0;
  if (git_graph_ahead_behind(&ahead, &behind, repository_, &head, &target) != 0)
    return LibraryError("counting commits", git_repository_commondir(repository_));
  relation.ahead = ToInt(ahead);
  relation.behind = ToInt(behind);
  return relation;
}

absl::StatusOr<BranchFacts::Relation> BranchFacts::RelateShallow(const git_oid& head,
                                                                 const git_oid& target) {
  Relation relation;
  COORDHUB_ASSIGN_OR_RETURN(
      const std::string base,
      AskGit(repository_, cancel_, {"merge-base", Hex(head), Hex(target)}, 1));
  git_oid id;
  if (!base.empty() && git_oid_fromstr(&id, base.c_str()) == 0)
    relation.merge_base = std::make_unique<git_oid>(id);
  COORDHUB_ASSIGN_OR_RETURN(
      const std::string counts,
      AskGit(repository_, cancel_,
             {"rev-list", "--left-right", "--count", absl::StrCat(Hex(head), "...", Hex(target))},
             0));
  const std::pair<std::string, std::string> sides = absl::StrSplit(counts, '\t');
  if (!absl::SimpleAtoi(sides.first, &relation.ahead) ||
      !absl::SimpleAtoi(sides.second, &relation.behind)) {
    return base::MakeError(v1::ERROR_REASON_NOT_OBSERVED, "git counts no commits");
  }
  return relation;
}

absl::StatusOr<BranchFacts::PathsPtr> BranchFacts::Paths(const git_oid* merge_base,
                                                         const git_oid& head) {
  const PathsKey key(merge_base == nullptr ? "" : Hex(*merge_base), Hex(head));
  PathsPtr& kept = paths_[key];
  if (kept != nullptr) return kept;
  if (const auto known = previous_paths_.find(key); known != previous_paths_.end())
    return kept = known->second;
  absl::StatusOr<ChangedPaths> compared = ComparePaths(repository_, merge_base, head);
  if (!compared.ok()) {
    paths_.erase(key);
    return compared.status();
  }
  return kept = std::make_shared<const ChangedPaths>(*std::move(compared));
}

}  // namespace coordhub::git
