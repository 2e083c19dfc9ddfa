// The client against a real wire: connections that break, hubs that go and come back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "agent/base/unique_fd.h"
#include "agent/client/client.h"
#include "agent/client/proto_time.h"
#include "agent/client/session.h"
#include "agent/client/watch.h"
#include "tests/agent/client/fake_hub.h"

namespace coordhub::agent {
namespace {

using ::testing::ElementsAre;

class TempDir {
 public:
  TempDir() {
    std::string pattern = testing::TempDir() + "/wireXXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Notes what is delivered, and lets a test wait for it.
class Recorder final : public WatchHandler {
 public:
  void OnEvent(const pb::Event& event) override { Note(event.revision()); }
  void OnSnapshot(const pb::SnapshotChunk& chunk) override { Note(-chunk.revision()); }
  void OnReset(WatchReset reset, const absl::Status&) override {
    base::MutexLock lock(&mu_);
    resets_.push_back(reset);
  }
  void OnEnd(const absl::Status& why) override {
    base::MutexLock lock(&mu_);
    end_ = why;
  }

  void AwaitSeen(size_t count) {
    base::MutexLock lock(&mu_);
    while (seen_.size() < count) changed_.Wait(&mu_);
  }
  std::vector<int64_t> seen() {
    base::MutexLock lock(&mu_);
    return seen_;
  }
  std::vector<WatchReset> resets() {
    base::MutexLock lock(&mu_);
    return resets_;
  }
  absl::Status end() {
    base::MutexLock lock(&mu_);
    return end_;
  }

 private:
  void Note(int64_t revision) {
    base::MutexLock lock(&mu_);
    seen_.push_back(revision);
    changed_.SignalAll();
  }
  base::Mutex mu_;
  base::CondVar changed_;
  std::vector<int64_t> seen_ ABSL_GUARDED_BY(mu_);
  std::vector<WatchReset> resets_ ABSL_GUARDED_BY(mu_);
  absl::Status end_ ABSL_GUARDED_BY(mu_);
};

std::vector<int64_t> UpTo(int64_t last) {
  std::vector<int64_t> revisions;
  for (int64_t r = 1; r <= last; ++r) revisions.push_back(r);
  return revisions;
}

class WireTest : public testing::Test {
 protected:
  WireTest() : hub_(dir_ / "a.sock"), client_(Connect()) { hub_.Start(); }

  Client Connect() {
    ClientOptions options;
    options.endpoint = hub_.endpoint();
    options.resolve = [this]() -> absl::StatusOr<std::string> {
      base::MutexLock lock(&mu_);
      return moved_to_.empty() ? "unix:" + (dir_ / "a.sock") : moved_to_;
    };
    options.timeout = absl::Seconds(60);
    options.retry.backoff.initial = absl::Milliseconds(5);
    options.retry.backoff.max = absl::Milliseconds(20);
    return *Client::Connect(options);
  }
  void SayItMovedTo(const std::string& endpoint) {
    base::MutexLock lock(&mu_);
    moved_to_ = endpoint;
  }
  absl::StatusOr<pb::CompleteTicketResponse> Complete() {
    pb::CompleteTicketRequest request;
    request.set_ticket_id("T-1");
    return client_.CompleteTicket(request);
  }

  TempDir dir_;
  base::Mutex mu_;
  std::string moved_to_ ABSL_GUARDED_BY(mu_);
  FakeHub hub_;
  Client client_;
};

TEST_F(WireTest, ACallWhoseAnswerIsLostHasTheEffectOfOne) {
  hub_.LoseAnswers(3);
  const auto response = Complete();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->ticket().ticket_id(), "T-1");
  EXPECT_EQ(hub_.completions(), 1);
  EXPECT_EQ(hub_.session_tokens().size(), 4u);
}

TEST_F(WireTest, ACallOutlivesARestartOfTheHub) {
  ASSERT_TRUE(Complete().ok());
  hub_.Kill();
  std::thread restarts([this] { hub_.Start(); });
  const auto response = Complete();
  restarts.join();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(hub_.completions(), 2);
}

TEST_F(WireTest, ACallFindsAHubThatCameBackElsewhere) {
  ASSERT_TRUE(Complete().ok());
  hub_.Kill();
  hub_.StartAt(dir_ / "b.sock");
  SayItMovedTo(hub_.endpoint());
  const auto response = Complete();
  ASSERT_TRUE(response.ok()) << response.status();
}

TEST_F(WireTest, AnyPathWillDoForASocket) {
  FakeHub odd(dir_ / "C# 100%41 ü?.sock");
  odd.Start();
  ClientOptions options;
  options.endpoint = odd.endpoint();
  const auto response = Client::Connect(options)->CompleteTicket({});
  EXPECT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(odd.completions(), 1);
}

TEST_F(WireTest, WithoutAHubACallSaysWhereItLooked) {
  hub_.Kill();
  ClientOptions options;
  options.endpoint = hub_.endpoint();
  options.timeout = absl::Seconds(2);  // for one attempt at the least; it waits for all of it
  const auto response = Client::Connect(options)->GetHub({});
  EXPECT_EQ(base::ReasonOf(response.status()), pb::ERROR_REASON_HUB_UNREACHABLE);
  EXPECT_EQ(base::MetadataOf(response.status(), "endpoint"), hub_.endpoint());
}

TEST_F(WireTest, TheTokenTravelsWithEachCallOfItsClient) {
  const Client a = client_.As({.session_token = "chs_a"});
  const Client b = client_.As({.session_token = "chs_b"});
  ASSERT_TRUE(a.CompleteTicket({}).ok());
  ASSERT_TRUE(b.CompleteTicket({}).ok());
  ASSERT_TRUE(a.CompleteTicket({}).ok());
  EXPECT_THAT(hub_.session_tokens(), ElementsAre("chs_a", "chs_b", "chs_a"));
}

TEST_F(WireTest, ShutdownEndsAWatchAndRefusesCalls) {
  Recorder recorder;
  Watch watch(client_, {.start = WatchOptions::Start::kNow}, &recorder);
  hub_.AwaitWatches(1);
  client_.Shutdown();
  watch.Join();
  EXPECT_EQ(Complete().status().code(), absl::StatusCode::kCancelled);
}

TEST_F(WireTest, AWatchGoesOnAfterEveryBreakWithoutGapOrRepetition) {
  hub_.Append(10);
  Recorder recorder;
  hub_.BreakNextWatchAfter(2, base::MakeError(pb::ERROR_REASON_HUB_DRAINING, "stopping"));
  Watch watch(client_, {.start = WatchOptions::Start::kAfter}, &recorder);
  for (int i = 0; i < 20; ++i) {
    hub_.AwaitWatches(i + 1);
    // Streams break in the midst of commits: one of seven events takes three responses.
    hub_.Append(7);
    hub_.BreakNextWatchAfter(i % 4, base::MakeError(pb::ERROR_REASON_SLOW_WATCHER, "slow"));
    hub_.Kill();
    hub_.Start();
  }
  recorder.AwaitSeen(150);
  watch.Stop();
  EXPECT_EQ(recorder.seen(), UpTo(150));
  EXPECT_EQ(watch.position().revision, 150);
  EXPECT_TRUE(recorder.resets().empty());
}

TEST_F(WireTest, AWatchResumesInsideACommitThatBrokeOff) {
  Recorder recorder;
  hub_.Append(8);
  hub_.BreakNextWatchAfter(2, absl::UnavailableError("gone"));  // after the first three events
  Watch watch(client_, {.start = WatchOptions::Start::kAfter}, &recorder);
  recorder.AwaitSeen(8);
  watch.Stop();
  EXPECT_EQ(recorder.seen(), UpTo(8));
  const auto requests = hub_.watch_requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].after_revision(), 3);
  EXPECT_EQ(requests[1].log_id(), "log-1");
}

TEST_F(WireTest, AWatchSaysWhenItsPlaceIsCompactedAndBeginsWithASnapshot) {
  Recorder recorder;
  hub_.Append(5);
  Watch watch(client_, {.start = WatchOptions::Start::kAfter}, &recorder);
  recorder.AwaitSeen(5);
  hub_.Kill();
  hub_.Append(5);
  hub_.Compact(9);
  hub_.Start();
  recorder.AwaitSeen(6);  // the snapshot at 10
  hub_.Append(1);
  recorder.AwaitSeen(7);
  watch.Stop();
  EXPECT_THAT(recorder.resets(), ElementsAre(WatchReset::kCompacted));
  EXPECT_THAT(recorder.seen(), ElementsAre(1, 2, 3, 4, 5, -10, 11));
}

TEST_F(WireTest, AWatchEndsWhenItsPlaceIsCompactedIfThatIsWanted) {
  hub_.Append(5);
  hub_.Compact(4);
  Recorder recorder;
  Watch watch(client_,
              {.start = WatchOptions::Start::kAfter,
               .after = {.log_id = "", .revision = 1},
               .snapshot_on_reset = false},
              &recorder);
  watch.Join();
  EXPECT_EQ(base::ReasonOf(recorder.end()), pb::ERROR_REASON_REVISION_COMPACTED);
  EXPECT_TRUE(recorder.seen().empty());
}

TEST_F(WireTest, AWatchGivesUpAHubThatWasNeverThere) {
  hub_.Kill();
  Recorder recorder;
  Watch watch(client_,
              {.start = WatchOptions::Start::kNow, .connect_timeout = absl::ZeroDuration()},
              &recorder);
  watch.Join();
  EXPECT_EQ(base::ReasonOf(recorder.end()), pb::ERROR_REASON_HUB_UNREACHABLE);
}

// Somebody accepts the connection, and then nothing comes: a hub that is stopped (SIGSTOP).
class FrozenHub {
 public:
  explicit FrozenHub(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd_.get(), 8), 0);
  }
  void AwaitCaller() { caller_ = base::UniqueFd(accept(fd_.get(), nullptr, nullptr)); }
  // Whether the caller has hung up.
  bool HungUp() const {
    char buffer[4096];
    for (;;) {
      const ssize_t got = recv(caller_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
      if (got <= 0) return got == 0;
    }
  }

 private:
  base::UniqueFd fd_;
  base::UniqueFd caller_;
};

