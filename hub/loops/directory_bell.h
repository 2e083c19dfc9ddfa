// Tells when somebody changed something in a few directories.

#pragma once

#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "agent/base/unique_fd.h"
#include "hub/git/inotify.h"

namespace coordhub::loops {

// Rings once for each Arm, by the kernel's notifications, on a thread of its own. What others see
// of the file system and the kernel does not tell (another machine's writes on a network's file
// system) is not heard. Any thread may call Arm; one at a time.
class DirectoryBell {
 public:
  // `ring` must not block.
  explicit DirectoryBell(std::function<void()> ring);
  // It is not called any more once this is destroyed.
  ~DirectoryBell();
  DirectoryBell(const DirectoryBell&) = delete;
  DirectoryBell& operator=(const DirectoryBell&) = delete;

  // From here on the next change of an entry of these directories, or of a file in them, rings;
  // what took place before is the caller's to look at afterwards. False: one of them cannot be
  // watched.
  bool Arm(const std::vector<std::string>& directories) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run();
  // False: stop.
  bool AwaitWork(bool rest);

  // Many changes come as one.
  static constexpr absl::Duration kRest = absl::Milliseconds(20);

  const std::function<void()> ring_;
  const git::Inotify inotify_;
  const base::UniqueFd wake_;
  base::Mutex mu_;
  bool armed_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::set<int> watches_;  // of who calls Arm
  std::thread thread_;
};

}  // namespace coordhub::loops
