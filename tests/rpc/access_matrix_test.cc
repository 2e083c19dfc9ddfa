// Every method of the contract for every kind of caller. The methods come from the descriptors: a
// new one is in the matrix without a line here, and fails it until it is entered below.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "coordhub/v1/convergence_service.pb.h"
#include "coordhub/v1/message_service.pb.h"
#include "coordhub/v1/repository_service.pb.h"
#include "coordhub/v1/reservation_service.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/rpc/hub_fixture.h"
#include "tests/rpc/raw_call.h"

namespace coordhub::rpc {
namespace {

using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

std::vector<const MethodDescriptor*> AllMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const auto* file :
       {pb::RegisterAgentRequest::descriptor()->file(),
        pb::CreateTicketRequest::descriptor()->file(), pb::ListEventsRequest::descriptor()->file(),
        pb::GetHubRequest::descriptor()->file(),
        pb::AcquireReservationRequest::descriptor()->file(),
        pb::SendMessageRequest::descriptor()->file(), pb::OpenRoundRequest::descriptor()->file(),
        pb::GetRepositoryStatusRequest::descriptor()->file()}) {
    const ServiceDescriptor* service = file->service(0);
    for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
  }
  return methods;
}

// What a session may not call at all, and what only a session may.
const std::set<std::string> kOperatorOnly = {
    "CompactWorkspace", "BackupWorkspace", "VerifyWorkspace", "DrainHub",
    "StepLoop",         "PauseLoop",       "ResumeLoop"};
const std::set<std::string> kSessionOnly = {"KeepAlive", "RenewClaim", "UpdateProgress"};
const std::set<std::string> kImplemented = {
    "RegisterAgent",      "KeepAlive",        "DeregisterAgent",
    "GetAgent",           "ListAgents",       "CreateTicket",
    "BatchCreateTickets", "GetTicket",        "ListTickets",
    "UpdateTicket",       "ClaimTicket",      "ClaimNextTicket",
    "RenewClaim",         "ReleaseTicket",    "CompleteTicket",
    "FailTicket",         "CancelTicket",     "ReopenTicket",
    "AddComment",         "UpdateProgress",   "WatchEvents",
    "ListEvents",         "GetHub",           "ListWorkspaces",
    "ListLoops",          "StepLoop",         "PauseLoop",
    "ResumeLoop",         "CompactWorkspace", "BackupWorkspace",
    "VerifyWorkspace",    "DrainHub",         "GetRepositoryStatus",
    "ListBranches",       "ListWorktrees",    "MutateTickets"};

// Whether a call got past the question of who calls.
bool WasAdmitted(pb::ErrorReason reason) {
  switch (reason) {
    case pb::ERROR_REASON_TOKEN_REQUIRED:
    case pb::ERROR_REASON_TOKEN_INVALID:
    case pb::ERROR_REASON_SESSION_REQUIRED:
    case pb::ERROR_REASON_OPERATOR_REQUIRED:
      return false;
    default:
      return true;
  }
}

// Every refusal carries exactly one ErrorInfo of ours, and each kind of detail once.
void ExpectOneErrorInfo(const grpc::Status& status, const std::string& what) {
  if (status.ok()) return;
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details())) << what;
  EXPECT_EQ(details.code(), status.error_code()) << what;
  std::map<std::string, int> kinds;
  for (const auto& detail : details.details()) {
    ++kinds[detail.type_url()];
    google::rpc::ErrorInfo info;
    if (!detail.Is<google::rpc::ErrorInfo>()) continue;
    ASSERT_TRUE(detail.UnpackTo(&info)) << what;
    EXPECT_EQ(info.domain(), "coordhub") << what;
    EXPECT_FALSE(info.reason().empty()) << what;
  }
  EXPECT_EQ(kinds["type.googleapis.com/google.rpc.ErrorInfo"], 1) << what;
  for (const auto& [kind, count] : kinds) EXPECT_EQ(count, 1) << what << " " << kind;
}

class AccessMatrixTest : public ::testing::Test {
 protected:
  pb::ErrorReason Send(const Client& client, const MethodDescriptor& method) {
    const grpc::Status status = CallRaw(client, method, "").status;
    ExpectOneErrorInfo(status, method.full_name());
    return status.ok() ? pb::ERROR_REASON_UNSPECIFIED : ReasonOf(status);
  }

  // A hub for each: DrainHub ends what can be done with one.
  TestHub hub_;
};

TEST_F(AccessMatrixTest, EveryMethodIsEntered) {
  EXPECT_EQ(AllMethods().size(), 56u);
  for (const MethodDescriptor* method : AllMethods()) {
    const auto reason = Send(hub_.OnSocket(), *method);
    EXPECT_EQ(reason == pb::ERROR_REASON_NOT_IMPLEMENTED, !kImplemented.contains(method->name()))
        << method->name() << " " << pb::ErrorReason_Name(reason);
  }
}

