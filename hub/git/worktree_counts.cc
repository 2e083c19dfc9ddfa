#include "hub/git/worktree_counts.h"

#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

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

void WorktreeCounts::MarkDirty(Entry* entry, FileChange change) const {
  if (change == FileChange::kNone) return;
  if (entry->dirty == FileChange::kNone) entry->dirty_since = clock_.Mono();
  entry->dirty = std::max(entry->dirty, change);
}

void WorktreeCounts::SetWorktrees(std::vector<FoundWorktree> worktrees,
                                  std::vector<std::string> commits) {
  std::map<std::string, Entry> before = std::exchange(entries_, {});
  for (size_t i = 0; i < worktrees.size(); ++i) {
    const std::string top = worktrees[i].place.top;
    Entry entry;
    if (const auto known = before.find(top);
        known != before.end() && known->second.found.place.git_dir == worktrees[i].place.git_dir) {
      entry = std::move(known->second);
      before.erase(known);
    } else {
      entry.dirty_since = clock_.Mono();
    }
    // The index is compared with the head, wherever it went and came from.
    const bool same_head = entry.commit == commits[i] && entry.found.branch == worktrees[i].branch;
    if (!same_head) MarkDirty(&entry, FileChange::kChanged);
    // It may have been repaired, or taken away and made again.
    if (entry.found.problem != worktrees[i].problem) MarkDirty(&entry, FileChange::kRestructured);
    entry.found = std::move(worktrees[i]);
    entry.commit = std::move(commits[i]);
    entries_.insert_or_assign(top, std::move(entry));
  }
  for (const auto& [top, entry] : before) watcher_.UnwatchFiles(top);
}

void WorktreeCounts::Note(const Changes& changes) {
  for (auto& [top, entry] : entries_) {
    MarkDirty(&entry, changes.everything ? FileChange::kRestructured : changes.all_files);
    if (const auto it = changes.by_name.find(entry.found.name); it != changes.by_name.end()) {
      entry.index_changed = true;
      MarkDirty(&entry, it->second);
    }
    if (const auto it = changes.by_top.find(top); it != changes.by_top.end())
      MarkDirty(&entry, it->second);
  }
}

base::MonoTime WorktreeCounts::DueTime(const Entry& entry) const {
  if (!entry.found.problem.empty()) return base::MonoTime::InfiniteFuture();
  if (entry.counted_at == base::MonoTime::InfinitePast()) return entry.counted_at;
  const absl::Duration rest =
      entry.count_problem.empty() ? kWorktreeRest * entry.took : kFailureRest;
  const base::MonoTime paced = std::max(entry.counted_at + rest, free_at_);
  base::MonoTime due =
      entry.counted_at + (entry.watch_problem.empty() ? options_.watched_count_interval
                                                      : options_.unwatched_count_interval);
  if (entry.index_changed) due = std::min(due, entry.walked_at + kListingRest);
  if (entry.dirty == FileChange::kWritten) due = std::min(due, entry.counted_at + kWrittenRest);
  if (entry.dirty > FileChange::kWritten) due = paced;
  return std::max(due, paced);
}

void WorktreeCounts::CountDue() {
  std::vector<Entry*> waiting;
  for (auto& [top, entry] : entries_) waiting.push_back(&entry);
  // Who waits longest comes first, so that a busy worktree starves no other.
  std::stable_sort(waiting.begin(), waiting.end(),
                   [](const Entry* a, const Entry* b) { return a->dirty_since < b->dirty_since; });
  for (Entry* entry : waiting) {
    if (DueTime(*entry) <= clock_.Mono()) Count(entry);
  }
  base::MonoTime next = base::MonoTime::InfiniteFuture();
  for (const Entry* entry : waiting) next = std::min(next, DueTime(*entry));
  if (next != base::MonoTime::InfiniteFuture()) watcher_.WakeAt(next);
}

void WorktreeCounts::Count(Entry* entry) {
  const base::MonoTime begin = clock_.Mono();
  const bool listing_due = entry->index_changed && begin >= entry->walked_at + kListingRest;
  const bool never = entry->walked_at == base::MonoTime::InfinitePast();
  // A whole count by interval also looks for directories that nobody told of.
  const bool by_interval = entry->dirty == FileChange::kNone;
  // First the watches, then the count: what changes in between is told.
  const absl::Time time = clock_.Wall();
  if (entry->dirty == FileChange::kRestructured || never || listing_due || by_interval)
    WatchFiles(entry);
  entry->dirty = FileChange::kNone;
  const absl::StatusOr<int64_t> count =
      CountChangedFiles(entry->found.place, options_.count_timeout);
  if (count.ok()) {
    entry->count = *count;
    entry->count_time = time;
    entry->count_problem.clear();
  } else {
    entry->count_problem = std::string(base::ToStd(count.status().message()));
    MarkDirty(entry, FileChange::kChanged);
  }
  entry->counted_at = clock_.Mono();
  entry->took = entry->counted_at - begin;
  free_at_ = entry->counted_at + kWholeRest * entry->took;
}

void WorktreeCounts::WatchFiles(Entry* entry) {
  entry->index_changed = false;
  entry->walked_at = clock_.Mono();
  ChangeWatcher::FileScope scope;
  scope.top = entry->found.place.top;
  auto ignored = ListIgnoredDirectories(entry->found.place, options_.count_timeout);
  if (!ignored.ok()) {
    watcher_.UnwatchFiles(scope.top);
    entry->watch_problem = std::string(base::ToStd(ignored.status().message()));
    return;
  }
  scope.ignored = *std::move(ignored);
  for (const auto& [top, other] : entries_) {
    if (top != scope.top) scope.others.insert(top);
  }
  scope.into_repositories = access((scope.top + "/.gitmodules").c_str(), F_OK) == 0;
  entry->watch_problem = watcher_.WatchFiles(scope);
  if (entry->watch_problem.empty()) entry->watch_problem = ExplainFileSystem(scope.top);
}

}  // namespace coordhub::git
