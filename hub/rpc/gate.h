// Who calls, and about which workspace: the first questions of every call.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/string_ref.h"
#include "hub/core/command.h"
#include "hub/rpc/service_host.h"

namespace coordhub::rpc {

// Who calls, as the metadata of this one call prove. (Never kept with the connection, where calls
// with other tokens would find it.)
// There is no default, as with core::Caller.
class Principal {
 public:
  enum class Kind { kObserver, kAgent, kOperator };

  // May read, and nothing else.
  static Principal Observer() { return {Kind::kObserver, "", nullptr}; }
  static Principal Operator() { return {Kind::kOperator, "", nullptr}; }
  // `home`, not null: the workspace whose key the session's token was made with.
  static Principal Agent(std::string session_uid, HostedWorkspace* home) {
    return {Kind::kAgent, std::move(session_uid), home};
  }

  Kind kind() const { return kind_; }
  bool is_operator() const { return kind_ == Kind::kOperator; }
  bool is_agent() const { return kind_ == Kind::kAgent; }
  // Of an agent; else empty and null.
  const std::string& session_uid() const { return session_uid_; }
  HostedWorkspace* home() const { return home_; }

  // Which of the caller's programs calls, as it says; empty: it does not.
  const std::string& client() const { return client_; }
  void set_client(std::string client) { client_ = std::move(client); }

 private:
  Principal(Kind kind, std::string session_uid, HostedWorkspace* home)
      : kind_(kind), session_uid_(std::move(session_uid)), home_(home) {}

  Kind kind_;
  std::string session_uid_;
  HostedWorkspace* home_;
  std::string client_;
};

// A principal and the workspace that a request is about.
struct CallScope {
  Principal principal;
  // Null: the request is about none in particular, and no default stands for it.
  HostedWorkspace* workspace = nullptr;

  engine::Workspace& engine() const { return workspace->engine(); }
  // For a command. Whose session it is, and whether it lives, is for the decision to say.
  core::Caller MakeCaller() const;
  // `operator`, `observer`, or the agent of a live session; empty when it has ended.
  std::string CallerName() const;
};

// Stands at one listening server and knows what coming in there means. On a unix socket (0600) a
// caller without a session is the operator; on TCP it must show the operator's token. On a socket,
// an empty workspace is the socket's own. Immutable; any thread.
class Gate {
 public:
  enum class Transport { kUnix, kTcp };
  using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

  // `host` and `default_workspace` outlive it; no default (null) on TCP with several workspaces.
  Gate(const ServiceHost* host, Transport transport, HostedWorkspace* default_workspace)
      : host_(*host), transport_(transport), default_workspace_(default_workspace) {}

  Transport transport() const { return transport_; }

  // The client that the metadata name; empty: none. Errors: INVALID_FIELD coordhub-client.
  static absl::StatusOr<std::string> ClientOf(const Metadata& metadata);

  // Errors:
  //   TOKEN_REQUIRED  TCP, and neither a session nor the operator.
  //   TOKEN_INVALID   a token is malformed, of no workspace here, or given more than once.
  absl::StatusOr<Principal> Authenticate(const Metadata& metadata) const;

  // `workspace_id` as the request has it. Errors:
  //   WORKSPACE_REQUIRED   it is empty, and there is no default. Metadata: `workspaces`.
  //   WORKSPACE_NOT_FOUND  Metadata: `workspace_id`.
  //   TOKEN_INVALID        the session is one of another workspace.
  absl::StatusOr<CallScope> Enter(const Principal& principal, std::string_view workspace_id) const;

  // For requests about no workspace: the default one if there is one.
  CallScope EnterHub(const Principal& principal) const;

 private:
  absl::StatusOr<HostedWorkspace*> Resolve(std::string_view workspace_id) const;
  // The workspace that made the token, and the session.
  absl::StatusOr<Principal> Verify(std::string_view session_token) const;

  const ServiceHost& host_;
  const Transport transport_;
  HostedWorkspace* const default_workspace_;
};

}  // namespace coordhub::rpc
