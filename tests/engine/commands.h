#pragma once

#include <memory>
#include <string>
#include <utility>

#include "hub/core/command.h"
#include "hub/core/decide.h"
#include "hub/core/proto_time.h"
#include "hub/core/request.h"
#include "hub/core/response.h"

namespace coordhub::engine {

// Builds commands as hub/rpc does.
template <class Request>
std::unique_ptr<core::Command> CommandOf(core::Caller caller, Request request) {
  auto command = std::make_unique<core::Command>(core::Command{.caller = std::move(caller)});
  command->request_id = request.request_id();
  if (!command->request_id.empty()) {
    command->fingerprint = core::RequestFingerprint(Request::descriptor()->full_name(), request);
  }
  command->body = std::move(request);
  return command;
}

inline core::Caller Operator() { return core::Caller::Operator(); }

inline core::Caller Session(std::string uid) { return core::Caller::Session(std::move(uid)); }

inline std::unique_ptr<core::Command> RegisterCommand(const std::string& agent_id,
                                                      const std::string& uid, absl::Duration ttl) {
  core::RegisterAgent body;
  body.request.set_agent_id(agent_id);
  *body.request.mutable_ttl() = core::ToProto(ttl);
  body.new_session_uid = uid;
  return std::make_unique<core::Command>(
      core::Command{.caller = Operator(), .body = std::move(body)});
}

inline v1::CreateTicketRequest Create(const std::string& title, int priority = 2) {
  v1::CreateTicketRequest request;
  request.mutable_spec()->set_title(title);
  request.mutable_spec()->set_priority(priority);
  return request;
}

inline v1::ClaimNextTicketRequest ClaimNext(absl::Duration wait = absl::ZeroDuration()) {
  v1::ClaimNextTicketRequest request;
  if (wait > absl::ZeroDuration()) *request.mutable_wait() = core::ToProto(wait);
  return request;
}

inline v1::CompleteTicketRequest Complete(const std::string& ticket_id, int64_t fence) {
  v1::CompleteTicketRequest request;
  request.set_ticket_id(ticket_id);
  request.set_fence(fence);
  return request;
}

}  // namespace coordhub::engine
