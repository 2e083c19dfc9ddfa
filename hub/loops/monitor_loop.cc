#include "hub/loops/monitor_loop.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "hub/loops/shared_state.h"

namespace coordhub::loops {

MonitorLoop::MonitorLoop(MonitorOptions options)
    : options_(std::move(options)), log_(options_.log_path) {}

Outcome MonitorLoop::Step(Cause cause) {
  if (!IsStep(cause)) return {};
  LogEntry entry(options_.clock->Wall(), options_.zone);
  const auto observed = options_.observer->Observe();
  if (!observed.ok()) return {.status = observed.status()};
  const git::Observation& seen = **observed;
  const v1::Worktree* const worktree = seen.FindMainWorktree();
  if (worktree != nullptr && !worktree->has_count_time() && worktree->problem().empty()) {
    return {.status = base::MakeError(v1::ERROR_REASON_NOT_OBSERVED,
                                      "git still counts the changed files for the first time",
                                      {{"path", worktree->path()}})};
  }

  entry.Head("System Status Check");
  entry.Item(absl::StrCat("Git status: ", worktree == nullptr ? 0 : worktree->changed_files(),
                          " files changed"));
  entry.Item(absl::StrCat("Working directory: ",
                          seen.main_worktree.empty() ? options_.common_dir : seen.main_worktree));
  entry.Item(absl::StrCat("Current branch: ", seen.current_branch));
  if (IsDirectory(options_.shared_state)) {
    entry.Item("Shared state directory: EXISTS");
    entry.Item(absl::StrCat("Tickets pending: ", UnfinishedTickets(*options_.view())));
  }
  return {.status = log_.Write(entry)};
}

}  // namespace coordhub::loops
