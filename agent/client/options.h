// What a Client needs to know.

#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/client/retry_policy.h"

namespace coordhub::agent {

// Who calls. Both are secrets; at most one of them is needed.
struct Credentials {
  // A session's token: the call is that agent's, and renews its session.
  std::string session_token;
  // The operator's token; needed on TCP only. On the unix socket a call without a session is the
  // operator's.
  std::string operator_token;
  // Names this program, 1 to 64 of [A-Za-z0-9._:-]: the hub remembers the newest 2,048 mutations of
  // each by their request ids, and nobody else's traffic shortens that. Give it where a later
  // process is to repeat what this one began; empty: Client::Connect makes one of its own.
  std::string client_id;
};

struct ClientOptions {
  // Where the hub listens, as gRPC names it: `unix:/run/…/hub.sock` or `127.0.0.1:7420`. May be
  // empty when `resolve` is set.
  std::string endpoint;
  // Finds the endpoint anew; asked at first when `endpoint` is empty, and whenever the hub cannot
  // be reached, for a hub that was restarted may listen elsewhere. Called on any thread that makes
  // calls; must not block for long. Unset: the endpoint never changes.
  std::function<absl::StatusOr<std::string>()> resolve;
  // Empty: the endpoint's own workspace.
  std::string workspace_id;
  Credentials credentials;
  // How long a call may take in all, attempts and pauses together; a call that waits in the hub may
  // take its wait in addition. Long enough for a hub to be restarted.
  absl::Duration timeout = absl::Seconds(30);
  RetryPolicy retry;
  // Makes the `request_id` of a mutation that has none; called on any thread that makes calls.
  // Unset: a new one each time, from `ids`.
  std::function<std::string()> make_request_id;
  // Told before each pause: the error and how long the pause is. For a note to a person; on the
  // calling thread. May be unset.
  std::function<void(const absl::Status&, absl::Duration)> on_retry;
  // Not owned. Null: the machine's.
  base::Clock* clock = nullptr;
  base::IdSource* ids = nullptr;
};

}  // namespace coordhub::agent
