#include "agent/client/retry_policy.h"

#include <gtest/gtest.h>

#include <string>

#include "agent/base/error.h"

namespace coordhub::agent {
namespace {

namespace pb = ::coordhub::v1;

absl::Status Of(pb::ErrorReason reason) { return base::MakeError(reason, "x"); }

struct Case {
  std::string name;
  absl::Status status;
  bool retryable;
  bool ends_a_stream;
};

class Policy : public testing::TestWithParam<Case> {};

TEST_P(Policy, AnswersAsTabled) {
  EXPECT_EQ(RetryPolicy().Retryable(GetParam().status), GetParam().retryable);
  EXPECT_EQ(IsPermanentStreamError(GetParam().status), GetParam().ends_a_stream);
}

INSTANTIATE_TEST_SUITE_P(
    Status, Policy,
    testing::ValuesIn<Case>({
        {"Ok", absl::OkStatus(), false, false},
        {"NoHub", Of(pb::ERROR_REASON_HUB_UNREACHABLE), true, false},
        {"Draining", Of(pb::ERROR_REASON_HUB_DRAINING), true, false},
        {"NotReached", Of(pb::ERROR_REASON_REVISION_NOT_REACHED), true, false},
        {"Overloaded", Of(pb::ERROR_REASON_OVERLOADED), true, false},
        {"DiskFull", Of(pb::ERROR_REASON_DISK_FULL), false, false},
        {"Limit", Of(pb::ERROR_REASON_LIMIT_REACHED), false, false},
        {"SlowWatcher", Of(pb::ERROR_REASON_SLOW_WATCHER), false, false},
        {"TooLargeForGrpc", absl::ResourceExhaustedError("message larger than max"), false, false},
        {"Deadline", absl::DeadlineExceededError("x"), false, false},
        {"Cancelled", absl::CancelledError("x"), false, false},
        {"Internal", Of(pb::ERROR_REASON_INTERNAL), false, false},
        {"Mismatch", Of(pb::ERROR_REASON_REVISION_MISMATCH), false, false},
        {"Invalid", Of(pb::ERROR_REASON_INVALID_FIELD), false, true},
        {"NotFound", Of(pb::ERROR_REASON_WORKSPACE_NOT_FOUND), false, true},
        {"SessionEnded", Of(pb::ERROR_REASON_SESSION_ENDED), false, true},
        {"TokenInvalid", Of(pb::ERROR_REASON_TOKEN_INVALID), false, true},
        {"NoSession", Of(pb::ERROR_REASON_SESSION_REQUIRED), false, true},
        {"Unimplemented", Of(pb::ERROR_REASON_NOT_IMPLEMENTED), false, true},
    }),
    [](const auto& test) { return test.param.name; });

TEST(RetryPolicy, TheCallerMayHaveItOtherwise) {
  const RetryPolicy patient = {.retry_overloaded = false, .retry_disk_full = true};
  EXPECT_TRUE(patient.Retryable(Of(pb::ERROR_REASON_DISK_FULL)));
  EXPECT_FALSE(patient.Retryable(Of(pb::ERROR_REASON_OVERLOADED)));
}

}  // namespace
}  // namespace coordhub::agent
