#include "hub/git/observer.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/mutex.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"
#include "hub/git/branch_facts.h"
#include "hub/git/change_watcher.h"
#include "hub/git/git_command.h"
#include "hub/git/heads.h"
#include "hub/git/library.h"
#include "hub/git/repository.h"
#include "hub/git/worktree_counts.h"
#include "hub/git/worktrees.h"

namespace coordhub::git {
namespace {

// References are read again after this long, told or not: a fraction of what one count costs.
constexpr absl::Duration kReferencesAge = absl::Seconds(10);
// Branches of one repository that are observed, and how long their names may be.
constexpr size_t kMaxBranches = 10000;
constexpr size_t kMaxBranchName = 255;

ino_t InodeOf(const std::string& path) {
  struct stat directory {};
  return stat(path.c_str(), &directory) == 0 ? directory.st_ino : 0;
}

bool IsDirectory(const std::string& path) {
  struct stat directory {};
  return !path.empty() && stat(path.c_str(), &directory) == 0 && S_ISDIR(directory.st_mode);
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  google::protobuf::Timestamp proto;
  proto.set_seconds(seconds);
  proto.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return proto;
}

v1::Worktree ToProto(const WorktreeCounts::Entry& entry) {
  v1::Worktree worktree;
  worktree.set_name(base::ToValidUtf8(entry.found.name));
  worktree.set_path(base::ToValidUtf8(entry.found.place.top));
  worktree.set_branch(base::ToValidUtf8(entry.found.branch));
  worktree.set_commit(entry.commit);
  worktree.set_lock_reason(base::OneLine(entry.found.lock_reason, 512));
  const std::string& problem =
      entry.found.problem.empty() ? entry.count_problem : entry.found.problem;
  worktree.set_problem(base::OneLine(problem, 512));
  if (entry.count.has_value()) {
    worktree.set_changed_files(static_cast<int32_t>(std::min<int64_t>(*entry.count, INT32_MAX)));
    *worktree.mutable_count_time() = ToProto(entry.count_time);
  }
  return worktree;
}

class LibgitObserver final : public Observer {
 public:
  LibgitObserver(std::string common_dir, ObserverOptions options)
      : common_dir_(std::move(common_dir)),
        options_(std::move(options)),
        watcher_({.common_dir = common_dir_,
                  .on_change = options_.on_change,
                  .coalesce = options_.coalesce,
                  .max_watches = options_.max_watches}),
        counts_(options_, &watcher_, &cancel_) {}

  // Opens the repository, or again when another one stands in its place now.
  absl::Status OpenRepository();
  absl::StatusOr<ObservationPtr> ObserveHeads() override { return Observe(absl::ZeroDuration()); }
  absl::StatusOr<ObservationPtr> Observe() override { return Observe(options_.patience); }
  ObservationPtr latest() const override {
    base::MutexLock lock(&mu_);
    return latest_;
  }
  void Stop() override;

 private:
  absl::StatusOr<ObservationPtr> Observe(absl::Duration for_counts);
  // A look that began after the call, one's own or another's. False: another's takes too long.
  absl::StatusOr<bool> ShareLook() ABSL_LOCKS_EXCLUDED(mu_);
  // One look; one thread at a time, without mu_.
  absl::Status Look() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status ReadReferences();
  // What the last look saw, with the counts that there are now.
  ObservationPtr Publish() ABSL_LOCKS_EXCLUDED(publishing_, mu_);
  void ReadBranches(const Heads& heads);
  absl::Status ReadWorktrees(const Heads& heads);
  void AddProblems(const std::map<std::string, WorktreeCounts::Entry>& entries,
                   Observation* observation) const;

  const std::string common_dir_;
  const ObserverOptions options_;

  // The observing thread's.
  RepositoryHandle repository_;
  ino_t inode_ = 0;
  std::optional<BranchFacts> facts_;
  Changes pending_;
  std::set<std::string> agent_branches_;
  base::MonoTime references_read_ = base::MonoTime::InfinitePast();
  // What the last reading of references gave, without worktrees, time and what is counted.
  Observation references_;

  // Makes observations follow each other in the order in which they are published. Before mu_.
  base::Mutex publishing_;
  mutable base::Mutex mu_;
  base::CondVar looked_;
  bool looking_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  // Looks that were asked for; the last one that a finished look answers, and how it ended.
  int64_t asked_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t answered_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status answer_ ABSL_GUARDED_BY(mu_);
  // What the last look saw, without worktrees; null before the first.
  ObservationPtr looked_at_ ABSL_GUARDED_BY(mu_);
  ObservationPtr latest_ ABSL_GUARDED_BY(mu_);