// Not only once the attempt to connect has failed, which takes seconds.
TEST_F(WireTest, AWatchOfAFrozenHubStopsAtOnce) {
  FrozenHub frozen(dir_ / "frozen.sock");
  ClientOptions options;
  options.endpoint = "unix:" + (dir_ / "frozen.sock");
  const auto client = Client::Connect(options);
  ASSERT_TRUE(client.ok());
  Recorder recorder;
  Watch watch(*client, {.start = WatchOptions::Start::kNow}, &recorder);
  frozen.AwaitCaller();
  watch.Stop();
  EXPECT_FALSE(frozen.HungUp());
}

TEST_F(WireTest, AWatchThatIsCancelledBeforeItBeginsEndsSo) {
  const auto stream = client_.connection().transport().Watch({}, {});
  stream->Cancel();
  EXPECT_EQ(stream->Finish().code(), absl::StatusCode::kCancelled);
  const auto read = client_.connection().transport().Watch({}, {});
  read->Cancel();
  pb::WatchEventsResponse response;
  EXPECT_FALSE(read->Read(&response));
  EXPECT_EQ(read->Finish().code(), absl::StatusCode::kCancelled);
}

TEST_F(WireTest, AWatchCanBeStoppedFromWithinItsCallback) {
  class StopsAtThree final : public WatchHandler {
   public:
    void OnEvent(const pb::Event&) override {
      if (++seen == 3) watch.load()->RequestStop();
    }
    std::atomic<Watch*> watch = nullptr;
    std::atomic<int> seen = 0;
  };
  StopsAtThree handler;
  Watch watch(client_, {.start = WatchOptions::Start::kAfter}, &handler);
  handler.watch = &watch;
  hub_.AwaitWatches(1);
  hub_.Append(10);
  watch.Join();
  EXPECT_EQ(handler.seen, 3);
}

