#include "hub/rpc/bound_service.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/rpc/answered_at_once.h"
#include "hub/rpc/call_log.h"
#include "hub/rpc/grpc_status.h"

namespace coordhub::rpc {
namespace {

using google::protobuf::MethodDescriptor;

// What takes longer to parse, check and hash than others should wait.
constexpr size_t kLargeRequestBytes = 64 << 10;

absl::Status NotImplemented(const MethodDescriptor& method) {
  return base::MakeError(base::pb::ERROR_REASON_NOT_IMPLEMENTED,
                         absl::StrCat(method.name(), " is not implemented by this version"),
                         {{"method", method.name()}});
}

// The contract and this program disagree: found by whoever starts it first.
[[noreturn]] void Disagree(const std::string& method, const char* why) {
  base::Log(base::LogLevel::kError, why, {{"method", method}});
  std::abort();
}

}  // namespace

BoundService::BoundService(const google::protobuf::ServiceDescriptor* descriptor,
                           std::shared_ptr<ServiceHost> host, const Gate* gate)
    : QueuedService(descriptor),
      host_(std::move(host)),
      gate_(*gate),
      slots_(static_cast<size_t>(descriptor->method_count())) {
  for (Slot& slot : slots_) {
    slot.method = descriptor->method(static_cast<int>(&slot - &slots_[0]));
    slot.access = slot.method->options().GetExtension(v1::access);
    if (slot.access == v1::ACCESS_UNSPECIFIED) {
      Disagree(slot.method->full_name(), "the contract does not say who may call the method");
    }
  }
}

BoundService::Slot& BoundService::SlotOf(const char* method) {
  const MethodDescriptor* found = descriptor().FindMethodByName(method);
  if (found == nullptr) {
    Disagree(absl::StrCat(full_name(), ".", method), "the contract does not have the method");
  }
  return slots_[static_cast<size_t>(found->index())];
}

absl::StatusOr<Principal> BoundService::Admit(const Slot& slot,
                                              const grpc::ServerContext& context) const {
  COORDHUB_ASSIGN_OR_RETURN(Principal principal, gate_.Authenticate(context.client_metadata()));
  if (!base::MutantActive("access_ignored")) {
    if (slot.access == v1::ACCESS_SESSION && !principal.is_agent()) {
      return core::SessionRequired(absl::StrCat("call ", slot.method->name()));
    }
    if (slot.access == v1::ACCESS_OPERATOR && !principal.is_operator()) {
      return core::OperatorRequired(absl::StrCat("call ", slot.method->name()));
    }
  }
  COORDHUB_ASSIGN_OR_RETURN(std::string client, Gate::ClientOf(context.client_metadata()));
  principal.set_client(std::move(client));
  if (!slot.unary && !slot.stream) return NotImplemented(*slot.method);
  return principal;
}

void BoundService::OnUnary(int method, std::unique_ptr<UnaryServerCall> server_call) {
  const Slot& slot = slots_[static_cast<size_t>(method)];
  // Valid until OnDone, which does not come before this has returned.
  const grpc::ByteBuffer& request = server_call->request();
  absl::StatusOr<Principal> principal = Admit(slot, server_call->context());
  const auto call = UnaryCall::Start(host_, &gate_, std::move(server_call));
  call->set_method(slot.method->name());
  if (!principal.ok()) return call->Refuse(principal.status());
  call->set_principal(*std::move(principal));
  if (request.Length() <= kLargeRequestBytes) return slot.unary(call, request);
  // Nobody answers the call meanwhile, so that the request stays.
  host_->PostRead([&slot, &request, call](const absl::Status& go) {
    if (go.ok()) return slot.unary(call, request);
    call->Refuse(go);
  });
}

void BoundService::OnStream(int method, std::unique_ptr<StreamServerCall> call) {
  const Slot& slot = slots_[static_cast<size_t>(method)];
  const absl::StatusOr<Principal> principal = Admit(slot, call->context());
  if (principal.ok()) return slot.stream(std::move(call), *principal);
  LogCall({.method = slot.method->name()}, principal.status());
  AnsweredAtOnce<StreamServerCall>::Take(std::move(call)).Finish(ToGrpcStatus(principal.status()));
}

void BoundService::BindUnary(const char* method, UnaryHandler handler) {
  SlotOf(method).unary = std::move(handler);
}

void BoundService::BindStream(const char* method, StreamHandler handler) {
  SlotOf(method).stream = std::move(handler);
}

}  // namespace coordhub::rpc
