// Every method of the contract for every kind of caller. The methods, and who may call them, come
// from the descriptors: a new one is in the matrix without a line here.
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/rpc/bad_input_rows.h"
#include "tests/rpc/contract.h"
#include "tests/rpc/hub_fixture.h"
#include "tests/rpc/raw_call.h"

namespace coordhub::rpc {
namespace {

using google::protobuf::MethodDescriptor;

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
  EXPECT_EQ(AllMethods().size(), 64u);
  Client agent = hub_.OnSocket();
  agent.Register("conversation-1");
  for (const MethodDescriptor* method : AllMethods()) {
    const bool is_a_sessions = AccessOf(*method) == pb::ACCESS_SESSION;
    const auto reason = Send(is_a_sessions ? agent : hub_.OnSocket(), *method);
    EXPECT_EQ(reason == pb::ERROR_REASON_NOT_IMPLEMENTED, !IsImplemented(*method))
        << method->name() << " " << pb::ErrorReason_Name(reason);
  }
}

// Who reads may not change anything, so what the contract gives to readers must not; and what
// changes something can be repeated, by which it is known here.
TEST(AccessTest, OnlyWhatChangesNothingIsForReaders) {
  // Their parts have request ids, or repeating them is harmless, or they are for their caller only.
  const std::set<std::string> without_request_id = {"KeepAlive", "MutateTickets", "VerifyWorkspace",
                                                    "ListMessages"};
  for (const MethodDescriptor* method : AllMethods()) {
    EXPECT_NE(AccessOf(*method), pb::ACCESS_UNSPECIFIED) << method->full_name();
    const bool changes = method->input_type()->FindFieldByName("request_id") != nullptr ||
                         without_request_id.contains(method->name());
    EXPECT_EQ(AccessOf(*method) == pb::ACCESS_READER, !changes) << method->full_name();
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
      if (AccessOf(*method) == pb::ACCESS_SESSION) {
        EXPECT_EQ(reason, pb::ERROR_REASON_SESSION_REQUIRED) << method->name();
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
      if (AccessOf(*method) == pb::ACCESS_OPERATOR) {
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

// An agent that was silent for too long, and calls as if nothing had happened: each method with a
// request that it would have accepted, about the ticket that another holds by now.
class EndedSessionTest : public AccessMatrixTest {
 protected:
  void SetUp() override {
    hub_.OnSocket().Create("work");
    frozen_.Register("conversation-1", absl::Seconds(5));
    const int64_t fence = frozen_.Claim("T-1").claim().fence();
    hub_.Age(absl::Seconds(7));
    heir_.Register("conversation-2");
    pb::ClaimNextTicketRequest next;
    next.mutable_wait()->set_seconds(60);
    pb::ClaimNextTicketResponse taken;
    std::thread time([this] { hub_.Age(absl::Seconds(5)); });  // it comes back after the back-off
    const grpc::Status status = heir_.Call(&pb::TicketService::Stub::ClaimNextTicket, next, &taken);
    time.join();
    ASSERT_TRUE(status.ok()) << FromGrpc(status);
    ASSERT_EQ(taken.ticket().ticket_id(), "T-1");
    heirs_fence_ = absl::StrCat(taken.ticket().claim().fence());
    fill_ = {{"'T-2'", "'T-1'"}, {"'T-3'", "'T-1'"}, {"$HELD", absl::StrCat(fence)}};
  }

  grpc::Status Call(const BadInputMethod& method) const {
    const MethodDescriptor& descriptor = MethodNamed(method.name);
    const auto request = NewRequest(descriptor);
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        absl::StrReplaceAll(method.base, fill_), request.get()));
    const RawAnswer answer = CallRaw(frozen_, descriptor, request->SerializeAsString());
    // In a stream of mutations it is the result that says so.
    pb::MutateTicketsResponse results;
    if (!answer.status.ok() || method.name != "MutateTickets") return answer.status;
    EXPECT_TRUE(results.ParseFromString(answer.response));
    const google::rpc::Status& error = results.results(0).error();
    return {static_cast<grpc::StatusCode>(error.code()), error.message(),
            error.SerializeAsString()};
  }

  Client frozen_ = hub_.OnSocket();
  Client heir_ = hub_.OnSocket();
  std::string heirs_fence_;
  std::vector<std::pair<std::string, std::string>> fill_;
};

TEST_F(EndedSessionTest, EveryCallIsRefusedAndToldWhoHoldsTheTicket) {
  std::set<std::string> called;
  for (const BadInputMethod& method : BadInputMethods()) {
    called.insert(method.name);
    const grpc::Status status = Call(method);
    ExpectOneErrorInfo(status, method.name);
    if (AccessOf(MethodNamed(method.name)) == pb::ACCESS_OPERATOR) {
      EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_OPERATOR_REQUIRED) << method.name;
      continue;
    }
    EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_SESSION_ENDED)
        << method.name << " " << FromGrpc(status);
    EXPECT_EQ(MetadataOf(status, "agent_id"), "conversation-1") << method.name;
    const bool about_a_ticket = method.base.find("ticket_id:") != std::string::npos;
    EXPECT_EQ(MetadataOf(status, "holder"), about_a_ticket ? "conversation-2" : "") << method.name;
    EXPECT_EQ(MetadataOf(status, "current_fence"), about_a_ticket ? heirs_fence_ : "")
        << method.name;
  }
  for (const MethodDescriptor* method : ImplementedMethods()) {
    EXPECT_TRUE(called.contains(method->name())) << method->name();
  }
  EXPECT_EQ(heir_.GetHub().workspace().active_agents(), 1);
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
