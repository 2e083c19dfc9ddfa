#include "hub/mirror/mirror_runner.h"

#include <pthread.h>

#include <utility>

namespace coordhub::mirror {

MirrorRunner::MirrorRunner(std::unique_ptr<Mirror> mirror, engine::Broadcaster* broadcaster,
                           base::Clock* clock)
    : mirror_(std::move(mirror)), broadcaster_(broadcaster), clock_(clock) {
  broadcaster_->Register(this);
  thread_ = std::thread([this] { Run(); });
}

MirrorRunner::~MirrorRunner() { Stop(); }

void MirrorRunner::Stop() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    changed_.Signal();
  }
  if (!thread_.joinable()) return;
  thread_.join();
  broadcaster_->Unregister(this);
}

void MirrorRunner::OnEvents() {
  base::MutexLock lock(&mu_);
  news_ = true;
  changed_.Signal();
}

void MirrorRunner::Run() {
  pthread_setname_np(pthread_self(), "mirror");
  base::MonoTime latest;
  do {
    latest = mirror_->Step();
    // Armed at what the files show: whatever is newer wakes us, also what came during the step.
    broadcaster_->Arm(this, mirror_->written_revision());
  } while (WaitForWork(mirror_->earliest(), latest));
  mirror_->Finish();
}

bool MirrorRunner::WaitForWork(base::MonoTime earliest, base::MonoTime latest) {
  base::MutexLock lock(&mu_);
  while (!stopping_) {
    const base::MonoTime due = news_ ? earliest : latest;
    const base::MonoTime now = clock_->Mono();
    if (now >= due) break;
    changed_.WaitWithTimeout(&mu_, due - now);
  }
  news_ = false;
  return !stopping_;
}

}  // namespace coordhub::mirror
