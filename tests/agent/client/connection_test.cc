#include "agent/client/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "agent/base/manual_clock.h"
#include "coordhub/v1/ticket_service.pb.h"
#include "tests/agent/client/fake_transport.h"

namespace coordhub::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kMethod[] = "/coordhub.v1.TicketService/CreateTicket";

// Time moves only while a call pauses: on_retry lets the clock run on by the pause.
class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    ClientOptions options;
    options.timeout = absl::Seconds(10);
    options.retry.backoff = {
        .initial = absl::Milliseconds(100), .max = absl::Seconds(1), .multiplier = 2, .jitter = 0};
    options.clock = &clock_;
    options.ids = &ids_;
    options.on_retry = [this](const absl::Status&, absl::Duration delay) {
      pauses_.push_back(delay);
      clock_.Advance(delay);
    };
    auto transport = std::make_unique<FakeTransport>();
    transport_ = transport.get();
    connection_ = std::make_unique<Connection>(options, std::move(transport));
  }

  absl::Status Call(absl::Duration timeout = absl::Seconds(10)) {
    pb::CreateTicketRequest request;
    request.set_request_id("r-1");
    pb::CreateTicketResponse response;
    return connection_->Call(kMethod, request, &response, {.session_token = "chs_x"}, timeout);
  }

  // Fails `failures` times, then succeeds.
  void FailFirst(size_t failures, const absl::Status& status) {
    transport_->answer = [this, failures, status](const FakeTransport::Request&, auto*) {
      return transport_->requests.size() <= failures ? status : absl::OkStatus();
    };
  }

  base::ManualClock clock_;
  base::SequenceIdSource ids_{1};
  std::vector<absl::Duration> pauses_;
  FakeTransport* transport_ = nullptr;
  std::unique_ptr<Connection> connection_;
};

TEST_F(ConnectionTest, TriesAgainWithTheSameBytesUntilTheHubIsBack) {
  FailFirst(3, Unreachable());
  EXPECT_TRUE(Call().ok());
  ASSERT_EQ(transport_->requests.size(), 4u);
  for (const auto& request : transport_->requests) {
    EXPECT_EQ(request.bytes, transport_->requests[0].bytes);
    EXPECT_EQ(request.method, kMethod);
    EXPECT_EQ(request.credentials.session_token, "chs_x");
  }
  EXPECT_THAT(pauses_, ElementsAre(absl::Milliseconds(100), absl::Milliseconds(200),
                                   absl::Milliseconds(400)));
}

TEST_F(ConnectionTest, LooksForTheHubElsewhereBeforeEachNewAttempt) {
  FailFirst(3, Unreachable());
  EXPECT_TRUE(Call().ok());
  EXPECT_EQ(transport_->refreshes, 3);
}

TEST_F(ConnectionTest, AnOverloadedHubIsWhereItWas) {
  FailFirst(2, base::MakeError(pb::ERROR_REASON_OVERLOADED, "busy"));
  EXPECT_TRUE(Call().ok());
  EXPECT_EQ(transport_->refreshes, 0);
}

TEST_F(ConnectionTest, EachAttemptHasOnlyTheTimeThatIsLeft) {
  FailFirst(2, Unreachable());
  EXPECT_TRUE(Call().ok());
  EXPECT_EQ(transport_->requests[0].timeout, absl::Seconds(10));
  EXPECT_EQ(transport_->requests[1].timeout, absl::Milliseconds(9900));
  EXPECT_EQ(transport_->requests[2].timeout, absl::Milliseconds(9700));
}

TEST_F(ConnectionTest, WaitsAsLongAsTheHubAdvises) {
  FailFirst(1, base::WithRetryDelay(base::MakeError(pb::ERROR_REASON_OVERLOADED, "busy"),
                                    absl::Seconds(3)));
  EXPECT_TRUE(Call().ok());
  EXPECT_THAT(pauses_, ElementsAre(absl::Seconds(3)));
}

TEST_F(ConnectionTest, GivesUpInTimeWithTheLastErrorAndItsReason) {
  FailFirst(1000, Unreachable());
  const absl::Status status = Call(absl::Seconds(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(base::ReasonOf(status), pb::ERROR_REASON_HUB_UNREACHABLE);
  EXPECT_EQ(base::MetadataOf(status, "endpoint"), "unix:/x");
  // The pause that would have gone beyond the end is shortened to leave time for one more attempt.
  EXPECT_THAT(std::string(status.message()), HasSubstr("gave up after 5 attempts in 900ms"));
  ASSERT_EQ(transport_->requests.size(), 5u);
  EXPECT_EQ(transport_->requests[4].timeout, absl::Milliseconds(50));
}

TEST_F(ConnectionTest, AnAttemptThatRanOutOfItsLastMomentSaysWhatTheOneBeforeSaid) {
  transport_->answer = [this](const FakeTransport::Request&, auto*) {
    return transport_->requests.size() < 5 ? Unreachable()
                                           : absl::DeadlineExceededError("too late");
  };
  EXPECT_EQ(base::ReasonOf(Call(absl::Seconds(1))), pb::ERROR_REASON_HUB_UNREACHABLE);
}

TEST_F(ConnectionTest, DoesNotTryAgainBeforeTheHubAdvisesEvenIfThatIsTooLate) {
  FailFirst(1000, base::WithRetryDelay(base::MakeError(pb::ERROR_REASON_OVERLOADED, "busy"),
                                       absl::Seconds(30)));
  EXPECT_EQ(base::ReasonOf(Call()), pb::ERROR_REASON_OVERLOADED);
  EXPECT_EQ(transport_->requests.size(), 1u);
}

TEST_F(ConnectionTest, ARefusalIsFinal) {
  FailFirst(1000, base::MakeError(pb::ERROR_REASON_CLAIM_SUPERSEDED, "gone", {{"holder", "b"}}));
  const absl::Status status = Call();
  EXPECT_EQ(base::ReasonOf(status), pb::ERROR_REASON_CLAIM_SUPERSEDED);
  EXPECT_EQ(status.message(), "gone");
  EXPECT_EQ(transport_->requests.size(), 1u);
}

TEST_F(ConnectionTest, ShutdownEndsAPauseAndTheCall) {
  ClientOptions options;
  options.clock = &clock_;  // stands still: the pause would last for ever
  options.ids = &ids_;
  base::Mutex mu;
  base::CondVar paused;
  bool pausing = false;
  options.on_retry = [&](const absl::Status&, absl::Duration) {
    base::MutexLock lock(&mu);
    pausing = true;
    paused.Signal();
  };
  auto transport = std::make_unique<FakeTransport>();
  FakeTransport* raw = transport.get();
  raw->answer = [](const FakeTransport::Request&, auto*) { return Unreachable(); };
  Connection connection(options, std::move(transport));
  absl::Status status;
  std::thread caller([&] {
    pb::CreateTicketResponse response;
    status = connection.Call(kMethod, pb::CreateTicketRequest(), &response, {}, absl::Hours(1));
  });
  {
    base::MutexLock lock(&mu);
    while (!pausing) paused.Wait(&mu);
  }
  connection.Shutdown();
  caller.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(raw->shut_down);
}

}  // namespace
}  // namespace coordhub::agent
