#include "agent/coordctl/exit_code.h"

#include <gtest/gtest.h>

#include <string>

#include "agent/base/error.h"

namespace coordhub::coordctl {
namespace {

namespace pb = ::coordhub::v1;

struct Case {
  pb::ErrorReason reason;
  ExitCode want;
};

class ExitCodes : public testing::TestWithParam<Case> {};

TEST_P(ExitCodes, AreAsDocumented) {
  EXPECT_EQ(ExitCodeFor(base::MakeError(GetParam().reason, "x")), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Reason, ExitCodes,
                         testing::ValuesIn<Case>({
                             {pb::ERROR_REASON_INVALID_FIELD, ExitCode::kUsage},
                             {pb::ERROR_REASON_REQUEST_ID_REUSED, ExitCode::kUsage},
                             {pb::ERROR_REASON_TICKET_NOT_FOUND, ExitCode::kNotFound},
                             {pb::ERROR_REASON_WORKSPACE_NOT_FOUND, ExitCode::kNotFound},
                             {pb::ERROR_REASON_AGENT_ACTIVE, ExitCode::kRefused},
                             {pb::ERROR_REASON_TICKET_CLAIMED, ExitCode::kRefused},
                             {pb::ERROR_REASON_CLAIM_SUPERSEDED, ExitCode::kRefused},
                             {pb::ERROR_REASON_REVISION_MISMATCH, ExitCode::kRefused},
                             {pb::ERROR_REASON_REVISION_COMPACTED, ExitCode::kRefused},
                             {pb::ERROR_REASON_SESSION_ENDED, ExitCode::kRefused},
                             {pb::ERROR_REASON_OPERATOR_REQUIRED, ExitCode::kRefused},
                             {pb::ERROR_REASON_HUB_UNREACHABLE, ExitCode::kNoHub},
                             {pb::ERROR_REASON_HUB_DRAINING, ExitCode::kNoHub},
                             {pb::ERROR_REASON_REVISION_NOT_REACHED, ExitCode::kFailed},
                             {pb::ERROR_REASON_NOT_OBSERVED, ExitCode::kFailed},
                             {pb::ERROR_REASON_DISK_FULL, ExitCode::kFailed},
                             {pb::ERROR_REASON_OVERLOADED, ExitCode::kFailed},
                             {pb::ERROR_REASON_NOT_IMPLEMENTED, ExitCode::kFailed},
                             {pb::ERROR_REASON_JOURNAL_DAMAGED, ExitCode::kFailed},
                             {pb::ERROR_REASON_DEADLINE_PASSED, ExitCode::kFailed},
                             {pb::ERROR_REASON_INTERNAL, ExitCode::kFailed},
                         }),
                         [](const auto& test) {
                           return std::string(base::ReasonName(test.param.reason));
                         });

TEST(ExitCodes, AHubThatDoesNotAnswerInTimeIsNone) {
  EXPECT_EQ(ExitCodeFor(absl::DeadlineExceededError("no answer")), ExitCode::kNoHub);
  EXPECT_EQ(ExitCodeFor(absl::OkStatus()), ExitCode::kOk);
}

}  // namespace
}  // namespace coordhub::coordctl
