#include "agent/client/grpc_status.h"

#include <gtest/gtest.h>

#include "agent/base/error.h"

namespace coordhub::agent {
namespace {

namespace pb = ::coordhub::v1;

constexpr char kEndpoint[] = "unix:/run/hub.sock";

TEST(FromGrpc, KeepsTheHubsOwnErrorsWhole) {
  const absl::Status sent =
      base::MakeError(pb::ERROR_REASON_TICKET_CLAIMED, "T-1 is claimed", {{"holder", "a"}});
  const grpc::Status on_wire(grpc::StatusCode::FAILED_PRECONDITION, "T-1 is claimed",
                             base::EncodeStatusDetails(sent));
  const absl::Status got = FromGrpc(on_wire, kEndpoint, false);
  EXPECT_EQ(got.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(got.message(), "T-1 is claimed");
  EXPECT_EQ(base::ReasonOf(got), pb::ERROR_REASON_TICKET_CLAIMED);
  EXPECT_EQ(base::MetadataOf(got, "holder"), "a");
}

TEST(FromGrpc, ADrainingHubIsNotAMissingOne) {
  const absl::Status sent = base::MakeError(pb::ERROR_REASON_HUB_DRAINING, "the hub is stopping");
  const grpc::Status on_wire(grpc::StatusCode::UNAVAILABLE, "the hub is stopping",
                             base::EncodeStatusDetails(sent));
  EXPECT_EQ(base::ReasonOf(FromGrpc(on_wire, kEndpoint, false)), pb::ERROR_REASON_HUB_DRAINING);
}

TEST(FromGrpc, EveryBrokenConnectionIsAnUnreachableHub) {
  for (const grpc::Status& status :
       {grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection refused"),
        grpc::Status(grpc::StatusCode::UNKNOWN, "Stream removed"),
        grpc::Status(grpc::StatusCode::CANCELLED, "RST_STREAM")}) {
    const absl::Status got = FromGrpc(status, kEndpoint, false);
    EXPECT_EQ(got.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(base::ReasonOf(got), pb::ERROR_REASON_HUB_UNREACHABLE);
    EXPECT_EQ(base::MetadataOf(got, "endpoint"), kEndpoint);
  }
}

TEST(FromGrpc, WhatElseGrpcMakesKeepsItsCode) {
  const auto code = [](grpc::StatusCode from, bool cancelled_by_us) {
    return FromGrpc(grpc::Status(from, "x"), kEndpoint, cancelled_by_us).code();
  };
  EXPECT_EQ(code(grpc::StatusCode::CANCELLED, true), absl::StatusCode::kCancelled);
  EXPECT_EQ(code(grpc::StatusCode::DEADLINE_EXCEEDED, false), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(code(grpc::StatusCode::UNKNOWN, false), absl::StatusCode::kUnknown);
  EXPECT_EQ(code(grpc::StatusCode::UNIMPLEMENTED, false), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(FromGrpc(grpc::Status::OK, kEndpoint, false).ok());
}

}  // namespace
}  // namespace coordhub::agent
