// OperationService, and the calls that are operations.
#include <string>
#include <vector>

#include "coordhub/v1/operation_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;

class OperationServiceTest : public ServicesTest {
 protected:
  using Operations = pb::OperationService::Stub;

  pb::GetOperationResponse Get(const std::string& id) const {
    pb::GetOperationRequest request;
    request.set_operation_id(id);
    return Ok(operator_, &Operations::GetOperation, request);
  }
  static std::vector<std::string> IdsOf(const pb::ListOperationsResponse& page) {
    std::vector<std::string> ids;
    for (const pb::Operation& operation : page.operations()) {
      ids.push_back(operation.operation_id());
    }
    return ids;
  }
  static pb::ErrorReason Cancel(const Client& client, const std::string& id,
                                pb::CancelOperationResponse* response = nullptr) {
    pb::CancelOperationRequest request;
    request.set_operation_id(id);
    request.set_request_id("cancel-" + id);
    request.set_reason("no time");
    pb::CancelOperationResponse unused;
    const grpc::Status status = client.Call(&Operations::CancelOperation, request,
                                            response == nullptr ? &unused : response);
    return status.ok() ? pb::ERROR_REASON_UNSPECIFIED : ReasonOf(status);
  }
};

TEST_F(OperationServiceTest, OperationsAreListedNewestFirstInPages) {
  // Enough for ids of two lengths.
  for (int i = 1; i <= 11; ++i) hub_.BeginOperation("gate");
  pb::ListOperationsRequest request;
  request.set_page_size(4);
  const auto first = Ok(agent_, &Operations::ListOperations, request);
  EXPECT_THAT(IdsOf(first), ElementsAre("O-11", "O-10", "O-9", "O-8"));
  hub_.BeginOperation("meanwhile");
  request.set_page_token(first.next_page_token());
  const auto second = Ok(agent_, &Operations::ListOperations, request);
  EXPECT_THAT(IdsOf(second), ElementsAre("O-7", "O-6", "O-5", "O-4"));
  EXPECT_EQ(second.revision(), first.revision());
  request.set_page_token(second.next_page_token());
  const auto third = Ok(agent_, &Operations::ListOperations, request);
  EXPECT_THAT(IdsOf(third), ElementsAre("O-3", "O-2", "O-1"));
  EXPECT_EQ(third.next_page_token(), "");
}

TEST_F(OperationServiceTest, AListingMayBeOfSomeStatesOnly) {
  hub_.BeginOperation("gate");
  ASSERT_TRUE(Ok(operator_, &Hub::VerifyWorkspace, pb::VerifyWorkspaceRequest()).has_elapsed());
  pb::ListOperationsRequest request;
  request.add_states(pb::Operation::STATE_DONE);
  EXPECT_THAT(IdsOf(Ok(operator_, &Operations::ListOperations, request)), ElementsAre("O-2"));
  request.set_states(0, pb::Operation::STATE_RUNNING);
  EXPECT_THAT(IdsOf(Ok(operator_, &Operations::ListOperations, request)), ElementsAre("O-1"));
}

TEST_F(OperationServiceTest, AVerificationIsAnOperation) {
  const auto verified = Ok(operator_, &Hub::VerifyWorkspace, pb::VerifyWorkspaceRequest());
  const auto shown = Get(verified.operation_id());
  EXPECT_EQ(shown.operation().kind(), pb::Operation::KIND_VERIFY);
  EXPECT_EQ(shown.operation().state(), pb::Operation::STATE_DONE);
  EXPECT_EQ(shown.operation().actor(), "operator");
  EXPECT_EQ(shown.operation().percent(), 100);
  EXPECT_EQ(shown.revision(), shown.operation().mod_revision());
}

TEST_F(OperationServiceTest, ABackupThatCannotBeIsRefusedAsEverAndItsRecordSaysWhy) {
  pb::BackupWorkspaceRequest request;
  request.set_directory("/nowhere/at/all");
  pb::BackupWorkspaceResponse response;
  const grpc::Status status = operator_.Call(&Hub::BackupWorkspace, request, &response);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(MetadataOf(status, "field"), "directory");
  const pb::Operation record = Get("O-1").operation();
  EXPECT_EQ(record.state(), pb::Operation::STATE_FAILED);
  EXPECT_EQ(record.subject(), "/nowhere/at/all");
  EXPECT_NE(record.error(), "");
}

TEST_F(OperationServiceTest, ItsOwnerAndTheOperatorCancelAnOperation) {
  const std::string uid =
      hub_.workspace().view()->records.FindAgent("conversation-1")->session_uid();
  hub_.BeginOperation("gate", core::Caller::Session(uid));
  hub_.BeginOperation("gate");
  Client other = hub_.OnSocket();
  other.Register("conversation-2");
  EXPECT_EQ(Cancel(other, "O-1"), pb::ERROR_REASON_OPERATOR_REQUIRED);
  EXPECT_EQ(Cancel(agent_, "O-2"), pb::ERROR_REASON_OPERATOR_REQUIRED);
  pb::CancelOperationResponse first;
  EXPECT_EQ(Cancel(agent_, "O-1", &first), pb::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(first.operation().state(), pb::Operation::STATE_RUNNING);
  EXPECT_EQ(first.operation().note(), "asked to stop by conversation-1");
  pb::CancelOperationResponse again;
  EXPECT_EQ(Cancel(agent_, "O-1", &again), pb::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(again.revision(), first.revision()) << "a repeat is the same request";
  EXPECT_EQ(Cancel(operator_, "O-1"), pb::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(Cancel(operator_, "O-9"), pb::ERROR_REASON_OPERATION_NOT_FOUND);
}

TEST_F(OperationServiceTest, WhatHasEndedCannotBeCancelled) {
  Ok(operator_, &Hub::VerifyWorkspace, pb::VerifyWorkspaceRequest());
  EXPECT_EQ(Cancel(operator_, "O-1"), pb::ERROR_REASON_OPERATION_STATE);
}

}  // namespace
}  // namespace coordhub::rpc
