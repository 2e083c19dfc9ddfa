#include "hub/loops/coordinator_loop.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/loops/shared_state.h"

namespace coordhub::loops {
namespace {

// Events come in bursts, and looking through the agents costs something.
constexpr absl::Duration kEventDelay = absl::Milliseconds(200);

}  // namespace

std::set<std::string> AgentBranches(const core::View& view) {
  std::set<std::string> branches;
  for (auto agent = view.records.of<core::tables::Agents>().Begin(); agent.Valid(); agent.Next()) {
    if (core::IsLive(*agent) && !agent->branch().empty()) branches.insert(agent->branch());
  }
  return branches;
}

CoordinatorLoop::CoordinatorLoop(CoordinatorOptions options)
    : options_(std::move(options)), log_(options_.log_path), gates_(options_.begin_gate) {}

void CoordinatorLoop::Begin(Waker waker) {
  events_ = std::make_unique<EventBell>(options_.broadcaster, waker, kEventDelay);
  options_.git_changed->Connect([this, waker = std::move(waker)](absl::Duration delay) {
    git_changed_ = true;
    waker(delay);
  });
}

void CoordinatorLoop::Finish() {
  options_.git_changed->Disconnect();
  events_.reset();
}

bool CoordinatorLoop::HasNews(Cause cause, const core::View& view) {
  std::set<std::string> branches = AgentBranches(view);
  const bool agents_moved = branches != agent_branches_;
  agent_branches_ = std::move(branches);
  // In any case, so that what this look sees is no news afterwards.
  const bool git_changed = git_changed_.exchange(false);
  const bool gates_changed = gates_.HasNews(view);
  return IsStep(cause) || agents_moved || git_changed || gates_changed;
}

Outcome CoordinatorLoop::Step(Cause cause) {
  const absl::Time now = options_.clock->Wall();
  const std::shared_ptr<const core::View> view = options_.view();
  const auto work = [&]() -> absl::Status {
    if (!HasNews(cause, *view)) return absl::OkStatus();
    COORDHUB_ASSIGN_OR_RETURN(const git::ObservationPtr seen, options_.observer->ObserveHeads());
    COORDHUB_RETURN_IF_ERROR(options_.record(seen));
    gates_.BeginDue(*options_.view(), options_.clock->Mono());
    return IsStep(cause) ? WriteLog(now, *view, *seen) : absl::OkStatus();
  };
  const absl::Status status = work();
  if (events_ != nullptr) events_->Arm(view->revision);
  return {.status = status};
}

absl::Status CoordinatorLoop::WriteLog(absl::Time now, const core::View& view,
                                       const git::Observation& seen) {
  LogEntry entry(now, options_.zone);
  entry.Head("Conversation Coordinator Check");
  if (IsRegularFile(options_.shared_state + "/tickets.md")) {
    entry.Item(absl::StrCat("Active tickets: ", UnfinishedTickets(view)));
  }
  entry.Item(absl::StrCat("Active conversation branches: ", seen.conversation_branch_count));
  if (IsRegularFile(options_.shared_state + "/convergence.md")) {
    entry.Item("Convergence coordination: ACTIVE");
  }
  return log_.Write(entry);
}

}  // namespace coordhub::loops
