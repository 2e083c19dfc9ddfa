// What somebody without a token, or who does not read, can take from others.
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "hub/rpc/health_service.h"
#include "hub/rpc/reflection_service.h"
#include "hub/rpc/unread_answers.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/raw_http2.h"
#include "tests/rpc/raw_stream.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using StrangersTest = ServicesTest;

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kWatch[] = "/grpc.health.v1.Health/Watch";
const std::vector<std::string> kReflections = {
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};
const std::string kListServices("\x3a\x01*", 3);

TEST_F(StrangersTest, ReflectionNeedsATokenOverTcp) {
  for (const std::string& reflection : kReflections) {
    EXPECT_EQ(ReasonOf(CallRaw(hub_.OnTcp(), reflection, kListServices).status),
              pb::ERROR_REASON_TOKEN_REQUIRED);
    for (const Client& client : {hub_.OperatorOnTcp(), hub_.OnSocket()}) {
      const RawAnswer answer = CallRaw(client, reflection, kListServices);
      EXPECT_TRUE(answer.status.ok()) << FromGrpc(answer.status);
      EXPECT_TRUE(absl::StrContains(answer.response, "coordhub.v1.TicketService"));
    }
  }
}

TEST_F(StrangersTest, HealthTellsWithoutATokenOverTcpThatTheHubRunsAndNoMore) {
  const Client stranger = hub_.OnTcp();
  EXPECT_EQ(CallRaw(stranger, kCheck, "").response, kServing);
  EXPECT_EQ(CallRaw(stranger, kWatch, "").response, kServing);
  for (const char* method : {kCheck, kWatch}) {
    for (const char* name : {"coordhub.v1.TicketService", "coordhub.loop.comms", "unknown"}) {
      EXPECT_EQ(ReasonOf(CallRaw(stranger, method, HealthRequest(name)).status),
                pb::ERROR_REASON_TOKEN_REQUIRED)
          << method << " " << name;
    }
    EXPECT_EQ(CallRaw(hub_.OperatorOnTcp(), method, HealthRequest("coordhub.loop.comms")).response,
              kServing);
  }
}

size_t Threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

// Opens streams until one is refused or `most` are open; each is asked, so that it has begun.
size_t OpenStreams(const Client& client, const std::string& method, const std::string& request,
                   size_t most, std::vector<std::unique_ptr<RawStream>>* streams) {
  for (size_t open = 0; open < most; ++open) {
    streams->push_back(std::make_unique<RawStream>(client, method));
    streams->back()->Send(request);
    if (streams->back()->Next() == "ended") {
      streams->pop_back();
      return open;
    }
  }
  return most;
}

TEST_F(StrangersTest, ReflectionStreamsAreBoundedAndTakeNoThreads) {
  std::vector<std::unique_ptr<RawStream>> streams;
  std::vector<Client> clients;
  clients.reserve(20);
  size_t open = 0;
  // What the client side of the first call starts is not the hub's.
  clients.push_back(hub_.OnSocket());
  open += OpenStreams(clients[0], kReflections[0], kListServices, 300, &streams);
  EXPECT_EQ(open, kReflectionStreamsPerConnection);
  const size_t threads = Threads();
  while (clients.size() < 20) {
    clients.push_back(hub_.OnSocket());
    open += OpenStreams(clients.back(), kReflections[0], kListServices, 300, &streams);
  }
  EXPECT_EQ(open, kReflectionStreams);
  EXPECT_LE(Threads(), threads + 8);
  const RawAnswer refused = CallRaw(clients[0], kReflections[0], kListServices);
  EXPECT_EQ(ReasonOf(refused.status), pb::ERROR_REASON_LIMIT_REACHED);
  EXPECT_EQ(MetadataOf(refused.status, "limit_name"), "reflection_streams");
  // Those that end make room.
  streams.clear();
  while (OpenStreams(clients[0], kReflections[0], kListServices, 1, &streams) == 0) {
  }
  streams[0]->Send(kListServices);
  EXPECT_TRUE(absl::StrContains(streams[0]->Next(), "coordhub.v1.HubService"));
}

