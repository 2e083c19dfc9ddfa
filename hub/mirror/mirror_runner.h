// The thread of a Mirror.

#pragma once

#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "hub/engine/broadcaster.h"
#include "hub/mirror/mirror.h"

namespace coordhub::mirror {

// Steps a mirror when it is due and when the broadcaster has news. The thread runs from
// construction to Stop.
class MirrorRunner final : public engine::EventListener {
 public:
  // Owns the mirror. `broadcaster` and `clock` are not owned and must outlive this.
  MirrorRunner(std::unique_ptr<Mirror> mirror, engine::Broadcaster* broadcaster,
               base::Clock* clock);
  ~MirrorRunner() override;

  // Ends the thread, after a last round of writing. Idempotent; not from the runner's own thread.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // Any thread.
  std::string problem() const { return mirror_->problem(); }

  // On the broadcaster's thread.
  void OnEvents() override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until `latest`, or with news until `earliest`. False when it is time to stop.
  bool WaitForWork(base::MonoTime earliest, base::MonoTime latest) ABSL_LOCKS_EXCLUDED(mu_);

  const std::unique_ptr<Mirror> mirror_;
  engine::Broadcaster* const broadcaster_;
  base::Clock* const clock_;

  base::Mutex mu_;
  base::CondVar changed_;
  bool news_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace coordhub::mirror
