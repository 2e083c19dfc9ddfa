#include "agent/client/keep_alive_loop.h"

#include <algorithm>
#include <utility>

#include "agent/client/proto_time.h"
#include "agent/client/retry_policy.h"

namespace coordhub::agent {
namespace {

// After the agent was found not to work.
constexpr absl::Duration kAskAgain = absl::Milliseconds(500);

}  // namespace

KeepAliveLoop::KeepAliveLoop(Options options, LeaseTracker lease, Transport* transport,
                             base::IdSource* ids, std::shared_ptr<ClaimLedger> ledger)
    : options_(std::move(options)),
      transport_(*transport),
      ids_(*ids),
      ledger_(std::move(ledger)),
      backoff_(options_.backoff, ids),
      lease_(std::move(lease)) {}

// The stream goes first: it may still call OnAnswer.
KeepAliveLoop::~KeepAliveLoop() { stream_.reset(); }

base::MonoTime KeepAliveLoop::Step(base::MonoTime now) {
  if (ended()) return base::MonoTime::InfiniteFuture();
  std::vector<pb::KeepAliveResponse> answers;
  bool broken = false;
  {
    base::MutexLock lock(&mu_);
    answers.swap(inbox_);
    broken = broken_;
  }
  for (const pb::KeepAliveResponse& answer : answers) HandleAnswer(answer);
  if (broken) CloseStream(now);
  if (ended()) return base::MonoTime::InfiniteFuture();
  MaintainStream(now);
  TellWhenUnsafe(now);
  return NextStep();
}

void KeepAliveLoop::MaintainStream(base::MonoTime now) {
  base::MonoTime answer_due;
  base::MonoTime next_send;
  {
    base::MutexLock lock(&mu_);
    answer_due = lease_.AnswerDue();
    next_send = lease_.NextSend();
  }
  if (stream_ != nullptr && now >= answer_due) CloseStream(now);  // the hub stands still
  if (stream_ != nullptr && now >= next_send && MayBeat(now)) SendOne(now);
  if (stream_ == nullptr && !ended() && now >= reopen_at_ && MayBeat(now)) OpenStream(now);
}

bool KeepAliveLoop::MayBeat(base::MonoTime now) {
  if (!options_.callbacks.may_beat) return true;
  if (now < ask_again_) return false;
  if (options_.callbacks.may_beat()) {
    ask_again_ = base::MonoTime::InfinitePast();
    return true;
  }
  ask_again_ = now + kAskAgain;
  return false;
}

void KeepAliveLoop::HandleAnswer(const pb::KeepAliveResponse& answer) {
  // A hub that drains answers and then hangs up: come back more and more slowly.
  if (!answer.hub_draining()) backoff_.Reset();
  {
    base::MutexLock lock(&mu_);
    lease_.Answered(answer.sequence(), FromProto(answer.ttl()));
    claims_.assign(answer.claims().begin(), answer.claims().end());
  }
  const ClaimLedger::Difference difference =
      ledger_->Reconcile(answer, !std::exchange(answered_, true));
  const SessionCallbacks& tell = options_.callbacks;
  if (!difference.lost.empty() && tell.on_claims_lost) tell.on_claims_lost(difference.lost);
  if (!difference.found.empty() && tell.on_claims_found) tell.on_claims_found(difference.found);
  if (answer.hub_draining() && !std::exchange(told_draining_, true) && tell.on_draining) {
    tell.on_draining();
  }
}

void KeepAliveLoop::CloseStream(base::MonoTime now) {
  const absl::Status status = stream_->Finish();
  stream_.reset();
  std::vector<pb::KeepAliveResponse> last;  // what came while the stream was closing
  {
    base::MutexLock lock(&mu_);
    last.swap(inbox_);
    broken_ = false;
  }
  for (const pb::KeepAliveResponse& answer : last) HandleAnswer(answer);
  {
    base::MutexLock lock(&mu_);
    lease_.Broken();
  }
  HandleEnd(status, now);
}

void KeepAliveLoop::HandleEnd(const absl::Status& status, base::MonoTime now) {
  if (!IsPermanentStreamError(status)) {
    told_draining_ = false;
    reopen_at_ = now + backoff_.Next();
    transport_.Refresh();
    return;
  }
  {
    base::MutexLock lock(&mu_);
    ended_ = true;
    claims_.clear();
  }
  const std::vector<pb::LostClaim> lost = ledger_->TakeAll();
  if (!lost.empty() && options_.callbacks.on_claims_lost) options_.callbacks.on_claims_lost(lost);
  if (options_.callbacks.on_ended) options_.callbacks.on_ended(status);
}

void KeepAliveLoop::OpenStream(base::MonoTime now) {
  stream_ = transport_.KeepAlive(options_.credentials, this);
  answered_ = false;
  SendOne(now);  // makes the hub say at once what the session holds
  base::MutexLock lock(&mu_);
  lease_.SendNextAfter(RandomFraction(&ids_));
}

void KeepAliveLoop::SendOne(base::MonoTime now) {
  pb::KeepAliveRequest request;
  request.set_workspace_id(options_.workspace_id);
  request.set_sequence(++sequence_);
  {
    // Before it is sent, for the answer may come at once.
    base::MutexLock lock(&mu_);
    lease_.Sent(sequence_, now);
  }
  (void)stream_->Send(request);  // not sent: then no answer comes, and the stream counts as dead
}

void KeepAliveLoop::TellWhenUnsafe(base::MonoTime now) {
  const bool unsafe = !Safe(now);
  if (unsafe && !std::exchange(told_unsafe_, true) && options_.callbacks.on_lease_unsafe) {
    options_.callbacks.on_lease_unsafe();
  }
  if (!unsafe) told_unsafe_ = false;
}

base::MonoTime KeepAliveLoop::NextStep() const {
  base::MutexLock lock(&mu_);
  base::MonoTime next = stream_ == nullptr
                            ? std::max(reopen_at_, ask_again_)
                            : std::min(std::max(lease_.NextSend(), ask_again_), lease_.AnswerDue());
  if (!told_unsafe_) next = std::min(next, lease_.SafeUntil());
  return next;
}

bool KeepAliveLoop::Safe(base::MonoTime now) const {
  base::MutexLock lock(&mu_);
  return !ended_ && lease_.Safe(now);
}

base::MonoTime KeepAliveLoop::SafeUntil() const {
  base::MutexLock lock(&mu_);
  return ended_ ? base::MonoTime::InfinitePast() : lease_.SafeUntil();
}

bool KeepAliveLoop::ended() const {
  base::MutexLock lock(&mu_);
  return ended_;
}

std::vector<pb::HeldClaim> KeepAliveLoop::claims() const {
  base::MutexLock lock(&mu_);
  return claims_;
}

void KeepAliveLoop::OnAnswer(pb::KeepAliveResponse answer) {
  {
    base::MutexLock lock(&mu_);
    inbox_.push_back(std::move(answer));
  }
  options_.wake();
}

void KeepAliveLoop::OnBroken() {
  {
    base::MutexLock lock(&mu_);
    broken_ = true;
  }
  options_.wake();
}

}  // namespace coordhub::agent
