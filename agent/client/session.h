// An agent's session, kept alive in the background.

#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"
#include "agent/client/client.h"
#include "agent/client/keep_alive_loop.h"

namespace coordhub::agent {

// While this object lives, its thread renews the session three times per TTL over the KeepAlive
// stream, reopens that stream whenever it breaks, through restarts of the hub, and tells what the
// owner must know (SessionCallbacks, keep_alive_loop.h).
//
// The methods are thread-safe. From within a callback all may be called but Leave, Stop and the
// destructor.
class Session {
 public:
  // Registers an agent and begins to keep its session alive. `client` may carry the token of a live
  // session of the same name (or of a parent, for a sub-agent); its other identity is not used
  // again.
  //
  // Errors: those of RegisterAgent (AGENT_ACTIVE, INVALID_FIELD, …) and of every call.
  static absl::StatusOr<std::unique_ptr<Session>> Register(const Client& client,
                                                           const pb::RegisterAgentRequest& request,
                                                           SessionCallbacks callbacks = {});

  // Keeps the session alive whose token `client` carries, which may have begun in another process.
  //
  // Errors: those of GetAgent (SESSION_ENDED, TOKEN_INVALID, …) and of every call;
  //   PERMISSION_DENIED/SESSION_REQUIRED  `client` carries no session token.
  static absl::StatusOr<std::unique_ptr<Session>> Attach(const Client& client,
                                                         SessionCallbacks callbacks = {});

  // Stops the thread. The session itself lives on until its TTL: call Leave to end it.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Calls as this agent.
  const Client& client() const { return client_; }
  // As it was registered.
  const pb::Agent& agent() const { return agent_; }
  const std::string& token() const { return client_.credentials().session_token; }

  // False from the moment at which the hub may have given the session's claims away because the
  // session expired: no answer for a whole TTL, or the session ended. Ask it before an act that
  // must not be done twice. It says nothing of a single claim that the hub takes back while the
  // session lives (its own `claim_timeout`, a cancellation, a release by the operator): that is
  // told by on_claims_lost, at once, and shows in claims().
  bool lease_safe() const;
  // How long that remains so if nothing more is heard; zero when it is not.
  absl::Duration lease_remaining() const;
  // The session is over; on_ended was or is being called.
  bool ended() const { return loop_.ended(); }
  // All claims of the session as the hub named them last.
  std::vector<pb::HeldClaim> claims() const { return loop_.claims(); }

  // Ends the session in the hub: its claims go back to the queue at once. Stops the thread first.
  // Errors: those of DeregisterAgent.
  absl::Status Leave(const std::string& reason);

  // Stops the thread: no callback comes after it has returned. Idempotent.
  void Stop();

 private:
  Session(Client client, pb::Agent agent, LeaseTracker lease, SessionCallbacks callbacks);
  static std::unique_ptr<Session> Start(Client client, pb::Agent agent, base::MonoTime renewed,
                                        SessionCallbacks callbacks);
  void Run();
  void Wake();

  const Client client_;
  const pb::Agent agent_;

  mutable base::Mutex mu_;  // a leaf; not held during a Step
  base::CondVar wake_cv_;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  KeepAliveLoop loop_;   // may call Wake until it is gone, so it goes before what Wake uses
  base::Mutex join_mu_;  // before mu_
  std::thread thread_ ABSL_GUARDED_BY(join_mu_);
};

}  // namespace coordhub::agent
