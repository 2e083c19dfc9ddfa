// Keeps a session alive, one step at a time.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "agent/client/backoff.h"
#include "agent/client/claim_ledger.h"
#include "agent/client/lease_tracker.h"
#include "agent/client/transport.h"

namespace coordhub::agent {

// What a session has to tell. Each may be unset. Called one at a time on the session's thread, with
// no lock held; must not block for long, for meanwhile nothing renews the lease.
struct SessionCallbacks {
  // Asked before each message that would renew the lease: whether the agent works, as far as can be
  // told. False: nothing is sent; it is asked again in half a second. A session for which it stays
  // so ends with its TTL.
  std::function<bool()> may_beat;
  // Stop working on these: the hub took the claims back. Each loss is told once. When the session
  // ends, this comes first, with all that it held.
  std::function<void(const std::vector<pb::LostClaim>&)> on_claims_lost;
  // The session holds claims that no answered call of this client told about: a grant whose answer
  // was lost on the way, or another process that uses the same session.
  std::function<void(const std::vector<pb::HeldClaim>&)> on_claims_found;
  // The lease may have run out: the hub did not answer for a whole TTL. Claims may already be
  // another's. If the hub is heard again first, the session goes on.
  std::function<void()> on_lease_unsafe;
  // The hub is stopping. Nothing to do: claims stay, and the session goes on with the next hub.
  std::function<void()> on_draining;
  // The session is over (SESSION_ENDED), or cannot be kept (a token that is refused, …). Last call.
  std::function<void(const absl::Status&)> on_ended;
};

// Owns the stream, not a thread: Session's thread calls Step, a test calls it by hand. Step and the
// destructor belong to that one thread; the rest is thread-safe. Lock order: `mu_` is a leaf.
class KeepAliveLoop final : private KeepAliveStream::Listener {
 public:
  struct Options {
    std::string workspace_id;
    Credentials credentials;
    BackoffPolicy backoff;
    SessionCallbacks callbacks;
    // Asks for a Step soon; called on any thread.
    std::function<void()> wake;
  };
  // `transport`, `ids` are not owned and outlive this.
  KeepAliveLoop(Options options, LeaseTracker lease, Transport* transport, base::IdSource* ids,
                std::shared_ptr<ClaimLedger> ledger);
  ~KeepAliveLoop() override;

  // Does all that is due at `now`; returns when it next wants to be called, InfiniteFuture() once
  // the session has ended. `now` never runs backwards.
  base::MonoTime Step(base::MonoTime now);

  // As of the last Step.
  bool Safe(base::MonoTime now) const;
  base::MonoTime SafeUntil() const;
  bool ended() const;
  // All claims of the session as the hub named them last.
  std::vector<pb::HeldClaim> claims() const;

 private:
  void OnAnswer(pb::KeepAliveResponse answer) override;
  void OnBroken() override;

  void MaintainStream(base::MonoTime now);
  // Whether what renews the lease may be sent.
  bool MayBeat(base::MonoTime now);
  void HandleAnswer(const pb::KeepAliveResponse& answer);
  void HandleEnd(const absl::Status& status, base::MonoTime now);
  void CloseStream(base::MonoTime now);
  void OpenStream(base::MonoTime now);
  void SendOne(base::MonoTime now);
  void TellWhenUnsafe(base::MonoTime now);
  base::MonoTime NextStep() const;

  const Options options_;
  Transport& transport_;
  base::IdSource& ids_;
  const std::shared_ptr<ClaimLedger> ledger_;

  // The stepping thread's.
  Backoff backoff_;
  std::unique_ptr<KeepAliveStream> stream_;
  base::MonoTime reopen_at_ = base::MonoTime::InfinitePast();
  base::MonoTime ask_again_ = base::MonoTime::InfinitePast();  // may_beat said no
  int64_t sequence_ = 0;
  bool answered_ = false;  // by the hub on this stream
  bool told_draining_ = false;
  bool told_unsafe_ = false;

  mutable base::Mutex mu_;
  std::vector<pb::KeepAliveResponse> inbox_ ABSL_GUARDED_BY(mu_);
  bool broken_ ABSL_GUARDED_BY(mu_) = false;
  LeaseTracker lease_ ABSL_GUARDED_BY(mu_);
  std::vector<pb::HeldClaim> claims_ ABSL_GUARDED_BY(mu_);
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace coordhub::agent
