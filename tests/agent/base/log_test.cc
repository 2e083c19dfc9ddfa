#include "agent/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/mutex.h"
#include "agent/base/queued_log_sink.h"
#include "agent/base/session_token.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::base {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Write is called by one thread at a time, so this needs no lock of its own.
struct CapturingSink final : LogSink {
  void Write(LogLevel, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

class LogTest : public testing::Test {
 protected:
  void SetUp() override { SetLogSink(sink_, LogLevel::kInfo); }
  void TearDown() override { ASSERT_TRUE(InitLog({}).ok()); }

  nlohmann::ordered_json Last() {
    return sink_->lines.empty() ? nlohmann::ordered_json()
                                : nlohmann::ordered_json::parse(sink_->lines.back());
  }
  std::shared_ptr<CapturingSink> sink_ = std::make_shared<CapturingSink>();
};

TEST_F(LogTest, ALineIsOneJsonObjectWithItsFieldsInOrder) {
  const std::string target = "unix:/s";
  Log(LogLevel::kInfo, "hub is ready",
      {{"endpoint", target},
       {"revision", int64_t{42}},
       {"tcp", false},
       {"seconds", 0.5},
       {"size", size_t{7}},
       {"name", "x"},
       {"code", 3}});
  ASSERT_EQ(sink_->lines.size(), 1u);
  EXPECT_THAT(sink_->lines[0],
              testing::MatchesRegex(
                  "[{]\"ts\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{6}Z\","
                  "\"level\":\"info\",\"msg\":\"hub is ready\",\"endpoint\":\"unix:/s\","
                  "\"revision\":42,\"tcp\":false,\"seconds\":0.5,\"size\":7,\"name\":\"x\","
                  "\"code\":3[}]"));
}

TEST_F(LogTest, OnlyLinesOfTheLevelAreWritten) {
  Log(LogLevel::kDebug, "chatter");
  EXPECT_THAT(sink_->lines, IsEmpty());
  EXPECT_FALSE(LogEnabled(LogLevel::kDebug));
  EXPECT_TRUE(LogEnabled(LogLevel::kInfo));
  Log(LogLevel::kWarning, "w");
  EXPECT_EQ(Last()["level"], "warning");
  Log(LogLevel::kError, "e");
  EXPECT_EQ(Last()["level"], "error");
  SetLogSink(sink_, LogLevel::kDebug);
  Log(LogLevel::kDebug, "d");
  EXPECT_EQ(Last()["level"], "debug");
}

TEST_F(LogTest, AnyBytesStayInOneLine) {
  Log(LogLevel::kInfo, "two\nlines \"quoted\" \xff", {{"key", "\x1b[31m\r\n\0"}});
  ASSERT_EQ(sink_->lines.size(), 1u);
  EXPECT_EQ(sink_->lines[0].find_first_of("\n\r\x1b"), std::string::npos);
  EXPECT_EQ(Last()["msg"], "two\nlines \"quoted\" \xef\xbf\xbd");
}

TEST_F(LogTest, TokensAreBlottedOutWhereverTheyStand) {
  SystemIdSource ids;
  const std::string uid = ids.NewUid();
  const std::string session = MintSessionToken("key", uid);
  const std::string operator_token = NewOperatorToken(ids);
  Log(LogLevel::kInfo, "token " + session + "!",
      {{"a", operator_token}, {"b", session + operator_token}, {session, "key"}});
  ASSERT_EQ(sink_->lines.size(), 1u);
  EXPECT_THAT(sink_->lines[0], Not(HasSubstr(uid)));
  EXPECT_THAT(sink_->lines[0], Not(HasSubstr(session.substr(40))));
  EXPECT_THAT(sink_->lines[0], Not(HasSubstr(operator_token.substr(10))));
  EXPECT_EQ(Last()["msg"], "token " + session.substr(0, 8) + "…!");
}

TEST(RedactTokens, LeavesOrdinaryTextAlone) {
  for (const char* text : {"", "chs_", "cho_ and chs_", "the chs_prefix means session", "echo_abc",
                           "chs_0123456789abcde", "plain"}) {
    EXPECT_EQ(RedactTokens(text), text);
  }
  EXPECT_EQ(RedactTokens("x chs_0123456789abcdef"), "x chs_0123…");  // cut short, but still
  EXPECT_EQ(RedactTokens("chs_ cho_0123456789abcdef0 chs_0123456789ABCDEF,"),
            "chs_ cho_0123… chs_0123…,");
}

TEST_F(LogTest, ManyThreadsWriteWholeLines) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 250; ++i) Log(LogLevel::kInfo, "line", {{"thread", t}, {"i", i}});
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(sink_->lines.size(), 1000u);
  for (const std::string& line : sink_->lines) {
    EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  }
}

