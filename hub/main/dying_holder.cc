#include "hub/main/dying_holder.h"

#include <poll.h>

#include "absl/strings/numbers.h"
#include "agent/base/error.h"
#include "hub/main/process.h"

namespace coordhub::hub {
namespace {

constexpr int kPauseMs = 10;
// A process about to end looks alive for some microseconds after it took the signal.
constexpr int kLooksToBeAlive = 2;

bool HolderLives(const absl::Status& refusal) {
  pid_t pid = 0;
  return absl::SimpleAtoi(base::MetadataOf(refusal, "pid"), &pid) &&
         PhaseOf(pid) == ProcessPhase::kAlive;
}

}  // namespace

absl::Status OutlastDyingHolder(const base::Clock& clock, absl::Duration patience,
                                const std::function<absl::Status()>& acquire) {
  const base::MonoTime patience_ends = clock.Mono() + patience;
  int seen_alive = 0;
  while (true) {
    absl::Status status = acquire();
    if (base::ReasonOf(status) != v1::ERROR_REASON_WORKSPACE_LOCKED) return status;
    if (HolderLives(status) && ++seen_alive >= kLooksToBeAlive) return status;
    if (clock.Mono() >= patience_ends) return status;
    // Nothing tells when another process's locks are gone; its end comes before.
    poll(nullptr, 0, kPauseMs);
  }
}

}  // namespace coordhub::hub