TEST_F(AccessMatrixTest, NobodyGetsInOnTcpWithoutAToken) {
  for (const MethodDescriptor* method : AllMethods()) {
    EXPECT_EQ(Send(hub_.OnTcp(), *method), pb::ERROR_REASON_TOKEN_REQUIRED) << method->name();
  }
}

TEST_F(AccessMatrixTest, NobodyGetsInWithABadToken) {
  Client remote = hub_.OnTcp();
  remote.set_operator("cho_" + std::string(64, 'a'));
  Client local = hub_.OnSocket();
  local.set_session("chs_forged");
  for (const MethodDescriptor* method : AllMethods()) {
    EXPECT_EQ(Send(remote, *method), pb::ERROR_REASON_TOKEN_INVALID) << method->name();
    EXPECT_EQ(Send(local, *method), pb::ERROR_REASON_TOKEN_INVALID) << method->name();
  }
}

TEST_F(AccessMatrixTest, TheOperatorMayCallAllThatNeedsNoSession) {
  const std::vector<Client> clients = {hub_.OnSocket(), hub_.OperatorOnTcp()};
  for (const MethodDescriptor* method : AllMethods()) {
    if (method->name() == "DrainHub") continue;
    for (const Client& client : clients) {
      const auto reason = Send(client, *method);
      if (kSessionOnly.contains(method->name())) {
        EXPECT_EQ(reason, pb::ERROR_REASON_SESSION_REQUIRED) << method->name();
      } else if (method->name() == "ClaimNextTicket") {
        EXPECT_EQ(reason, pb::ERROR_REASON_SESSION_REQUIRED);  // the command's own refusal
      } else {
        EXPECT_TRUE(WasAdmitted(reason)) << method->name() << pb::ErrorReason_Name(reason);
      }
    }
  }
}

TEST_F(AccessMatrixTest, ASessionMayCallAllThatIsNotTheOperators) {
  for (const MethodDescriptor* method : AllMethods()) {
    Client agent = hub_.OnSocket();
    agent.Register("conversation-1");
    Client remote = hub_.OnTcp();
    remote.set_session(agent.session());
    for (const Client* client : {&agent, &remote}) {
      // The first call may end the session; RegisterAgent above begins another.
      if (client == &remote && method->name() == "DeregisterAgent") continue;
      const auto reason = Send(*client, *method);
      if (kOperatorOnly.contains(method->name())) {
        EXPECT_EQ(reason, pb::ERROR_REASON_OPERATOR_REQUIRED) << method->name();
      } else {
        EXPECT_TRUE(WasAdmitted(reason)) << method->name() << pb::ErrorReason_Name(reason);
      }
    }
    Client again = hub_.OnSocket();
    pb::DeregisterAgentRequest end;
    end.set_agent_id("conversation-1");
    pb::DeregisterAgentResponse ended;
    (void)again.Call(&pb::AgentService::Stub::DeregisterAgent, end, &ended);
  }
}

TEST_F(AccessMatrixTest, AnEndedSessionIsRefusedEverywhere) {
  Client agent = hub_.OnSocket();
  agent.Register("conversation-1");
  pb::DeregisterAgentResponse ended;
  ASSERT_TRUE(
      agent.Call(&pb::AgentService::Stub::DeregisterAgent, pb::DeregisterAgentRequest(), &ended)
          .ok());
  for (const MethodDescriptor* method : AllMethods()) {
    const auto reason = Send(agent, *method);
    if (kOperatorOnly.contains(method->name())) {
      EXPECT_EQ(reason, pb::ERROR_REASON_OPERATOR_REQUIRED) << method->name();
    } else if (!kImplemented.contains(method->name())) {
      EXPECT_EQ(reason, pb::ERROR_REASON_NOT_IMPLEMENTED) << method->name();
    } else {
      // An empty request may be malformed before anyone asks whose it is.
      EXPECT_TRUE(reason == pb::ERROR_REASON_SESSION_ENDED ||
                  reason == pb::ERROR_REASON_INVALID_FIELD)
          << method->name() << pb::ErrorReason_Name(reason);
    }
  }
}

TEST_F(AccessMatrixTest, AMethodThatDoesNotExistIsRefusedInOurWords) {
  const grpc::Status status =
      CallRaw(hub_.OnSocket(), "/coordhub.v1.TicketService/Juggle", "").status;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  ExpectOneErrorInfo(status, "unknown method");
  EXPECT_EQ(MetadataOf(status, "method"), "/coordhub.v1.TicketService/Juggle");
}

}  // namespace
}  // namespace coordhub::rpc
