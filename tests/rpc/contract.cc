#include "tests/rpc/contract.h"

#include <cstdlib>
#include <set>

#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "coordhub/v1/event_service.pb.h"
#include "coordhub/v1/hub_service.pb.h"
#include "coordhub/v1/message_service.pb.h"
#include "coordhub/v1/operation_service.pb.h"
#include "coordhub/v1/repository_service.pb.h"
#include "coordhub/v1/reservation_service.pb.h"
#include "coordhub/v1/ticket_service.pb.h"
#include "gtest/gtest.h"

namespace coordhub::rpc {
namespace {

namespace pb = ::coordhub::v1;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

const std::set<std::string>& Implemented() {
  static const auto& names = *new std::set<std::string>{"RegisterAgent",
                                                        "KeepAlive",
                                                        "DeregisterAgent",
                                                        "GetAgent",
                                                        "ListAgents",
                                                        "CreateTicket",
                                                        "BatchCreateTickets",
                                                        "GetTicket",
                                                        "ListTickets",
                                                        "UpdateTicket",
                                                        "ClaimTicket",
                                                        "ClaimNextTicket",
                                                        "RenewClaim",
                                                        "ReleaseTicket",
                                                        "CompleteTicket",
                                                        "FailTicket",
                                                        "CancelTicket",
                                                        "ReopenTicket",
                                                        "AddComment",
                                                        "UpdateProgress",
                                                        "WatchEvents",
                                                        "ListEvents",
                                                        "GetHub",
                                                        "ListWorkspaces",
                                                        "ListLoops",
                                                        "StepLoop",
                                                        "PauseLoop",
                                                        "ResumeLoop",
                                                        "CompactWorkspace",
                                                        "BackupWorkspace",
                                                        "VerifyWorkspace",
                                                        "DrainHub",
                                                        "GetRepositoryStatus",
                                                        "ListBranches",
                                                        "ListWorktrees",
                                                        "MutateTickets",
                                                        "GetOperation",
                                                        "ListOperations",
                                                        "CancelOperation",
                                                        "OpenRound",
                                                        "DeclareReady",
                                                        "WithdrawReady",
                                                        "GetRound",
                                                        "ListRounds",
                                                        "CancelRound",
                                                        "IntegrateRound",
                                                        "PlanIntegration",
                                                        "ListConflicts",
                                                        "PreviewMerge",
                                                        "SetGate",
                                                        "DeleteGate",
                                                        "RunGate",
                                                        "ListGates",
                                                        "GetGateLog",
                                                        "CreateWorktree",
                                                        "RemoveWorktree"};
  return names;
}

std::unique_ptr<Message> NewMessage(const google::protobuf::Descriptor* type) {
  const Message* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
  return std::unique_ptr<Message>(prototype->New());
}

}  // namespace

std::vector<const MethodDescriptor*> AllMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const auto* file :
       {pb::RegisterAgentRequest::descriptor()->file(),
        pb::CreateTicketRequest::descriptor()->file(), pb::ListEventsRequest::descriptor()->file(),
        pb::GetHubRequest::descriptor()->file(),
        pb::AcquireReservationRequest::descriptor()->file(),
        pb::SendMessageRequest::descriptor()->file(), pb::OpenRoundRequest::descriptor()->file(),
        pb::GetRepositoryStatusRequest::descriptor()->file(),
        pb::GetOperationRequest::descriptor()->file()}) {
    const ServiceDescriptor* service = file->service(0);
    for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
  }
  return methods;
}

bool IsImplemented(const MethodDescriptor& method) { return Implemented().contains(method.name()); }

std::vector<const MethodDescriptor*> ImplementedMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const MethodDescriptor* method : AllMethods()) {
    if (IsImplemented(*method)) methods.push_back(method);
  }
  return methods;
}

v1::Access AccessOf(const MethodDescriptor& method) {
  return method.options().GetExtension(v1::access);
}

const MethodDescriptor& MethodNamed(const std::string& name) {
  for (const MethodDescriptor* method : AllMethods()) {
    if (method->name() == name) return *method;
  }
  ADD_FAILURE() << "no method " << name;
  std::abort();
}

std::unique_ptr<Message> NewRequest(const MethodDescriptor& method) {
  return NewMessage(method.input_type());
}

std::unique_ptr<Message> NewResponse(const MethodDescriptor& method) {
  return NewMessage(method.output_type());
}

}  // namespace coordhub::rpc
