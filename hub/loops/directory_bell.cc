#include "hub/loops/directory_bell.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <utility>

namespace coordhub::loops {
namespace {

constexpr uint32_t kChanges = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY |
                              IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

DirectoryBell::DirectoryBell(std::function<void()> ring)
    : ring_(std::move(ring)), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  thread_ = std::thread([this] { Run(); });
}

DirectoryBell::~DirectoryBell() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
  thread_.join();
}

bool DirectoryBell::Arm(const std::vector<std::string>& directories) {
  if (!inotify_.valid()) return false;
  {
    base::MutexLock lock(&mu_);
    armed_ = true;
  }
  std::set<int> watches;
  bool all = true;
  for (const std::string& directory : directories) {
    const int watch = inotify_.Add(directory, kChanges);
    all = all && watch >= 0;
    if (watch >= 0) watches.insert(watch);
  }
  for (const int watch : watches_) {
    if (watches.count(watch) == 0) inotify_.Remove(watch);
  }
  watches_ = std::move(watches);
  return all;
}

bool DirectoryBell::AwaitWork(bool rest) {
  std::array<pollfd, 2> waited = {pollfd{wake_.get(), POLLIN, 0}, pollfd{inotify_.fd(), POLLIN, 0}};
  if (rest) {
    poll(waited.data(), 1, static_cast<int>(absl::ToInt64Milliseconds(kRest)));
  } else {
    poll(waited.data(), waited.size(), -1);
  }
  base::MutexLock lock(&mu_);
  return !stopping_;
}

void DirectoryBell::Run() {
  pthread_setname_np(pthread_self(), "directory-bell");
  bool rest = false;
  while (AwaitWork(rest)) {
    bool news = false;
    // That a watch is no more is no change; what ended it is, and comes before.
    inotify_.Read(
        [&](const git::Inotify::Event& event) { news |= (event.mask & IN_IGNORED) == 0; });
    rest = news;
    if (!news) continue;
    {
      base::MutexLock lock(&mu_);
      if (!std::exchange(armed_, false)) continue;
    }
    ring_();
  }
}

}  // namespace coordhub::loops
