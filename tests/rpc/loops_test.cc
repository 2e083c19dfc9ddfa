// The loops over the wire: the four calls, health, and what the log says of calls.
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/log.h"
#include "agent/base/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/rpc/hub_fixture.h"
#include "tests/rpc/raw_stream.h"

namespace coordhub::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Hub = pb::HubService::Stub;

constexpr absl::Duration kPatience = absl::Seconds(30);
// Real time; longer than any step that is not meant to hang.
constexpr char kHealthWatch[] = "/grpc.health.v1.Health/Watch";

// A loop that hangs or fails when it is told to.
class Switch {
 public:
  void Hang(bool hangs) {
    base::MutexLock lock(&mu_);
    hangs_ = hangs;
    changed_.SignalAll();
  }
  void Fail(bool fails) {
    base::MutexLock lock(&mu_);
    fails_ = fails;
  }
  bool WaitUntilHanging() {
    base::MutexLock lock(&mu_);
    while (!hanging_) {
      if (changed_.WaitWithTimeout(&mu_, kPatience)) return false;
    }
    return true;
  }
  loops::Outcome Step() {
    base::MutexLock lock(&mu_);
    hanging_ = hangs_;
    changed_.SignalAll();
    while (hangs_) changed_.Wait(&mu_);
    hanging_ = false;
    return {.status = fails_ ? absl::InternalError("the disk is gone") : absl::OkStatus()};
  }

 private:
  base::Mutex mu_;
  base::CondVar changed_;
  bool hangs_ ABSL_GUARDED_BY(mu_) = false;
  bool hanging_ ABSL_GUARDED_BY(mu_) = false;
  bool fails_ ABSL_GUARDED_BY(mu_) = false;
};

class SwitchedLoop final : public loops::Loop {
 public:
  explicit SwitchedLoop(Switch* lever) : lever_(*lever) {}
  loops::Outcome Step(loops::Cause) override { return lever_.Step(); }

 private:
  Switch& lever_;
};

class CapturingSink final : public base::LogSink {
 public:
  void Write(base::LogLevel, std::string_view line) override {
    base::MutexLock lock(&mu_);
    lines_.push_back(nlohmann::json::parse(line));
    text_ += std::string(line) + "\n";
  }
  std::string text() {
    base::MutexLock lock(&mu_);
    return text_;
  }
  // The last line of this message, and of this loop unless it is empty; null: none.
  nlohmann::json Last(const std::string& message, const std::string& loop = "") {
    base::MutexLock lock(&mu_);
    for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {
      if ((*line)["msg"] == message && (loop.empty() || (*line)["loop"] == loop)) return *line;
    }
    return {};
  }

 private:
  base::Mutex mu_;
  std::vector<nlohmann::json> lines_ ABSL_GUARDED_BY(mu_);
  std::string text_ ABSL_GUARDED_BY(mu_);
};

class LoopsTest : public ::testing::Test {
 protected:
  LoopsTest() {
    base::SetLogSink(log_, base::LogLevel::kDebug);
    HubSpec spec;
    spec.add_loops = [this](loops::LoopRunner* runner) {
      runner->Add({"comms", "Communication Daemon", absl::Seconds(15),
                   std::make_unique<SwitchedLoop>(&comms_)});
      runner->Add({"coordinator", "Conversation Coordinator", absl::Seconds(30),
                   std::make_unique<SwitchedLoop>(&coordinator_)});
      runner->Add({"monitor", "Background Monitor", absl::Seconds(60),
                   std::make_unique<SwitchedLoop>(&monitor_)});
    };
    hub_ = std::make_unique<TestHub>(std::move(spec));
    client_ = std::make_unique<Client>(hub_->OnSocket());
  }
  ~LoopsTest() override {
    monitor_.Hang(false);
    hub_.reset();
    base::SetLogSink(nullptr, base::LogLevel::kInfo);
  }