TEST_F(LogTest, NoSinkSwallowsEverything) {
  SetLogSink(nullptr, LogLevel::kDebug);
  Log(LogLevel::kError, "nobody hears this");
}

TEST_F(LogTest, AFileIsAppendedToAndRotated) {
  const TempDir dir;
  const std::string path = dir / "hub.log";
  ASSERT_TRUE(AtomicReplaceFile(path, "before\n", 0600).ok());
  ASSERT_TRUE(
      InitLog({.path = path, .to_stderr = false, .max_file_bytes = 4096, .max_files = 2}).ok());
  Log(LogLevel::kInfo, "first");
  const std::string content = **ReadFile(path, 10'000);
  EXPECT_THAT(content, testing::StartsWith("before\n{\"ts\":"));
  EXPECT_EQ(content.back(), '\n');
  for (int i = 0; i < 200; ++i) Log(LogLevel::kInfo, "fill", {{"i", i}});
  EXPECT_LE((**ReadFile(path, 100'000)).size(), 4096u);
  EXPECT_TRUE((*ReadFile(dir / "hub.1.log", 100'000)).has_value());
  EXPECT_FALSE((*ReadFile(dir / "hub.3.log", 100'000)).has_value());
}

TEST_F(LogTest, PeopleReadOneLineOnStandardError) {
  ASSERT_TRUE(InitLog({}).ok());
  testing::internal::CaptureStderr();
  Log(LogLevel::kWarning, "two\nlines \x1b[31m",
      {{"n", 3}, {"name", "x"}, {"text", "a b"}, {"none", ""}, {"ok", true}, {"half", 0.5}});
  Log(LogLevel::kDebug, "chatter");
  Log(LogLevel::kInfo, MintSessionToken("key", SystemIdSource().NewUid()));
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(
      text, testing::MatchesRegex("[0-9-]{10} [0-9:]{8}[.][0-9]{3} warning: two lines  n=3 name=x "
                                  "text=\"a b\" none=\"\" ok=true half=0.5\n"
                                  "[0-9-]{10} [0-9:]{8}[.][0-9]{3} info: chs_[0-9a-f]{4}…\n"));
}

TEST_F(LogTest, TheFileMayStandAloneOrBesideStandardError) {
  const TempDir dir;
  testing::internal::CaptureStderr();
  ASSERT_TRUE(InitLog({.path = dir / "hub.log", .to_stderr = false}).ok());
  Log(LogLevel::kInfo, "one");
  ASSERT_TRUE(InitLog({.path = dir / "hub.log"}).ok());
  Log(LogLevel::kInfo, "two");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::EndsWith(" info: two\n"));
  const std::string content = **ReadFile(dir / "hub.log", 10'000);
  EXPECT_THAT(content, HasSubstr("\"one\""));
  EXPECT_THAT(content, HasSubstr("\"two\""));
}

TEST_F(LogTest, WhatTheFileDoesNotTakeGoesToStandardError) {
  const TempDir dir;
  ASSERT_TRUE(InitLog({.path = dir / "hub.log", .to_stderr = false}).ok());
  std::filesystem::remove(dir / "hub.log");
  std::filesystem::create_symlink("/dev/null", dir / "hub.log");
  testing::internal::CaptureStderr();
  Log(LogLevel::kInfo, "one");
  Log(LogLevel::kInfo, "two");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, testing::StartsWith("the log goes to standard error: cannot write "));
  EXPECT_THAT(text, HasSubstr("\"one\""));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsToldAndTheLogStays) {
  const TempDir dir;
  std::string blocked = dir / "file";
  ASSERT_TRUE(AtomicReplaceFile(blocked, "", 0600).ok());
  const absl::Status status = InitLog({.path = blocked + "/hub.log"});
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_IO_FAILED);
  EXPECT_EQ(MetadataOf(status, "path"), blocked + "/hub.log");
  Log(LogLevel::kInfo, "still here");
  EXPECT_EQ(Last()["msg"], "still here");
}

class Gate {
 public:
  void Open() {
    MutexLock lock(&mu_);
    is_open_ = true;
    opened_.SignalAll();
  }
  void Await() {
    MutexLock lock(&mu_);
    while (!is_open_) opened_.Wait(&mu_);
  }

 private:
  Mutex mu_;
  CondVar opened_;
  bool is_open_ ABSL_GUARDED_BY(mu_) = false;
};

// Takes nothing until it is opened.
struct BlockedSink final : LogSink {
  void Write(LogLevel, std::string_view line) override {
    entered.Open();
    open.Await();
    lines.emplace_back(line);
  }
  Gate entered;
  Gate open;
  std::vector<std::string> lines;
};

class QueuedLogSinkTest : public testing::Test {
 protected:
  ~QueuedLogSinkTest() override { blocked_->open.Open(); }

  void Log(const std::string& line) { queued_.Write(LogLevel::kInfo, line); }

  std::shared_ptr<BlockedSink> blocked_ = std::make_shared<BlockedSink>();
  QueuedLogSink queued_{blocked_, [](size_t count) { return absl::StrCat(count, " lost"); }};
};

TEST_F(QueuedLogSinkTest, NobodyWaitsForASinkThatHangsAndNothingIsReordered) {
  std::vector<std::string> expected;
  for (int i = 0; i < 1000; ++i) {
    expected.push_back(absl::StrCat("line ", i));
    Log(expected.back());
  }
  EXPECT_FALSE(queued_.Flush(absl::ZeroDuration()));
  blocked_->open.Open();
  EXPECT_TRUE(queued_.Flush(absl::InfiniteDuration()));
  EXPECT_EQ(blocked_->lines, expected);
}

TEST_F(QueuedLogSinkTest, ItsMemoryIsBoundedAndWhatIsLostIsCounted) {
  Log("first");
  blocked_->entered.Await();  // with the sink, and not in the queue any more
  const std::string line(QueuedLogSink::kMaxBytes / 4, 'x');
  for (int i = 0; i < 7; ++i) Log(line);
  blocked_->open.Open();
  EXPECT_TRUE(queued_.Flush(absl::InfiniteDuration()));
  EXPECT_THAT(blocked_->lines, testing::ElementsAre("first", line, line, line, line, "3 lost"));
  Log("room again");
  EXPECT_TRUE(queued_.Flush(absl::InfiniteDuration()));
  EXPECT_EQ(blocked_->lines.back(), "room again");
}

TEST_F(LogTest, InTheBackgroundEverythingIsWrittenOnceItIsFlushed) {
  const TempDir dir;
  ASSERT_TRUE(InitLog({.path = dir / "hub.log", .to_stderr = false, .in_background = true}).ok());
  for (int i = 0; i < 100; ++i) Log(LogLevel::kInfo, "line", {{"i", i}});
  ASSERT_TRUE(FlushLog(absl::InfiniteDuration()));
  const std::string content = **ReadFile(dir / "hub.log", 100'000);
  EXPECT_EQ(std::count(content.begin(), content.end(), '\n'), 100);
  EXPECT_THAT(content, HasSubstr("\"i\":99"));
}

}  // namespace
}  // namespace coordhub::base
