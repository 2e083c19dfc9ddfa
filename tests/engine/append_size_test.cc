// What the writer appends at once is bounded by what the journal takes.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/engine/writer_harness.h"

namespace coordhub::engine {
namespace {

using ReplyPtr = WriterHarness::ReplyPtr;
constexpr size_t kMost = 16 << 10;
constexpr int kCalls = 100;

class AppendSizeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    hub_.journal_->max_append = kMost;
    hub_.journal_->on_append = [this](absl::Span<const journal::Entry> entries) {
      size_t bytes = 0;
      for (const journal::Entry& entry : entries) bytes += journal::SizeOf(entry);
      EXPECT_LE(bytes, kMost);
      EXPECT_EQ(entries.back().revision, entries.back().commit_revision);
      return static_cast<int>(appended_.size()) == fails_ ? failure_ : Note(bytes);
    };
  }
  absl::Status Note(size_t bytes) {
    appended_.push_back(bytes);
    return absl::OkStatus();
  }
  // One batch of so many calls, together several times what one append may hold.
  std::vector<ReplyPtr> RunBatch() {
    std::vector<ReplyPtr> replies;
    for (int i = 0; i < kCalls; ++i) {
      v1::CreateTicketRequest request = Create(std::string(500, 'x'));
      request.set_request_id("request " + std::to_string(i));
      replies.push_back(hub_.Add(CommandOf(Operator(), request)));
    }
    hub_.Run();
    return replies;
  }

  WriterHarness hub_;
  std::vector<size_t> appended_;
  // The append that fails, and how.
  int fails_ = -1;
  absl::Status failure_;
};

TEST_F(AppendSizeTest, ABatchThatIsTooLargeIsCutAndAllOfItIsAnswered) {
  const std::vector<ReplyPtr> replies = RunBatch();
  EXPECT_GE(appended_.size(), 3u) << "it was not as large as it should have been";
  for (int i = 0; i < kCalls; ++i) {
    ASSERT_TRUE(replies[i]->outcome.ok()) << replies[i]->outcome.status();
    EXPECT_EQ(replies[i]->ticket().ticket_id(), "T-" + std::to_string(i + 1));
  }
  const std::string digest = hub_.DurableDigest();
  EXPECT_EQ(hub_.published_.size(), static_cast<size_t>(kCalls));
  hub_.Restart();
  EXPECT_EQ(hub_.DurableDigest(), digest);
}

TEST_F(AppendSizeTest, ADiskThatIsFullInTheMiddleRefusesWhatWasNotWrittenAndNothingElse) {
  fails_ = 1;
  failure_ = base::MakeError(v1::ERROR_REASON_DISK_FULL, "no space");
  const std::vector<ReplyPtr> replies = RunBatch();
  const int64_t written = hub_.journal_->head_revision();
  ASSERT_GT(written, 0);
  int64_t acknowledged = 0;
  for (const ReplyPtr& reply : replies) {
    ASSERT_TRUE(reply->answered);
    if (reply->outcome.ok()) {
      ++acknowledged;
    } else {
      EXPECT_EQ(reply->reason(), v1::ERROR_REASON_DISK_FULL);
    }
  }
  EXPECT_EQ(acknowledged, written);
  EXPECT_EQ(hub_.state_->revision(), written);
}

TEST_F(AppendSizeTest, AJournalThatFailsInTheMiddleAcknowledgesNothingMore) {
  fails_ = 1;
  failure_ = base::MakeError(v1::ERROR_REASON_IO_FAILED, "broken");
  const std::vector<ReplyPtr> replies = RunBatch();
  const int64_t written = hub_.journal_->head_revision();
  for (int i = 0; i < kCalls; ++i) {
    ASSERT_TRUE(replies[i]->answered);
    EXPECT_EQ(replies[i]->outcome.ok(), i < written) << i;
  }
  EXPECT_EQ(appended_.size(), 1u);
  EXPECT_FALSE(hub_.fatal_.ok());
}

TEST_F(AppendSizeTest, ACommitThatNoAppendCanHoldIsRefusedAndChangesNothing) {
  v1::BatchCreateTicketsRequest batch;
  for (int i = 0; i < 50; ++i)
    batch.add_tickets()->mutable_spec()->set_title(std::string(500, 'x'));
  const ReplyPtr reply = hub_.RunOne(CommandOf(Operator(), batch));
  EXPECT_EQ(reply->reason(), v1::ERROR_REASON_LIMIT_REACHED);
  EXPECT_EQ(hub_.state_->revision(), 0);
  EXPECT_EQ(hub_.CreateTicket("small"), "T-1");
}

}  // namespace
}  // namespace coordhub::engine
