#include "hub/loops/comms_loop.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"

namespace coordhub::loops {

CommsLoop::CommsLoop(CommsOptions options)
    : options_(std::move(options)),
      log_(options_.log_path),
      told_ticket_(options_.view()->last_ticket_number) {}

void CommsLoop::Begin(Waker waker) {
  if (options_.mirror == nullptr) return;
  // The mirror coalesces by itself.
  events_ = std::make_unique<EventBell>(options_.broadcaster, waker,
                                        /*delay=*/absl::ZeroDuration());
  files_ = std::make_unique<DirectoryBell>([this, waker] {
    files_rang_ = true;
    waker(absl::ZeroDuration());
  });
  const std::string& directory = options_.mirror->directory();
  options_.mirror->SetWatch([bell = files_.get(), directory] {
    return bell->Arm({directory, directory + "/inbox"});
  });
}

Outcome CommsLoop::Step(Cause cause) {
  const absl::Time now = options_.clock->Wall();
  Outcome outcome;
  if (mirror::Mirror* const mirror = options_.mirror.get()) {
    if (files_rang_.exchange(false)) mirror->LookSoon();
    if (IsStep(cause)) mirror->RefreshStatus();
    outcome.next = mirror->Step();
    outcome.earliest = mirror->earliest();
    const std::string problem = mirror->problem();
    if (!problem.empty()) {
      outcome.status = base::MakeError(v1::ERROR_REASON_IO_FAILED, problem);
    }
    // At what the files show: whatever is newer rings, also what came meanwhile.
    events_->Arm(mirror->written_revision());
  }
  if (IsStep(cause) && outcome.status.ok()) outcome.status = WriteLog(now);
  return outcome;
}

absl::Status CommsLoop::WriteLog(absl::Time now) {
  LogEntry entry(now, options_.zone);
  const int64_t newest = options_.view()->last_ticket_number;
  if (newest > told_ticket_) {
    entry.Head(absl::StrCat("Processing ", newest - told_ticket_, " new tickets"));
  }
  if (options_.mirror != nullptr) entry.Head("Updating shared status");
  absl::Status written = log_.Write(entry);
  if (written.ok()) told_ticket_ = newest;
  return written;
}

void CommsLoop::Finish() {
  events_.reset();
  files_.reset();
  if (options_.mirror != nullptr) options_.mirror->Finish();
}

std::string CommsLoop::MirrorProblem() const {
  return options_.mirror == nullptr ? std::string() : options_.mirror->problem();
}

}  // namespace coordhub::loops
