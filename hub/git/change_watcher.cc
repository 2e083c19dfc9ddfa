#include "hub/git/change_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace coordhub::git {
namespace {

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

template <size_t N>
bool IsOneOf(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void Raise(FileChange* kept, FileChange change) { *kept = std::max(*kept, change); }

}  // namespace

bool Changes::empty() const {
  return !everything && !references && all_files == FileChange::kNone && by_name.empty() &&
         by_top.empty();
}

void Changes::Merge(const Changes& other) {
  everything |= other.everything;
  references |= other.references;
  Raise(&all_files, other.all_files);
  for (const auto& [name, change] : other.by_name) Raise(&by_name[name], change);
  for (const auto& [top, change] : other.by_top) Raise(&by_top[top], change);
}

ChangeWatcher::ChangeWatcher(Options options)
    : options_(std::move(options)), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  WatchGitDir();
  thread_ = std::thread([this] { Run(); });
}

ChangeWatcher::~ChangeWatcher() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
}

Changes ChangeWatcher::Take() {
  base::MutexLock lock(&mu_);
  const bool nothing_known = pending_.empty();
  SortEvents();
  if (nothing_known && !pending_.empty()) {
    TellLater();
    Wake();
  }
  if (walk_due_) Wake();
  // Without notifications, references are always worth a look. Files have an interval of their own.
  if (!problem_.empty()) pending_.references = true;
  return std::exchange(pending_, {});
}

void ChangeWatcher::Ring() {
  base::MutexLock lock(&mu_);
  due_ = base::MonoTime::InfinitePast();
  Wake();
}

void ChangeWatcher::TellLater() { due_ = std::min(due_, clock_.Mono() + options_.coalesce); }

std::string ChangeWatcher::problem() const {
  base::MutexLock lock(&mu_);
  return problem_;
}

size_t ChangeWatcher::watch_count() const {
  base::MutexLock lock(&mu_);
  return file_watches_;
}

// ---- the thread ----

void ChangeWatcher::Wake() const {
  const uint64_t one = 1;
  // A counter that is full wakes as well.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
}

void ChangeWatcher::Run() {
  for (;;) {
    AwaitWork();
    {
      base::MutexLock lock(&mu_);
      if (stopping_) return;
    }
    ReadEvents();
    CallBackIfDue();
  }
}

void ChangeWatcher::AwaitWork() {
  int timeout_ms = -1;
  {
    base::MutexLock lock(&mu_);
    if (stopping_) return;
    if (due_ != base::MonoTime::InfiniteFuture()) {
      const absl::Duration left =
          std::clamp(due_ - clock_.Mono(), absl::ZeroDuration(), absl::Hours(1));
      timeout_ms =
          static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))));
    } else if (!problem_.empty()) {
      timeout_ms = 10'000;  // a git directory that went may be there again
    }
  }
  std::array<pollfd, 2> waited = {pollfd{wake_.get(), POLLIN, 0}, pollfd{inotify_.fd(), POLLIN, 0}};
  poll(waited.data(), waited.size(), timeout_ms);
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t size = read(wake_.get(), &count, sizeof(count));
}

void ChangeWatcher::SortEvents() {
  if (!inotify_.valid()) return;
  inotify_.Read([this](const Inotify::Event& event) {
    mu_.AssertHeld();
    if (Sort(event)) walk_due_ = true;
  });
}

void ChangeWatcher::ReadEvents() {
  bool walk = false;
  {
    base::MutexLock lock(&mu_);
    SortEvents();
    walk = std::exchange(walk_due_, false) || !problem_.empty();
  }
  if (walk) WatchGitDir();
  base::MutexLock lock(&mu_);
  // What happened in new directories before they were watched.
  if (walk && problem_.empty()) pending_.references = true;
  if (!pending_.empty()) TellLater();
}

void ChangeWatcher::CallBackIfDue() {
  {
    base::MutexLock lock(&mu_);
    if (due_ > clock_.Mono()) return;
    due_ = base::MonoTime::InfiniteFuture();
  }
  if (options_.on_change) options_.on_change();
}

// ---- what events mean ----