TEST_F(StrangersTest, HealthWatchesAreBounded) {
  std::vector<std::unique_ptr<RawStream>> streams;
  const Client one = hub_.OnTcp();
  const Client other = hub_.OnTcp();
  EXPECT_EQ(OpenStreams(one, kWatch, "", 100, &streams), HealthService::kWatchesPerConnection);
  EXPECT_EQ(OpenStreams(other, kWatch, "", 1, &streams), 1U) << "another connection has its own";
  const RawAnswer refused = CallRaw(one, kWatch, "");
  EXPECT_EQ(ReasonOf(refused.status), pb::ERROR_REASON_LIMIT_REACHED);
  EXPECT_EQ(MetadataOf(refused.status, "limit_name"), "health_watches");
  EXPECT_EQ(CallRaw(one, kCheck, "").response, kServing);
}

// ---- answers that nobody reads ----

class UnreadAnswersTest : public ServicesTest {
 protected:
  static constexpr char kGetTicket[] = "/coordhub.v1.TicketService/GetTicket";

  // A ticket of which a large answer tells.
  void SetUp() override {
    pb::CreateTicketRequest request;
    request.mutable_spec()->set_title("large");
    request.mutable_spec()->set_body(std::string(65'536, 'x'));
    pb::AddCommentRequest comment;
    comment.set_ticket_id(Ok(operator_, &Tickets::CreateTicket, request).ticket().ticket_id());
    comment.set_text(std::string(65'000, 'y'));
    for (int i = 0; i < 15; ++i) Ok(operator_, &Tickets::AddComment, comment);
    pb::GetTicketRequest get;
    get.set_ticket_id(comment.ticket_id());
    answer_bytes_ = Ok(operator_, &Tickets::GetTicket, get).ByteSizeLong();
    ASSERT_GT(answer_bytes_, size_t{900} << 10);
    get_ = get.SerializeAsString();
  }

  // A connection that allows the hub to say no word of an answer.
  void AskWithoutReading(RawHttp2* raw, uint32_t calls) {
    constexpr uint16_t kInitialWindow = 4;
    ASSERT_TRUE(raw->Begin({{kInitialWindow, 0}}));
    ASSERT_TRUE(raw->AcknowledgeSettings());
    for (uint32_t i = 0; i < calls; ++i) {
      ASSERT_TRUE(raw->SendCall(2 * i + 1, kGetTicket, get_));
    }
  }
  // Reads until that many streams have ended, without an answer.
  static void AwaitEnds(RawHttp2* raw, size_t count) {
    for (size_t ended = 0; ended < count;) {
      const RawHttp2::Frame frame = raw->Next();
      ASSERT_NE(frame.type, -1) << "after " << ended;
      const bool ends = frame.type == RawHttp2::kReset ||
                        (frame.type == RawHttp2::kHeaders && (frame.flags & RawHttp2::kEndStream));
      if (ends) ++ended;
    }
  }

  size_t answer_bytes_ = 0;
  std::string get_;
};

TEST_F(UnreadAnswersTest, AreBoundedForAConnection) {
  constexpr uint32_t kCalls = 900;
  RawHttp2 raw(hub_.socket_path());
  AskWithoutReading(&raw, kCalls);
  AwaitEnds(&raw, kCalls - UnreadAnswers::kBytesPerConnection / answer_bytes_ - 1);
  // Others have their own.
  operator_.Create("meanwhile");
  EXPECT_EQ(CallRaw(operator_, kGetTicket, get_).response.size(), answer_bytes_);
}

TEST_F(UnreadAnswersTest, AreCutWhenTheyAreNotReadForLong) {
  RawHttp2 raw(hub_.socket_path());
  AskWithoutReading(&raw, 10);
  // Answered, all of them, before time passes.
  for (int answered = 0; answered < 10;) {
    const RawHttp2::Frame frame = raw.Next();
    ASSERT_NE(frame.type, -1);
    if (frame.type == RawHttp2::kHeaders) ++answered;
  }
  hub_.clock().Advance(absl::Seconds(31));
  AwaitEnds(&raw, 10);
}

}  // namespace
}  // namespace coordhub::rpc