class SessionWireTest : public WireTest {
 protected:
  std::unique_ptr<Session> Register(SessionCallbacks callbacks = {}) {
    pb::RegisterAgentRequest request;
    request.set_agent_id("conversation-1");
    *request.mutable_ttl() = ToProto(absl::Seconds(60));
    auto session = Session::Register(client_, request, std::move(callbacks));
    EXPECT_TRUE(session.ok()) << session.status();
    return *std::move(session);
  }
};

TEST_F(SessionWireTest, ActsAsItsAgentAndKeepsItselfAlive) {
  const auto session = Register();
  EXPECT_EQ(session->agent().agent_id(), "conversation-1");
  hub_.AwaitKeepAlives(1);
  EXPECT_TRUE(session->lease_safe());
  EXPECT_GT(session->lease_remaining(), absl::Seconds(30));
  ASSERT_TRUE(session->client().CompleteTicket({}).ok());
  EXPECT_THAT(hub_.session_tokens(), ElementsAre("chs_of_conversation-1"));
}

TEST_F(SessionWireTest, GoesOnWithARestartedHub) {
  const auto session = Register();
  hub_.AwaitKeepAlives(1);
  for (int i = 0; i < 5; ++i) {
    hub_.Kill();
    const int before = hub_.keep_alives();
    hub_.Start();
    hub_.AwaitKeepAlives(before + 1);
  }
  EXPECT_FALSE(session->ended());
  EXPECT_TRUE(session->lease_safe());
}

TEST_F(SessionWireTest, SaysWhenTheHubHasEndedIt) {
  base::Mutex mu;
  base::CondVar changed;
  std::vector<absl::Status> ended;
  hub_.EndSessions();
  const auto session = Register({.on_ended = [&](const absl::Status& status) {
    base::MutexLock lock(&mu);
    ended.push_back(status);
    changed.Signal();
  }});
  {
    base::MutexLock lock(&mu);
    while (ended.empty()) changed.Wait(&mu);
  }
  EXPECT_TRUE(session->ended());
  EXPECT_FALSE(session->lease_safe());
  session->Stop();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(base::ReasonOf(ended[0]), pb::ERROR_REASON_SESSION_ENDED);
}

TEST_F(SessionWireTest, StopsAtOnceWhetherTheHubIsThereOrNot) {
  auto session = Register();
  hub_.AwaitKeepAlives(1);
  session->Stop();
  session->Stop();
  session = Register();
  hub_.Kill();
  session.reset();
}

}  // namespace
}  // namespace coordhub::agent