bool ChangeWatcher::Sort(const Inotify::Event& event) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    pending_.everything = true;
    return true;
  }
  const auto it = watches_.find(event.watch);
  if (it == watches_.end()) return false;  // let go meanwhile
  const Watch& watch = it->second;
  if ((event.mask & (IN_IGNORED | IN_UNMOUNT)) != 0) {
    if (watch.place == Place::kFiles) --file_watches_;
    const bool in_worktree = IsInWorktree(watch);
    watches_.erase(it);
    return !in_worktree;
  }
  const bool gone = (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
  if (watch.place == Place::kFiles) {
    SortFile(watch, event);
    return false;
  }
  if (watch.place == Place::kNested) {
    const bool restructured = gone || (event.mask & IN_ISDIR) != 0;
    Raise(&pending_.by_top[watch.owner],
          restructured ? FileChange::kRestructured : FileChange::kChanged);
    return false;
  }
  if (gone) {
    pending_.references = true;
    return true;
  }
  if (EndsWith(event.name, ".lock")) return false;
  const bool is_directory = (event.mask & IN_ISDIR) != 0;
  switch (watch.place) {
    case Place::kCommonDir:
      return SortInCommonDir(event);
    case Place::kWorktree:
      SortInWorktreeDir(watch, event);
      return false;
    case Place::kInfo:
      Raise(&pending_.all_files, FileChange::kRestructured);
      return false;
    case Place::kModule:
      if (!is_directory) Raise(&pending_.all_files, FileChange::kChanged);
      return is_directory;
    default:
      pending_.references = true;
      return is_directory;
  }
}

bool ChangeWatcher::SortInCommonDir(const Inotify::Event& event) {
  constexpr std::array<std::string_view, 4> kDirectories = {"refs", "worktrees", "info", "modules"};
  constexpr std::array<std::string_view, 2> kReferences = {"packed-refs", "shallow"};
  constexpr std::array<std::string_view, 2> kConfiguration = {"config", "config.worktree"};
  if (event.name == "HEAD") {
    pending_.references = true;
    Raise(&pending_.by_name[""], FileChange::kChanged);
  } else if (event.name == "index") {
    Raise(&pending_.by_name[""], FileChange::kChanged);
  } else if (IsOneOf(event.name, kReferences)) {
    pending_.references = true;
  } else if (IsOneOf(event.name, kConfiguration)) {
    pending_.references = true;
    Raise(&pending_.all_files, FileChange::kRestructured);
  } else if (IsOneOf(event.name, kDirectories)) {
    pending_.references = true;
    return true;
  }
  return false;
}

void ChangeWatcher::SortInWorktreeDir(const Watch& watch, const Inotify::Event& event) {
  constexpr std::array<std::string_view, 4> kReferences = {"HEAD", "gitdir", "locked",
                                                           "config.worktree"};
  if (IsOneOf(event.name, kReferences)) pending_.references = true;
  if (event.name == "HEAD" || event.name == "index" || event.name == "config.worktree") {
    Raise(&pending_.by_name[watch.owner], FileChange::kChanged);
  }
}

void ChangeWatcher::SortFile(const Watch& watch, const Inotify::Event& event) {
  const bool is_directory = (event.mask & IN_ISDIR) != 0;
  FileChange change = FileChange::kChanged;
  if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
    // Of a directory below the top, its parent tells.
    if (!watch.path.empty()) return;
    pending_.references = true;
    change = FileChange::kRestructured;
  } else if (event.name == ".git" && watch.path.empty()) {
    if (!is_directory) pending_.references = true;  // a linked worktree's link
    return;
  } else if (event.name == ".gitignore" || event.name == ".gitmodules" || event.name == ".git") {
    change = FileChange::kRestructured;
  } else if (is_directory) {
    if ((event.mask & (IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO)) != 0) {
      const auto ignored = ignored_.find(watch.owner);
      const std::string path = watch.path + std::string(event.name);
      if (ignored != ignored_.end() && ignored->second.contains(path)) return;
      change = FileChange::kRestructured;
    }
  } else if ((event.mask & ~static_cast<uint32_t>(IN_MODIFY)) == 0) {
    change = FileChange::kWritten;
  }
  Raise(&pending_.by_top[watch.owner], change);
}

}  // namespace coordhub::git
