// The kernel's notifications about directories.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "agent/base/unique_fd.h"

namespace coordhub::git {

// One inotify instance. Adding and removing: any thread; reading: one at a time.
class Inotify {
 public:
  struct Event {
    int watch = -1;  // -1 when events were lost (IN_Q_OVERFLOW in `mask`)
    uint32_t mask = 0;
    // The entry of the watched directory; empty: the directory itself.
    std::string_view name;
  };

  // Not valid when the user has too many instances (fs.inotify.max_user_instances).
  Inotify();

  bool valid() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }

  // Watches a directory (not what a symbolic link leads to) for `mask`. Returns the watch, the same
  // for the same directory; a negative errno when it fails.
  int Add(const std::string& directory, uint32_t mask) const;
  void Remove(int watch) const;

  // Hands out what has come; never waits.
  void Read(const std::function<void(const Event&)>& take) const;

 private:
  base::UniqueFd fd_;
};

}  // namespace coordhub::git
