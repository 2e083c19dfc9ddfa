#include "agent/base/error.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "google/rpc/status.pb.h"

namespace coordhub::base {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// What error.proto itself says: the bracketed code of the nearest comment above each value.
std::map<std::string, std::string> DocumentedCodes() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment.
  const char* root = std::getenv("COORDHUB_SOURCE_DIR");
  std::ifstream file(std::string(root == nullptr ? "." : root) + "/proto/coordhub/v1/error.proto");
  const std::string comment = "  // [";
  const std::string value = "  ERROR_REASON_";
  std::map<std::string, std::string> codes;
  std::string code;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(comment)) {
      code = line.substr(comment.size(), line.find(']') - comment.size());
    } else if (line.starts_with(value)) {
      codes[line.substr(2, line.find(' ', 2) - 2)] = code;
    }
  }
  return codes;
}

std::string CodeName(absl::StatusCode code) {
  return code == absl::StatusCode::kCancelled ? "CANCELLED" : absl::StatusCodeToString(code);
}

TEST(ErrorTable, EveryReasonHasTheCodeThatTheContractNames) {
  const auto documented = DocumentedCodes();
  const auto* values = pb::ErrorReason_descriptor();
  ASSERT_EQ(static_cast<int>(documented.size()), values->value_count())
      << "is $COORDHUB_SOURCE_DIR the root of the source tree?";
  for (int i = 0; i < values->value_count(); ++i) {
    const auto reason = static_cast<pb::ErrorReason>(values->value(i)->number());
    const std::string& name = values->value(i)->name();
    ASSERT_TRUE(documented.contains(name)) << name;
    if (reason == pb::ERROR_REASON_UNSPECIFIED) continue;
    EXPECT_EQ(CodeName(CodeOf(reason)), documented.at(name)) << name;
  }
}