  const GitCancel cancel_;
  // Last: they stop before what they call or count for goes.
  ChangeWatcher watcher_;
  WorktreeCounts counts_;
};

absl::Status LibgitObserver::OpenRepository() {
  const ino_t inode = InodeOf(common_dir_);
  if (inode != 0 && inode == inode_) return absl::OkStatus();
  COORDHUB_RETURN_IF_ERROR(Repository::Open(common_dir_).status());
  git_repository* raw = nullptr;
  if (git_repository_open(&raw, common_dir_.c_str()) != 0)
    return LibraryError("opening", common_dir_);
  facts_.reset();
  repository_.reset(raw);
  facts_.emplace(raw, &cancel_);
  inode_ = inode;
  return absl::OkStatus();
}

void LibgitObserver::Stop() {
  counts_.Stop();
  base::MutexLock lock(&mu_);
  stopping_ = true;
  looked_.SignalAll();
}

absl::StatusOr<ObservationPtr> LibgitObserver::Observe(absl::Duration for_counts) {
  COORDHUB_ASSIGN_OR_RETURN(const bool looked, ShareLook());
  if (!looked) {
    if (ObservationPtr newest = latest(); newest != nullptr) return newest;
    return base::MakeError(v1::ERROR_REASON_NOT_OBSERVED,
                           "the first look at the repository has not come to an end",
                           {{"path", common_dir_}});
  }
  // For those who do not wait: branches are seen before anything is counted.
  if (for_counts > absl::ZeroDuration()) {
    Publish();
    counts_.AwaitDue(for_counts);
  }
  return Publish();
}

absl::StatusOr<bool> LibgitObserver::ShareLook() {
  int64_t through = 0;
  {
    // Whoever waits does so in real time, whatever clock the hub goes by.
    const base::SystemClock clock;
    const base::MonoTime deadline = clock.Mono() + options_.patience;
    base::MutexLock lock(&mu_);
    const int64_t mine = ++asked_;
    while (looking_ && answered_ < mine) {
      const absl::Duration left = deadline - clock.Mono();
      if (stopping_ || left <= absl::ZeroDuration()) return false;
      looked_.WaitWithTimeout(&mu_, left);
    }
    if (answered_ >= mine) {
      if (!answer_.ok()) return answer_;
      return true;
    }
    looking_ = true;
    through = asked_;
  }
  const absl::Status status = Look();
  base::MutexLock lock(&mu_);
  looking_ = false;
  answered_ = through;
  answer_ = status;
  looked_.SignalAll();
  if (!status.ok()) return status;
  return true;
}

absl::Status LibgitObserver::Look() {
  const absl::Time time = options_.clock->Wall();
  pending_.Merge(watcher_.Take());
  std::set<std::string> agent_branches;
  if (options_.agent_branches) {
    for (std::string& name : options_.agent_branches()) agent_branches.insert(std::move(name));
  }
  const bool other_agents = std::exchange(agent_branches_, agent_branches) != agent_branches;
  const base::MonoTime now = options_.clock->Mono();
  if (pending_.references || pending_.everything || other_agents ||
      now - references_read_ >= kReferencesAge) {
    if (const absl::Status read = ReadReferences(); !read.ok()) {
      pending_.references = true;
      return base::MakeError(v1::ERROR_REASON_NOT_OBSERVED, base::ToStd(read.message()),
                             {{"path", common_dir_}});
    }
    references_read_ = now;
  }
  counts_.Note(std::exchange(pending_, {}));

  auto seen = std::make_shared<Observation>(references_);
  seen->time = time;
  seen->shared_state_exists = IsDirectory(options_.shared_state);
  base::MutexLock lock(&mu_);
  looked_at_ = std::move(seen);
  return absl::OkStatus();
}

ObservationPtr LibgitObserver::Publish() {
  base::MutexLock one_at_a_time(&publishing_);
  std::shared_ptr<Observation> observation;
  {
    base::MutexLock lock(&mu_);
    observation = std::make_shared<Observation>(*looked_at_);
  }
  const auto entries = counts_.entries();
  for (const auto& [top, entry] : entries) observation->worktrees.push_back(ToProto(entry));
  AddProblems(entries, observation.get());
  base::MutexLock lock(&mu_);
  latest_ = observation;
  return observation;
}

absl::Status LibgitObserver::ReadReferences() {
  COORDHUB_RETURN_IF_ERROR(OpenRepository());
  COORDHUB_ASSIGN_OR_RETURN(const HeadFile head, ReadHeadFile(common_dir_));
  COORDHUB_ASSIGN_OR_RETURN(const Heads heads, ReadHeads(repository_.get()));
  // A directory that went away while it was read looks like one without branches.
  COORDHUB_RETURN_IF_ERROR(ReadHeadFile(common_dir_).status());
  references_ = Observation();
  references_.current_branch = base::ToValidUtf8(head.branch);
  MainWorktree worktree = FindMainWorktree(common_dir_, options_.found_in);
  references_.is_bare = worktree.is_bare;
  references_.main_worktree = std::move(worktree.top);
  if (!references_.is_bare && references_.main_worktree.empty()) {
    references_.problems.emplace_back(
        "the main worktree is not observed: the git directory does not say where it is; start the "
        "hub from inside of it");
  }
  ReadBranches(heads);
  return ReadWorktrees(heads);
}

void LibgitObserver::ReadBranches(const Heads& heads) {
  const std::string target_name = ChooseTarget(repository_.get(), heads, options_.target);
  const auto target = heads.find(target_name);
  const git_oid* target_head = target == heads.end() ? nullptr : &target->second;
  if (target_head != nullptr) {
    references_.target = target_name;
    references_.target_commit = Hex(*target_head);
  }
  size_t passed_over = 0;
  facts_->Begin();
  for (const auto& [name, head] : heads) {
    const bool matches = MatchesAny(options_.branch_patterns, name);
    if (!matches && agent_branches_.count(name) == 0) continue;
    if (references_.branches.size() >= kMaxBranches || name.size() > kMaxBranchName ||
        !base::IsValidUtf8(name)) {
      ++passed_over;
      continue;
    }
    references_.branches.push_back(
        facts_->Find(name, head, references_.target, target_head, matches));
    if (matches) ++references_.conversation_branch_count;
  }
  if (passed_over == 0) return;
  references_.problems.push_back(absl::StrCat(passed_over, " branches are not observed: more than ",
                                              kMaxBranches, ", or names beyond ", kMaxBranchName,
                                              " bytes or not UTF-8"));
}

absl::Status LibgitObserver::ReadWorktrees(const Heads& heads) {
  std::vector<FoundWorktree> worktrees = ListLinkedWorktrees(common_dir_);
  LeaveOutThoseBelow(options_.hub_worktrees, &worktrees);
  if (!references_.main_worktree.empty())
    worktrees.push_back(ReadMainWorktree(common_dir_, references_.main_worktree));
  std::vector<std::string> commits;
  for (const FoundWorktree& worktree : worktrees) {
    const auto head = heads.find(worktree.branch);
    commits.push_back(worktree.branch.empty() ? worktree.detached_commit
                      : head == heads.end()   ? ""
                                              : Hex(head->second));
  }
  counts_.SetWorktrees(std::move(worktrees), std::move(commits));
  return absl::OkStatus();
}

void LibgitObserver::AddProblems(const std::map<std::string, WorktreeCounts::Entry>& entries,
                                 Observation* observation) const {
  std::vector<std::string>& problems = observation->problems;
  if (const std::string problem = watcher_.problem(); !problem.empty())
    problems.push_back(absl::StrCat("changes are seen by interval only: ", problem));
  const std::string interval = absl::FormatDuration(options_.unwatched_count_interval);
  for (const auto& [top, entry] : entries) {
    if (entry.tracks_shared_state) {
      const std::string path = base::OneLine(options_.shared_state.substr(top.size() + 1), 512);
      problems.push_back(
          absl::StrCat("git tracks ", path, "; untrack it: git rm -r --cached ", path));
    }
    if (entry.watch_problem.empty() || !entry.found.problem.empty()) continue;
    problems.push_back(absl::StrCat("files of ", base::OneLine(top, 512), " are counted every ",
                                    interval, " only: ", base::OneLine(entry.watch_problem, 256)));
  }
}

}  // namespace

const v1::Worktree* Observation::FindMainWorktree() const {
  const auto it =
      std::find_if(worktrees.begin(), worktrees.end(),
                   [](const v1::Worktree& worktree) { return worktree.name().empty(); });
  return it == worktrees.end() ? nullptr : &*it;
}

const ObservedBranch* Observation::FindBranch(const std::string& name) const {
  const auto it = std::lower_bound(branches.begin(), branches.end(), name,
                                   [](const ObservedBranchPtr& branch, const std::string& key) {
                                     return branch->branch.branch() < key;
                                   });
  return it != branches.end() && (*it)->branch.branch() == name ? it->get() : nullptr;
}

absl::StatusOr<std::unique_ptr<Observer>> Observer::Open(const std::string& common_dir,
                                                         ObserverOptions options) {
  auto observer = std::make_unique<LibgitObserver>(common_dir, std::move(options));
  COORDHUB_RETURN_IF_ERROR(observer->OpenRepository());
  return observer;
}

}  // namespace coordhub::git
