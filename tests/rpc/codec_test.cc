// Bytes in, messages out, and back: message_codec, event_frames, grpc_status.
#include <string>
#include <vector>

#include "agent/base/error.h"
#include "coordhub/v1/event_service.pb.h"
#include "coordhub/v1/hub_service.pb.h"
#include "coordhub/v1/ticket_service.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/slice.h"
#include "gtest/gtest.h"
#include "hub/engine/event_codec.h"
#include "hub/rpc/event_frames.h"
#include "hub/rpc/grpc_status.h"
#include "hub/rpc/joined_messages.h"
#include "hub/rpc/message_codec.h"

namespace coordhub::rpc {
namespace {

namespace pb = ::coordhub::v1;

constexpr char kBad[] = "\xff";
// What `bad` stands for in a serialized message: the parser lets no bad text into one.
constexpr char kMark[] = "@BAD@";

grpc::ByteBuffer BytesOf(const std::string& flat) {
  const grpc::Slice slice(flat);
  return grpc::ByteBuffer(&slice, 1);
}

std::string FlatOf(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(bytes.Dump(&slices).ok());
  std::string flat;
  for (const grpc::Slice& slice : slices) {
    flat.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return flat;
}

// Serializes, and puts bad text of the same length where the mark is.
std::string Spoiled(const google::protobuf::Message& message) {
  std::string flat = message.SerializeAsString();
  const size_t at = flat.find(kMark);
  EXPECT_NE(at, std::string::npos);
  for (size_t i = 0; i + 1 < sizeof(kMark); ++i) flat[at + i] = kBad[0];
  return flat;
}

template <class Message>
std::string FieldRefused(const Message& message) {
  Message parsed;
  const absl::Status status = ParseRequest(BytesOf(Spoiled(message)), &parsed);
  EXPECT_EQ(base::ReasonOf(status), pb::ERROR_REASON_INVALID_FIELD);
  return base::MetadataOf(status, "field");
}

TEST(ParseRequestTest, GivesBackWhatWasEncoded) {
  pb::CreateTicketRequest request;
  request.mutable_spec()->set_title("Grüße");
  request.mutable_spec()->add_labels("a");
  pb::CreateTicketRequest parsed;
  ASSERT_TRUE(ParseRequest(Encode(request), &parsed).ok());
  EXPECT_EQ(parsed.SerializeAsString(), request.SerializeAsString());
}

TEST(ParseRequestTest, AnEmptyMessageIsAMessage) {
  pb::GetHubRequest parsed;
  EXPECT_TRUE(ParseRequest(BytesOf(""), &parsed).ok());
}

TEST(ParseRequestTest, NamesTheFieldThatIsNotUtf8) {
  pb::CreateTicketRequest create;
  create.set_workspace_id(kMark);
  EXPECT_EQ(FieldRefused(create), "workspace_id");

  create.set_workspace_id("fine");
  create.mutable_spec()->set_title(kMark);
  EXPECT_EQ(FieldRefused(create), "spec.title");

  create.mutable_spec()->set_title("fine");
  create.mutable_spec()->add_labels("fine");
  create.mutable_spec()->add_labels(kMark);
  EXPECT_EQ(FieldRefused(create), "spec.labels[1]");

  pb::BatchCreateTicketsRequest batch;
  batch.add_tickets()->mutable_spec()->set_title("fine");
  batch.add_tickets()->mutable_spec()->add_dependencies()->set_ticket_id(kMark);
  EXPECT_EQ(FieldRefused(batch), "tickets[1].spec.dependencies[0].ticket_id");
}

TEST(ParseRequestTest, RefusesBytesThatAreNoMessage) {
  pb::CreateTicketRequest request;
  request.mutable_spec()->set_title("cut off in the middle");
  const std::string flat = request.SerializeAsString();
  for (const std::string& bytes : {flat.substr(0, flat.size() - 1), std::string("\xff\xff\xff"),
                                   std::string("\x0a\x7f", 2), std::string("\x0b")}) {
    pb::CreateTicketRequest parsed;
    const absl::Status status = ParseRequest(BytesOf(bytes), &parsed);
    EXPECT_EQ(base::ReasonOf(status), pb::ERROR_REASON_INVALID_FIELD) << status;
    EXPECT_EQ(base::MetadataOf(status, "field"), "request");
  }
}

TEST(ParseRequestTest, BoundsTheRequestAsAWhole) {
  pb::AddCommentRequest request;
  request.set_text(std::string(kMaxRequestBytes, 'x'));
  pb::AddCommentRequest parsed;
  const absl::Status status = ParseRequest(Encode(request), &parsed);
  EXPECT_EQ(base::ReasonOf(status), pb::ERROR_REASON_LIMIT_REACHED);
  EXPECT_EQ(base::MetadataOf(status, "limit_name"), "request_bytes");
  EXPECT_EQ(base::MetadataOf(status, "limit"), "1048576");
}

TEST(JoinFramesTest, IsTheMessageWithTheEventsInOrder) {
  std::vector<engine::EncodedEvent> events;
  pb::WatchEventsResponse expected;
  // Small ones, which are copied, before, between and after long ones, which are shared.
  for (const size_t length : {10, 20, 5'000, 30, 2'000, 2'000, 5}) {
    auto event = std::make_shared<pb::Event>();
    event->set_revision(static_cast<int64_t>(events.size()) + 1);
    event->set_commit_revision(event->revision());
    event->set_reason(std::string(length, 'x'));
    *expected.add_events() = *event;
    events.push_back(engine::Encode(event));
  }
  grpc::ByteBuffer joined = JoinFrames(events);
  const std::weak_ptr<const std::string> shared = events[2].frame;
  events.clear();
  EXPECT_FALSE(shared.expired());  // the message holds it
  EXPECT_EQ(FlatOf(joined), expected.SerializeAsString());
  joined.Clear();
  EXPECT_TRUE(shared.expired());
}

TEST(JoinedMessagesTest, GivesTheMessageThatGoesAsFarAsThereAreEvents) {
  const auto message = [](int64_t after, int64_t last, const std::string& bytes) {
    const grpc::Slice slice(bytes);
    return JoinedMessage{after, last, true, 1, grpc::ByteBuffer(&slice, 1)};
  };
  JoinedMessages joined;
  EXPECT_FALSE(joined.Find(0, 0).has_value()) << "there is none";
  joined.Keep(message(3, 5, "four and five"));
  EXPECT_FALSE(joined.Find(3, 6).has_value()) << "six is there by now";
  EXPECT_FALSE(joined.Find(4, 5).has_value());
  const auto found = joined.Find(3, 5);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(FlatOf(found->bytes), "four and five");
  for (int64_t i = 10; i < 14; ++i) joined.Keep(message(i, i + 1, "later"));
  EXPECT_FALSE(joined.Find(3, 5).has_value()) << "only the newest are held";
}

TEST(ToGrpcStatusTest, CarriesTheDetails) {
  const absl::Status status =
      base::MakeError(pb::ERROR_REASON_TICKET_NOT_FOUND, "no ticket T-9", {{"ticket_id", "T-9"}});
  const grpc::Status converted = ToGrpcStatus(status);
  EXPECT_EQ(converted.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(converted.error_message(), "no ticket T-9");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(converted.error_details()));
  ASSERT_EQ(details.details_size(), 1);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "TICKET_NOT_FOUND");
  EXPECT_EQ(info.metadata().at("ticket_id"), "T-9");
}

TEST(ToGrpcStatusTest, AnErrorWithoutAReasonIsInternal) {
  const grpc::Status converted = ToGrpcStatus(absl::NotFoundError("from somewhere"));
  EXPECT_EQ(converted.error_code(), grpc::StatusCode::INTERNAL);
  const absl::Status decoded = base::DecodeStatus(converted.error_code(), converted.error_message(),
                                                  converted.error_details());
  EXPECT_EQ(base::ReasonOf(decoded), pb::ERROR_REASON_INTERNAL);
}

}  // namespace
}  // namespace coordhub::rpc
