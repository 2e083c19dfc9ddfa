#include "tests/bench/reference/durable_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace coordhub::bench {
namespace {

constexpr size_t kFileBytes = 64 << 20;

void Require(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::abort();
}

// Written, not only allocated: the first write into an unwritten extent costs more than later ones.
void Fill(int fd) {
  const std::string block(1 << 20, '\0');
  for (size_t at = 0; at < kFileBytes; at += block.size()) {
    Require(pwrite(fd, block.data(), block.size(), static_cast<off_t>(at)) ==
                static_cast<ssize_t>(block.size()),
            "pwrite");
  }
  Require(fsync(fd) == 0, "fsync");
}

}  // namespace

DurableLog::DurableLog(const std::string& path)
    : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (fd_ < 0) return;
  Fill(fd_);
  thread_ = std::thread([this] { Run(); });
}

DurableLog::~DurableLog() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    wake_.Signal();
  }
  if (thread_.joinable()) thread_.join();
  if (fd_ >= 0) close(fd_);
}

void DurableLog::Append(std::string record, std::function<void()> done) {
  base::MutexLock lock(&mu_);
  waiting_.push_back({std::move(record), std::move(done)});
  if (waiting_.size() == 1) wake_.Signal();
}

void DurableLog::Write(const std::vector<Entry>& group) {
  std::string bytes;
  for (const Entry& entry : group) bytes += entry.record;
  if (at_ + bytes.size() > kFileBytes) at_ = 0;
  Require(pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at_)) ==
              static_cast<ssize_t>(bytes.size()),
          "pwrite");
  at_ += bytes.size();
  Require(fdatasync(fd_) == 0, "fdatasync");
}

void DurableLog::Run() {
  while (true) {
    std::vector<Entry> group;
    {
      base::MutexLock lock(&mu_);
      while (waiting_.empty() && !stopping_) wake_.Wait(&mu_);
      if (waiting_.empty()) return;
      group.swap(waiting_);
    }
    Write(group);
    for (const Entry& entry : group) entry.done();
  }
}

}  // namespace coordhub::bench
