#include "hub/operations/gate_log.h"

#include "gtest/gtest.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::operations {
namespace {

class GateLogTest : public ::testing::Test {
 protected:
  GateLog::Text Read() const {
    const auto text = GateLog::Read(path_);
    EXPECT_TRUE(text.ok()) << text.status();
    return text.ok() ? *text : GateLog::Text();
  }

  base::TempDir dir_;
  const std::string path_ = dir_ / "log";
};

TEST_F(GateLogTest, KeepsTheLastPartAndSaysWhatIsMissing) {
  GateLog log(path_);
  std::string all;
  // Pieces of all sizes, some larger than what is kept.
  for (size_t size = 1; size < 4 * GateLog::kKeptBytes; size = size * 3 + 1) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    log.Append(piece);
    all += piece;
    ASSERT_TRUE(log.Flush().ok());
    const size_t kept = std::min(all.size(), GateLog::kKeptBytes);
    const GateLog::Text read = Read();
    EXPECT_EQ(read.text, all.substr(all.size() - kept));
    EXPECT_EQ(read.omitted_bytes, static_cast<int64_t>(all.size() - kept));
  }
}

TEST_F(GateLogTest, WhatIsNotThereIsNothing) {
  EXPECT_EQ(Read().text, "");
  GateLog log(path_);
  ASSERT_TRUE(log.Flush().ok());
  EXPECT_EQ(Read().text, "");
  EXPECT_EQ(log.LastLine(100), "");
}

TEST_F(GateLogTest, WhatIsReadIsValidText) {
  GateLog log(path_);
  log.Append("omitted 7\na\xff\n");
  ASSERT_TRUE(log.Flush().ok());
  EXPECT_EQ(Read().text, "omitted 7\na\xef\xbf\xbd\n");
  EXPECT_EQ(Read().omitted_bytes, 0);
}

TEST_F(GateLogTest, TheLastLineIsTheLastThatSaysSomething) {
  GateLog log(path_);
  log.Append("first\nsecond\n \n\n");
  EXPECT_EQ(log.LastLine(100), "second");
  log.Append("third");
  EXPECT_EQ(log.LastLine(100), "third");
  log.Append(std::string(1000, 'x'));
  EXPECT_EQ(log.LastLine(10).size(), 10u);
}

}  // namespace
}  // namespace coordhub::operations
