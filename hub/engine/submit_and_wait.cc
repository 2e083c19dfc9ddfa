#include "hub/engine/submit_and_wait.h"

#include <future>
#include <memory>
#include <utility>

namespace coordhub::engine {

absl::StatusOr<Outcome> SubmitAndWait(Workspace* workspace, core::Caller caller,
                                      core::CommandBody body) {
  auto command = std::make_unique<core::Command>(
      core::Command{.caller = std::move(caller), .body = std::move(body)});
  // Shared: whoever answers may still be in it when we have the answer.
  const auto answered = std::make_shared<std::promise<absl::StatusOr<Outcome>>>();
  workspace->Submit(
      std::move(command), base::MonoTime::InfiniteFuture(),
      [answered](absl::StatusOr<Outcome> outcome) { answered->set_value(std::move(outcome)); });
  return answered->get_future().get();
}

}  // namespace coordhub::engine
