#include "hub/loops/coordinator_loop.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/loops/round_needs.h"
#include "hub/loops/shared_state.h"

namespace coordhub::loops {
namespace {

// Events come in bursts, and looking through the agents costs something.
constexpr absl::Duration kEventDelay = absl::Milliseconds(200);
// Before one is looked at again whose time has come by this clock but not by that of the log.
constexpr absl::Duration kLostMemberDelay = absl::Seconds(1);

}  // namespace

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
  std::set<std::string> branches = WantedBranches(view);
  std::set<int64_t> rounds;
  for (auto round = view.records.active_rounds.Begin(); round.Valid(); round.Next()) {
    rounds.insert(round.key());
  }
  const bool wants_others = branches != wanted_branches_ || rounds != active_rounds_;
  wanted_branches_ = std::move(branches);
  active_rounds_ = std::move(rounds);
  // In any case, so that what this look sees is no news afterwards.
  const bool git_changed = git_changed_.exchange(false);
  const bool gates_changed = gates_.HasNews(view);
  return IsStep(cause) || wants_others || git_changed || gates_changed || more_to_compare_;
}

Outcome CoordinatorLoop::Step(Cause cause) {
  const std::shared_ptr<const core::View> view = options_.view();
  Outcome outcome;
  outcome.status = Work(cause, *view);
  if (more_to_compare_) outcome.next = options_.clock->Mono();
  const absl::StatusOr<base::MonoTime> next_lost = DropLostMembers();
  if (next_lost.ok()) {
    outcome.next = std::min(outcome.next, *next_lost);
  } else if (outcome.status.ok()) {
    outcome.status = next_lost.status();
  }
  if (events_ != nullptr) events_->Arm(view->revision);
  return outcome;
}

absl::Status CoordinatorLoop::Work(Cause cause, const core::View& view) {
  const absl::Time now = options_.clock->Wall();
  if (!HasNews(cause, view)) return absl::OkStatus();
  more_to_compare_ = false;
  COORDHUB_ASSIGN_OR_RETURN(const git::ObservationPtr seen, options_.observer->ObserveHeads());
  COORDHUB_RETURN_IF_ERROR(options_.record(seen));
  gates_.BeginDue(*options_.view(), options_.clock->Mono());
  if (IsStep(cause)) {
    COORDHUB_RETURN_IF_ERROR(WriteLog(now, view, *seen));
  }
  for (const auto& look : {options_.mark_landed, options_.compare}) {
    if (look == nullptr) continue;
    COORDHUB_ASSIGN_OR_RETURN(const bool more, look(seen));
    more_to_compare_ = more_to_compare_ || more;
  }
  return absl::OkStatus();
}

absl::StatusOr<base::MonoTime> CoordinatorLoop::DropLostMembers() {
  if (options_.drop_lost_members == nullptr) return base::MonoTime::InfiniteFuture();
  if (NextLostMember(*options_.view()) <= options_.clock->Wall()) {
    COORDHUB_RETURN_IF_ERROR(options_.drop_lost_members());
  }
  const absl::Time next = NextLostMember(*options_.view());
  if (next == absl::InfiniteFuture()) return base::MonoTime::InfiniteFuture();
  return options_.clock->Mono() + std::max(next - options_.clock->Wall(), kLostMemberDelay);
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
