#include "hub/git/worktree_counts.h"

#include <pthread.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/string_view.h"
#include "hub/git/status_count.h"

namespace coordhub::git {
namespace {

// A worktree rests this many times as long as its last count took; the whole, too.
constexpr int kWorktreeRest = 9;
constexpr int kWholeRest = 2;
// A file that is written and not closed does not make its worktree busier than this.
constexpr absl::Duration kWrittenRest = absl::Seconds(10);
constexpr absl::Duration kFailureRest = absl::Seconds(5);
// After the index changed, how long until ignored directories are listed anew.
constexpr absl::Duration kListingRest = absl::Seconds(60);

// Where others' changes are not told to this kernel.
std::string ExplainFileSystem(const std::string& path) {
  // From linux/magic.h and the file systems' own headers; not all are in it.
  constexpr std::array<std::pair<uint32_t, const char*>, 8> kRemote = {{
      {0x6969, "NFS"},
      {0x517B, "SMB"},
      {0xFE534D42, "SMB"},
      {0xFF534D42, "CIFS"},
      {0x01021997, "9P"},
      {0x65735546, "FUSE"},
      {0x00C36400, "Ceph"},
      {0x5346414F, "AFS"},
  }};
  struct statfs file_system {};
  if (statfs(path.c_str(), &file_system) != 0) return "";
  const auto magic = static_cast<uint32_t>(file_system.f_type);
  for (const auto& [number, name] : kRemote) {
    if (number == magic) return absl::StrCat("on ", name, " not every change is told");
  }
  return "";
}

}  // namespace

WorktreeCounts::WorktreeCounts(const ObserverOptions& options, ChangeWatcher* watcher,
                               const GitCancel* cancel)
    : options_(options), clock_(*options.clock), watcher_(*watcher), cancel_(*cancel) {
  thread_ = std::thread([this] { Run(); });
}

WorktreeCounts::~WorktreeCounts() {
  Stop();
  thread_.join();
}

void WorktreeCounts::Stop() {
  base::MutexLock lock(&mu_);
  stopping_ = true;
  cancel_.Cancel();
  changed_.Signal();
  counted_.SignalAll();
}

std::map<std::string, WorktreeCounts::Entry> WorktreeCounts::entries() const {
  base::MutexLock lock(&mu_);
  return entries_;
}

void WorktreeCounts::MarkDirty(Entry* entry, FileChange change) const {
  if (change == FileChange::kNone) return;
  if (entry->dirty_ == FileChange::kNone) entry->dirty_since_ = clock_.Mono();
  entry->dirty_ = std::max(entry->dirty_, change);
}

void WorktreeCounts::SetWorktrees(std::vector<FoundWorktree> worktrees,
                                  std::vector<std::string> commits) {
  std::map<std::string, Entry> before;
  {
    base::MutexLock lock(&mu_);
    before = std::exchange(entries_, {});
    for (size_t i = 0; i < worktrees.size(); ++i) {
      const std::string top = worktrees[i].place.top;
      Entry entry;
      if (const auto known = before.find(top);
          known != before.end() &&
          known->second.found.place.git_dir == worktrees[i].place.git_dir) {
        entry = std::move(known->second);
        before.erase(known);
      } else {
        entry.dirty_since_ = clock_.Mono();
      }
      // The index is compared with the head, wherever it went and came from.
      const bool same_head =
          entry.commit == commits[i] && entry.found.branch == worktrees[i].branch;
      if (!same_head) MarkDirty(&entry, FileChange::kChanged);
      // It may have been repaired, or taken away and made again.
      if (entry.found.problem != worktrees[i].problem) MarkDirty(&entry, FileChange::kRestructured);
      entry.found = std::move(worktrees[i]);
      entry.commit = std::move(commits[i]);
      entries_.insert_or_assign(top, std::move(entry));
    }
    changed_.Signal();
  }
  for (const auto& [top, entry] : before) watcher_.UnwatchFiles(top);
}

void WorktreeCounts::Note(const Changes& changes) {
  base::MutexLock lock(&mu_);
  for (auto& [top, entry] : entries_) {
    MarkDirty(&entry, changes.everything ? FileChange::kRestructured : changes.all_files);
    if (const auto it = changes.by_name.find(entry.found.name); it != changes.by_name.end()) {
      entry.index_changed_ = true;
      MarkDirty(&entry, it->second);
    }
    if (const auto it = changes.by_top.find(top); it != changes.by_top.end())
      MarkDirty(&entry, it->second);
  }
  changed_.Signal();
}

base::MonoTime WorktreeCounts::DueTime(const Entry& entry) const {
  if (!entry.found.problem.empty()) return base::MonoTime::InfiniteFuture();
  if (entry.counted_at_ == base::MonoTime::InfinitePast()) return entry.counted_at_;
  const absl::Duration rest =
      entry.count_problem.empty() ? kWorktreeRest * entry.took_ : kFailureRest;
  const base::MonoTime paced = std::max(entry.counted_at_ + rest, free_at_);
  base::MonoTime due =
      entry.counted_at_ + (entry.watch_problem.empty() ? options_.watched_count_interval
                                                       : options_.unwatched_count_interval);
  if (entry.index_changed_) due = std::min(due, entry.walked_at_ + kListingRest);
  if (entry.dirty_ == FileChange::kWritten) due = std::min(due, entry.counted_at_ + kWrittenRest);
  if (entry.dirty_ > FileChange::kWritten) due = paced;
  return std::max(due, paced);
}

WorktreeCounts::Entry* WorktreeCounts::FindDue() {
  const base::MonoTime now = clock_.Mono();
  Entry* due = nullptr;
  for (auto& [top, entry] : entries_) {
    if (DueTime(entry) > now) continue;
    if (due == nullptr || entry.dirty_since_ < due->dirty_since_) due = &entry;
  }
  return due;
}

void WorktreeCounts::AwaitDue(absl::Duration patience) {
  // Whoever waits does so in real time, whatever the clock of the counts is.
  const base::SystemClock clock;
  const base::MonoTime deadline = clock.Mono() + patience;
  base::MutexLock lock(&mu_);
  while (!stopping_ && (working_ || FindDue() != nullptr)) {
    const absl::Duration left = deadline - clock.Mono();
    if (left <= absl::ZeroDuration()) return;
    counted_.WaitWithTimeout(&mu_, left);
  }
}

// ---- the thread ----

void WorktreeCounts::Run() {
  pthread_setname_np(pthread_self(), "git-counts");
  while (std::optional<Job> job = BeginJob()) {
    Work(&*job);
    EndJob(*job);
  }
}

std::optional<WorktreeCounts::Job> WorktreeCounts::BeginJob() {
  base::MutexLock lock(&mu_);
  Entry* entry = nullptr;
  while (!stopping_ && (entry = FindDue()) == nullptr) {
    base::MonoTime next = base::MonoTime::InfiniteFuture();
    for (const auto& [top, waiting] : entries_) next = std::min(next, DueTime(waiting));
    changed_.WaitWithTimeout(&mu_, next - clock_.Mono());
  }
  if (stopping_) return std::nullopt;
  working_ = true;
  Job job;
  job.place = entry->found.place;
  job.begin = clock_.Mono();
  job.time = clock_.Wall();
  const bool listing_due = entry->index_changed_ && job.begin >= entry->walked_at_ + kListingRest;
  const bool never = entry->walked_at_ == base::MonoTime::InfinitePast();
  // A whole count by interval also looks for directories that nobody told of.
  const bool by_interval = entry->dirty_ == FileChange::kNone;
  job.walks = entry->dirty_ == FileChange::kRestructured || never || listing_due || by_interval;
  job.watch_problem = entry->watch_problem;
  job.tracks_shared_state = entry->tracks_shared_state;
  if (job.walks) {
    entry->index_changed_ = false;
    entry->walked_at_ = job.begin;
    for (const auto& [top, other] : entries_) {
      if (top != job.place.top) job.others.insert(top);
    }
  }
  // What changes from here on makes it dirty again.
  entry->dirty_ = FileChange::kNone;
  return job;
}

void WorktreeCounts::Work(Job* job) const {
  // First the watches, then the count: what changes in between is told.
  if (job->walks) WatchFiles(job);
  job->count = CountChangedFiles(job->place, {options_.count_timeout, &cancel_});
}

void WorktreeCounts::WatchFiles(Job* job) const {
  const GitLimits limits{options_.count_timeout, &cancel_};
  ChangeWatcher::FileScope scope;
  scope.top = job->place.top;
  if (absl::StartsWith(options_.shared_state, scope.top + "/")) {
    job->tracks_shared_state =
        IsTrackedByGit(job->place, options_.shared_state.substr(scope.top.size() + 1), limits);
  }
  auto ignored = ListIgnoredDirectories(job->place, limits);
  if (!ignored.ok()) {
    watcher_.UnwatchFiles(scope.top);
    job->watch_problem = std::string(base::ToStd(ignored.status().message()));
    return;
  }
  scope.ignored = *std::move(ignored);
  scope.others = job->others;
  scope.into_repositories = access((scope.top + "/.gitmodules").c_str(), F_OK) == 0;
  job->watch_problem = watcher_.WatchFiles(scope);
  if (job->watch_problem.empty()) job->watch_problem = ExplainFileSystem(scope.top);
}

void WorktreeCounts::EndJob(const Job& job) {
  bool news = false;
  bool forgotten = true;
  {
    base::MutexLock lock(&mu_);
    working_ = false;
    const base::MonoTime now = clock_.Mono();
    free_at_ = now + kWholeRest * (now - job.begin);
    const auto it = entries_.find(job.place.top);
    forgotten = it == entries_.end();
    if (!forgotten && it->second.found.place.git_dir == job.place.git_dir) {
      Entry& entry = it->second;
      const auto shown = [&entry] {
        return std::tuple(entry.count, entry.count_problem, entry.watch_problem,
                          entry.tracks_shared_state);
      };
      const auto before = shown();
      entry.watch_problem = job.watch_problem;
      if (job.tracks_shared_state.ok()) entry.tracks_shared_state = *job.tracks_shared_state;
      if (job.count.ok()) {
        entry.count = *job.count;
        entry.count_time = job.time;
        entry.count_problem.clear();
      } else {
        entry.count_problem = std::string(base::ToStd(job.count.status().message()));
        MarkDirty(&entry, FileChange::kChanged);
      }
      entry.counted_at_ = now;
      entry.took_ = now - job.begin;
      news = shown() != before;
    }
    counted_.SignalAll();
  }
  // It went while it was looked through.
  if (forgotten) watcher_.UnwatchFiles(job.place.top);
  if (news) watcher_.Ring();
}

}  // namespace coordhub::git