TEST(ErrorTable, EveryReasonRoundTripsThroughItsName) {
  const auto* values = pb::ErrorReason_descriptor();
  for (int i = 0; i < values->value_count(); ++i) {
    const auto reason = static_cast<pb::ErrorReason>(values->value(i)->number());
    EXPECT_EQ("ERROR_REASON_" + std::string(ReasonName(reason)), values->value(i)->name());
    EXPECT_LE(ReasonName(reason).size(), 63u);
    EXPECT_EQ(ReasonFromName(ReasonName(reason)), reason);
  }
  EXPECT_EQ(ReasonFromName("FROM_THE_FUTURE"), pb::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonFromName(""), pb::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonName(static_cast<pb::ErrorReason>(99'999)), "UNSPECIFIED");
  EXPECT_EQ(CodeOf(static_cast<pb::ErrorReason>(99'999)), absl::StatusCode::kInternal);
}

TEST(MakeError, CarriesCodeMessageAndMetadata) {
  const absl::Status status =
      MakeError(pb::ERROR_REASON_CLAIM_SUPERSEDED, "T-17 is held by conversation-2 now",
                {{"ticket_id", "T-17"}, {"holder", "conversation-2"}, {"current_fence", "90"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "T-17 is held by conversation-2 now");
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_CLAIM_SUPERSEDED);
  const auto info = ErrorInfoOf(status);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->reason(), "CLAIM_SUPERSEDED");
  EXPECT_EQ(info->domain(), "coordhub");
  EXPECT_THAT(info->metadata(),
              UnorderedElementsAre(Pair("ticket_id", "T-17"), Pair("holder", "conversation-2"),
                                   Pair("current_fence", "90")));
  EXPECT_EQ(MetadataOf(status, "holder"), "conversation-2");
  EXPECT_EQ(MetadataOf(status, "nothing"), "");
}

TEST(MakeError, AnUnspecifiedReasonIsABugOfOurs) {
  const absl::Status status = MakeError(pb::ERROR_REASON_UNSPECIFIED, "?");
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_INTERNAL);
}

TEST(MakeError, StatusesThatAreNotOursHaveNoReason) {
  EXPECT_EQ(ReasonOf(absl::OkStatus()), pb::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonOf(absl::UnavailableError("socket closed")), pb::ERROR_REASON_UNSPECIFIED);
  google::rpc::ErrorInfo foreign;
  foreign.set_reason("INTERNAL");
  foreign.set_domain("googleapis.com");
  absl::Status status = absl::InternalError("elsewhere");
  status.SetPayload("type.googleapis.com/google.rpc.ErrorInfo",
                    absl::Cord(foreign.SerializeAsString()));
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_UNSPECIFIED);
  status.SetPayload("type.googleapis.com/google.rpc.ErrorInfo", absl::Cord("\xff\xff"));
  EXPECT_EQ(ErrorInfoOf(status), std::nullopt);
}

TEST(MakeFieldError, NamesTheFieldInEveryWay) {
  const absl::Status status =
      MakeFieldError("ticket.title", "must have at most 200 bytes", {{"limit", "200"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "ticket.title: must have at most 200 bytes");
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(MetadataOf(status, "field"), "ticket.title");
  EXPECT_EQ(MetadataOf(status, "limit"), "200");
  google::rpc::BadRequest bad_request;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.BadRequest");
  ASSERT_TRUE(payload.has_value());
  ASSERT_TRUE(bad_request.ParseFromString(std::string(*payload)));
  ASSERT_EQ(bad_request.field_violations_size(), 1);
  EXPECT_EQ(bad_request.field_violations(0).field(), "ticket.title");
  EXPECT_EQ(bad_request.field_violations(0).description(), "must have at most 200 bytes");
}

TEST(MakeIoError, TellsAFullDiskFromABrokenOne) {
  EXPECT_EQ(ReasonOf(MakeIoError("write", "/x", ENOSPC)), pb::ERROR_REASON_DISK_FULL);
  EXPECT_EQ(ReasonOf(MakeIoError("write", "/x", EDQUOT)), pb::ERROR_REASON_DISK_FULL);
  const absl::Status status = MakeIoError("fsync", "/x", EIO);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_IO_FAILED);
  EXPECT_EQ(MetadataOf(status, "operation"), "fsync");
  EXPECT_THAT(std::string(status.message()), HasSubstr("fsync /x: Input/output error"));
}

TEST(WithRetryDelay, IsReadBack) {
  const absl::Status status = WithRetryDelay(
      MakeError(pb::ERROR_REASON_OVERLOADED, "the queue is full"), absl::Milliseconds(250));
  EXPECT_EQ(RetryDelayOf(status), absl::Milliseconds(250));
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_OVERLOADED);
  EXPECT_EQ(RetryDelayOf(MakeError(pb::ERROR_REASON_OVERLOADED, "")), std::nullopt);
  EXPECT_TRUE(WithRetryDelay(absl::OkStatus(), absl::Seconds(1)).ok());
}

TEST(StatusDetails, RoundTripWithEveryDetail) {
  const absl::Status status =
      WithRetryDelay(MakeFieldError("a", "b", {{"limit", "3"}}), absl::Seconds(2));
  const std::string details = EncodeStatusDetails(status);
  EXPECT_EQ(DecodeStatus(static_cast<int>(status.code()), std::string(status.message()), details),
            status);
}

TEST(StatusDetails, AreTheSameBytesEachTimeWithErrorInfoFirst) {
  const auto make = [] {
    return EncodeStatusDetails(WithRetryDelay(
        MakeFieldError("f", "d", {{"c", "1"}, {"a", "2"}, {"b", "3"}}), absl::Seconds(1)));
  };
  const std::string details = make();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(make(), details);
  google::rpc::Status decoded;
  ASSERT_TRUE(decoded.ParseFromString(details));
  std::vector<std::string> types;
  for (const auto& any : decoded.details()) types.push_back(any.type_url());
  EXPECT_THAT(types, ElementsAre("type.googleapis.com/google.rpc.ErrorInfo",
                                 "type.googleapis.com/google.rpc.BadRequest",
                                 "type.googleapis.com/google.rpc.RetryInfo"));
  EXPECT_EQ(decoded.code(), 3);
  EXPECT_EQ(decoded.message(), "f: d");
}

TEST(StatusDetails, OfOkAreEmptyAndOddOnesAreDropped) {
  EXPECT_EQ(EncodeStatusDetails(absl::OkStatus()), "");
  EXPECT_TRUE(DecodeStatus(0, "", "").ok());
  EXPECT_EQ(DecodeStatus(14, "gone", "\xff not a proto"), absl::UnavailableError("gone"));
  EXPECT_EQ(DecodeStatus(14, "gone", ""), absl::UnavailableError("gone"));
  EXPECT_EQ(DecodeStatus(77, "what", "").code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(DecodeStatus(-1, "what", "").code(), absl::StatusCode::kUnknown);
}

// gRPC's default limit for all trailers is 8 KiB. On the wire the message may triple by percent
// encoding, and the details grow by a third in base64.
TEST(StatusDetails, TheWorstErrorFitsIntoTheTrailers) {
  std::string worst;
  for (int i = 0; i < 20'000; ++i) worst += "\xe2\x82\xac";
  const absl::Status status = WithRetryDelay(MakeFieldError(worst, worst,
                                                            {{"a", worst},
                                                             {"b", worst},
                                                             {"c", worst},
                                                             {"d", worst},
                                                             {"e", worst},
                                                             {"f", worst},
                                                             {"g", worst},
                                                             {"h", worst},
                                                             {"i", worst},
                                                             {"j", worst}}),
                                             absl::Hours(1));
  const size_t on_the_wire =
      3 * status.message().size() + 4 * (EncodeStatusDetails(status).size() + 2) / 3;
  EXPECT_LT(on_the_wire, 8u * 1024 - 512);
  EXPECT_TRUE(IsValidUtf8(MetadataOf(status, "a")));
  EXPECT_THAT(MetadataOf(status, "a"), testing::EndsWith("…"));
}

TEST(StatusDetails, BytesThatAreNotUtf8StillArrive) {
  const absl::Status status = MakeFieldError("path\xff", "bad \xc3", {{"value", "\xed\xa0\x80"}});
  const absl::Status arrived =
      DecodeStatus(3, std::string(status.message()), EncodeStatusDetails(status));
  EXPECT_EQ(ReasonOf(arrived), pb::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(MetadataOf(arrived, "field"), "path\xef\xbf\xbd");
}

absl::Status Twice(const absl::StatusOr<int>& input, int* out) {
  COORDHUB_ASSIGN_OR_RETURN(const int value, input);
  COORDHUB_RETURN_IF_ERROR(value < 0 ? absl::OutOfRangeError("negative") : absl::OkStatus());
  COORDHUB_ASSIGN_OR_RETURN(*out, absl::StatusOr<int>(2 * value));
  return absl::OkStatus();
}

TEST(StatusMacros, ReturnTheFirstErrorOrGoOn) {
  int out = 0;
  EXPECT_EQ(Twice(absl::NotFoundError("x"), &out), absl::NotFoundError("x"));
  EXPECT_EQ(Twice(-1, &out), absl::OutOfRangeError("negative"));
  EXPECT_EQ(Twice(21, &out), absl::OkStatus());
  EXPECT_EQ(out, 42);
}

}  // namespace
}  // namespace coordhub::base