  template <class Request, class Response>
  grpc::Status Call(grpc::Status (Hub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const std::string& loop_id, Response* response) {
    Request request;
    request.set_loop_id(loop_id);
    return client_->Call(method, request, response);
  }
  pb::Loop Step(const std::string& loop_id) {
    pb::StepLoopResponse response;
    const grpc::Status status = Call(&Hub::StepLoop, loop_id, &response);
    EXPECT_TRUE(status.ok()) << FromGrpc(status);
    return response.loop();
  }
  pb::ListLoopsResponse List(int page_size = 0, const std::string& token = "") {
    pb::ListLoopsRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    pb::ListLoopsResponse response;
    const grpc::Status status = client_->Call(&Hub::ListLoops, request, &response);
    EXPECT_TRUE(status.ok()) << FromGrpc(status);
    return response;
  }
  pb::Loop::State StateOf(const std::string& loop_id) {
    const pb::ListLoopsResponse list = List();
    for (const pb::Loop& loop : list.loops()) {
      if (loop.loop_id() == loop_id) return loop.state();
    }
    return pb::Loop::STATE_UNSPECIFIED;
  }

  std::shared_ptr<CapturingSink> log_ = std::make_shared<CapturingSink>();
  Switch comms_;
  Switch coordinator_;
  Switch monitor_;
  std::unique_ptr<TestHub> hub_;
  std::unique_ptr<Client> client_;
};

TEST_F(LoopsTest, AreListedInPages) {
  EXPECT_EQ(Step("monitor").health_service(), "coordhub.loop.monitor");
  const pb::ListLoopsResponse all = List();
  ASSERT_EQ(all.loops_size(), 3);
  EXPECT_EQ(all.loops(0).loop_id(), "comms");
  EXPECT_EQ(all.loops(2).title(), "Background Monitor");
  EXPECT_EQ(all.loops(2).interval().seconds(), 60);
  EXPECT_EQ(all.loops(2).state(), pb::Loop::STATE_RUNNING);
  EXPECT_GE(all.loops(2).step_count(), 1);
  EXPECT_EQ(all.next_page_token(), "");
  const pb::ListLoopsResponse first = List(2);
  ASSERT_EQ(first.loops_size(), 2);
  const pb::ListLoopsResponse second = List(2, first.next_page_token());
  ASSERT_EQ(second.loops_size(), 1);
  EXPECT_EQ(second.loops(0).loop_id(), "monitor");
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(LoopsTest, ASessionMayLookButNotTouch) {
  client_->Register("conversation-1");
  EXPECT_EQ(List().loops_size(), 3);
  pb::PauseLoopResponse response;
  EXPECT_EQ(ReasonOf(Call(&Hub::PauseLoop, "monitor", &response)),
            pb::ERROR_REASON_OPERATOR_REQUIRED);
  EXPECT_EQ(StateOf("monitor"), pb::Loop::STATE_RUNNING);
}

TEST_F(LoopsTest, PauseStepAndResume) {
  pb::PauseLoopResponse paused;
  ASSERT_TRUE(Call(&Hub::PauseLoop, "monitor", &paused).ok());
  EXPECT_EQ(paused.loop().state(), pb::Loop::STATE_PAUSED);
  EXPECT_EQ(log_->Last("the operator paused a loop")["loop"], "monitor");
  const pb::Loop stepped = Step("monitor");
  EXPECT_EQ(stepped.state(), pb::Loop::STATE_PAUSED);
  EXPECT_GE(stepped.step_count(), 1);
  pb::ResumeLoopResponse resumed;
  ASSERT_TRUE(Call(&Hub::ResumeLoop, "monitor", &resumed).ok());
  EXPECT_EQ(resumed.loop().state(), pb::Loop::STATE_RUNNING);
  EXPECT_EQ(resumed.loop().health_service(), "coordhub.loop.monitor");
}

TEST_F(LoopsTest, AStepThatFailsIsToldInTheLoop) {
  Step("comms");
  comms_.Fail(true);
  const pb::Loop failed = Step("comms");
  EXPECT_EQ(failed.state(), pb::Loop::STATE_FAILED);
  EXPECT_EQ(failed.last_error(), "the disk is gone");
  EXPECT_EQ(failed.failure_count(), 1);
  comms_.Fail(false);
  EXPECT_EQ(Step("comms").state(), pb::Loop::STATE_RUNNING);
}

TEST_F(LoopsTest, AHangIsSeenInListHealthAndLogWhileTheHubServesOn) {
  RawStream health(*client_, kHealthWatch);
  health.Send(HealthRequest("coordhub.loop.monitor"));
  EXPECT_EQ(health.Next(), kServing);
  // Before each move of the clock the loops that do not hang are through with their steps: time
  // that passes in the midst of one counts as a hang.
  Step("monitor");
  Step("comms");
  Step("coordinator");
  monitor_.Hang(true);
  hub_->AdvanceLoops(absl::Seconds(60));
  ASSERT_TRUE(monitor_.WaitUntilHanging());
  Step("comms");
  Step("coordinator");
  EXPECT_EQ(StateOf("monitor"), pb::Loop::STATE_RUNNING);
  hub_->AdvanceLoops(absl::Seconds(60));  // the second interval
  EXPECT_EQ(StateOf("monitor"), pb::Loop::STATE_STALLED);
  EXPECT_EQ(health.Next(), kNotServing);

  pb::StepLoopResponse response;
  const grpc::Status refused = Call(&Hub::StepLoop, "monitor", &response);
  EXPECT_EQ(ReasonOf(refused), pb::ERROR_REASON_LOOP_STATE);
  EXPECT_EQ(MetadataOf(refused, "loop"), "monitor");
  EXPECT_EQ(MetadataOf(refused, "state"), "STALLED");
  EXPECT_EQ(client_->Create("work").ticket_id(), "T-1");
  EXPECT_EQ(Step("comms").state(), pb::Loop::STATE_RUNNING);
  EXPECT_EQ(log_->Last("a loop's state changed", "monitor")["state"], "STALLED");

  monitor_.Hang(false);
  EXPECT_EQ(health.Next(), kServing);
  EXPECT_EQ(StateOf("monitor"), pb::Loop::STATE_RUNNING);
}

TEST_F(LoopsTest, EachOfManyWatchersOfHealthIsToldOfEachChange) {
  std::vector<std::unique_ptr<RawStream>> watches;
  for (int i = 0; i < 20; ++i) {
    watches.push_back(std::make_unique<RawStream>(*client_, kHealthWatch));
    watches.back()->Send(HealthRequest("coordhub.loop.comms"));
    EXPECT_EQ(watches.back()->Next(), kServing);
  }
  watches.erase(watches.begin());  // one leaves before
  comms_.Fail(true);
  Step("comms");
  for (const auto& watch : watches) EXPECT_EQ(watch->Next(), kNotServing);
  Step("comms");  // again: no change
  comms_.Fail(false);
  Step("comms");
  for (const auto& watch : watches) EXPECT_EQ(watch->Next(), kServing);
}

TEST_F(LoopsTest, AStepEndsForItsCallerWithTheCallsDeadline) {
  Step("monitor");
  monitor_.Hang(true);
  const auto context = client_->Context();
  context->set_deadline(absl::ToChronoTime(absl::Now() + absl::Milliseconds(200)));
  pb::StepLoopRequest request;
  request.set_loop_id("monitor");
  pb::StepLoopResponse response;
  const grpc::Status status = Hub(client_->channel()).StepLoop(context.get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(List().loops_size(), 3);
}

TEST_F(LoopsTest, AStepThatIsWaitedForDoesNotHoldUpTheDrain) {
  Step("monitor");
  monitor_.Hang(true);
  std::thread waiting([&] {
    pb::StepLoopResponse response;
    EXPECT_EQ(ReasonOf(Call(&Hub::StepLoop, "monitor", &response)), pb::ERROR_REASON_HUB_DRAINING);
  });
  ASSERT_TRUE(monitor_.WaitUntilHanging());
  hub_->server().Shutdown(absl::Hours(1));
  waiting.join();
}

TEST(LoopsOfSeveralWorkspacesTest, HaveTheirWorkspaceInTheirName) {
  TestHub hub({.workspaces = {"app", "lib"}});
  const Client client = hub.OnSocket(1);
  pb::ListLoopsResponse response;
  ASSERT_TRUE(client.Call(&Hub::ListLoops, pb::ListLoopsRequest(), &response).ok());
  ASSERT_EQ(response.loops_size(), 2);
  EXPECT_EQ(response.loops(1).health_service(), "coordhub.loop.lib.monitor");
  for (const char* service : {"coordhub.loop.lib.monitor", "coordhub.loop.app.comms"}) {
    RawStream health(client, "/grpc.health.v1.Health/Check");
    health.Send(HealthRequest(service));
    EXPECT_EQ(health.Next(), kServing) << service;
  }
}

TEST_F(LoopsTest, TheLogNamesCallsAndRefusalsButNoTokens) {
  client_->Register("conversation-1");
  pb::CreateTicketRequest request;
  request.set_request_id("my-request");
  request.mutable_spec()->set_title("a secret title");
  pb::CreateTicketResponse created;
  ASSERT_TRUE(client_->Call(&pb::TicketService::Stub::CreateTicket, request, &created).ok());
  const nlohmann::json call = log_->Last("call");
  EXPECT_EQ(call["level"], "debug");
  EXPECT_EQ(call["method"], "CreateTicket");
  EXPECT_EQ(call["caller"], "conversation-1");
  EXPECT_EQ(call["workspace"], "main");
  EXPECT_EQ(call["request_id"], "my-request");
  EXPECT_EQ(call["revision"], 2);

  pb::PauseLoopResponse response;
  EXPECT_FALSE(Call(&Hub::PauseLoop, "monitor", &response).ok());
  const nlohmann::json refused = log_->Last("refused call");
  EXPECT_EQ(refused["level"], "info");
  EXPECT_EQ(refused["method"], "PauseLoop");
  EXPECT_EQ(refused["reason"], "OPERATOR_REQUIRED");

  Client forger = hub_->OnTcp();
  forger.set_session("chs_" + std::string(32, 'a') + "_" + std::string(64, 'b'));
  pb::GetHubResponse hub;
  EXPECT_FALSE(forger.Call(&Hub::GetHub, pb::GetHubRequest(), &hub).ok());
  EXPECT_EQ(log_->Last("refused call")["reason"], "TOKEN_INVALID");
  EXPECT_EQ(log_->Last("refused call")["caller"], "unknown");

  EXPECT_THAT(log_->text(), Not(HasSubstr("chs_")));
  EXPECT_THAT(log_->text(), Not(HasSubstr("cho_")));
  EXPECT_THAT(log_->text(), Not(HasSubstr("a secret title")));
}

}  // namespace
}  // namespace coordhub::rpc
