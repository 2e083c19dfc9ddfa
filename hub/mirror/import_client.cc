#include "hub/mirror/import_client.h"

#include <optional>

#include "absl/base/thread_annotations.h"
#include "agent/base/error.h"
#include "agent/base/mutex.h"

namespace coordhub::mirror {
namespace {

// Outlives whoever waits when the answer is late.
struct Answer {
  base::Mutex mu;
  base::CondVar arrived;
  std::optional<absl::StatusOr<engine::Outcome>> outcome ABSL_GUARDED_BY(mu);
};

}  // namespace

absl::StatusOr<int> ImportClient::Import(core::ImportLines lines, const std::string& file) const {
  auto command = std::make_unique<core::Command>(
      core::Command{.caller = core::Caller::File(file), .body = std::move(lines)});
  const auto answer = std::make_shared<Answer>();
  submit_(std::move(command), [answer](absl::StatusOr<engine::Outcome> outcome) {
    base::MutexLock lock(&answer->mu);
    answer->outcome = std::move(outcome);
    answer->arrived.SignalAll();
  });

  base::MutexLock lock(&answer->mu);
  while (!answer->outcome.has_value()) {
    if (answer->arrived.WaitWithTimeout(&answer->mu, patience_)) {
      return base::MakeError(v1::ERROR_REASON_OVERLOADED,
                             "the import of lines from shared_state was not answered in time");
    }
  }
  if (!answer->outcome->ok()) return answer->outcome->status();
  return static_cast<int>((*answer->outcome)->events.size());
}

}  // namespace coordhub::mirror
