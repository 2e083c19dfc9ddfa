#include "agent/client/session.h"

#include <algorithm>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"

namespace coordhub::agent {

absl::StatusOr<std::unique_ptr<Session>> Session::Register(const Client& client,
                                                           const pb::RegisterAgentRequest& request,
                                                           SessionCallbacks callbacks) {
  const base::MonoTime renewed = client.connection().clock().Mono();
  COORDHUB_ASSIGN_OR_RETURN(pb::RegisterAgentResponse response, client.RegisterAgent(request));
  Client own = client.As({.session_token = response.session_token()});
  for (const pb::HeldClaim& claim : response.claims()) {
    own.ledger()->Granted(claim.ticket_id(), claim.fence());
  }
  return Start(std::move(own), std::move(*response.mutable_agent()), renewed, std::move(callbacks));
}

absl::StatusOr<std::unique_ptr<Session>> Session::Attach(const Client& client,
                                                         SessionCallbacks callbacks) {
  if (client.credentials().session_token.empty()) {
    return base::MakeError(pb::ERROR_REASON_SESSION_REQUIRED, "no session: register first");
  }
  const base::MonoTime renewed = client.connection().clock().Mono();
  COORDHUB_ASSIGN_OR_RETURN(pb::GetAgentResponse response, client.GetAgent({}));
  for (const pb::HeldClaim& claim : response.claims()) {
    client.ledger()->Granted(claim.ticket_id(), claim.fence());
  }
  return Start(client, std::move(*response.mutable_agent()), renewed, std::move(callbacks));
}

std::unique_ptr<Session> Session::Start(Client client, pb::Agent agent, base::MonoTime renewed,
                                        SessionCallbacks callbacks) {
  const LeaseTracker lease(FromProto(agent.ttl()), renewed);
  std::unique_ptr<Session> session(
      new Session(std::move(client), std::move(agent), lease, std::move(callbacks)));
  base::MutexLock lock(&session->join_mu_);
  session->thread_ = std::thread([s = session.get()] { s->Run(); });
  return session;
}

Session::Session(Client client, pb::Agent agent, LeaseTracker lease, SessionCallbacks callbacks)
    : client_(std::move(client)),
      agent_(std::move(agent)),
      loop_({.workspace_id = client_.workspace_id(),
             .credentials = client_.credentials(),
             .backoff = client_.connection().retry().backoff,
             .callbacks = std::move(callbacks),
             .wake = [this] { Wake(); }},
            std::move(lease), &client_.connection().transport(), &client_.connection().ids(),
            client_.ledger()) {}

Session::~Session() { Stop(); }

void Session::Run() {
  base::Clock& clock = client_.connection().clock();
  while (!client_.connection().shut_down()) {
    const base::MonoTime next = loop_.Step(clock.Mono());
    base::MutexLock lock(&mu_);
    while (!woken_ && !stopping_) {
      const absl::Duration left = next - clock.Mono();
      if (left <= absl::ZeroDuration()) break;
      wake_cv_.WaitWithTimeout(&mu_, left);
    }
    woken_ = false;
    if (stopping_) return;
  }
}

void Session::Wake() {
  base::MutexLock lock(&mu_);
  woken_ = true;
  wake_cv_.Signal();
}

bool Session::lease_safe() const { return loop_.Safe(client_.connection().clock().Mono()); }

absl::Duration Session::lease_remaining() const {
  const base::MonoTime now = client_.connection().clock().Mono();
  return loop_.Safe(now) ? loop_.SafeUntil() - now : absl::ZeroDuration();
}

absl::Status Session::Leave(const std::string& reason) {
  Stop();
  pb::DeregisterAgentRequest request;
  request.set_reason(reason);
  return client_.DeregisterAgent(std::move(request)).status();
}

void Session::Stop() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    wake_cv_.Signal();
  }
  base::MutexLock lock(&join_mu_);
  if (thread_.joinable()) thread_.join();
}

}  // namespace coordhub::agent
