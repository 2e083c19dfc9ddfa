// A file that is written and synced by a thread of its own, all that waits at a time.

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"

namespace coordhub::bench {

// What a durable answer costs at the least: a group commit without anything to decide. The file is
// written over from its beginning when it is full, so that no block of it is ever allocated.
class DurableLog {
 public:
  explicit DurableLog(const std::string& path);
  ~DurableLog();
  bool ok() const { return fd_ >= 0; }

  // Calls `done` on the log's thread once `record` is synced.
  void Append(std::string record, std::function<void()> done) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    std::string record;
    std::function<void()> done;
  };
  void Run();
  void Write(const std::vector<Entry>& group);

  int fd_ = -1;
  size_t at_ = 0;
  base::Mutex mu_;
  base::CondVar wake_;
  std::vector<Entry> waiting_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace coordhub::bench
