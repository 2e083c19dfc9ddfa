#include "agent/client/watch_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"

namespace coordhub::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Start = WatchOptions::Start;

class Recorder final : public WatchHandler {
 public:
  void OnEvent(const pb::Event& event) override { told.push_back(absl::StrCat(event.revision())); }
  void OnSnapshot(const pb::SnapshotChunk& chunk) override {
    told.push_back(
        absl::StrCat(chunk.complete() ? "end of snapshot " : "snapshot ", chunk.records_size()));
  }
  void OnBookmark(const WatchPosition& position) override {
    told.push_back(absl::StrCat("bookmark ", position.revision));
  }
  void OnReset(WatchReset reset, const absl::Status&) override {
    told.push_back(absl::StrCat("reset ", static_cast<int>(reset)));
  }
  std::vector<std::string> told;
};

class WatchCursorTest : public testing::Test {
 protected:
  void Open(WatchOptions options) { cursor_ = std::make_unique<WatchCursor>(std::move(options)); }

  absl::Status Accept(const pb::WatchEventsResponse& response) {
    return cursor_->Accept(response, &recorder_,
                           [this] { return recorder_.told.size() >= stop_after_; });
  }
  absl::Status Opened(int64_t start_revision, const std::string& log_id = "log") {
    cursor_->StreamOpened();
    pb::WatchEventsResponse response;
    response.mutable_opened()->set_log_id(log_id);
    response.mutable_opened()->set_start_revision(start_revision);
    return Accept(response);
  }
  // Events first..last of the commit that ends with `commit`.
  absl::Status Events(int64_t first, int64_t last, int64_t commit) {
    pb::WatchEventsResponse response;
    for (int64_t revision = first; revision <= last; ++revision) {
      pb::Event& event = *response.add_events();
      event.set_revision(revision);
      event.set_commit_revision(commit);
    }
    return Accept(response);
  }
  absl::Status Bookmark(int64_t revision) {
    pb::WatchEventsResponse response;
    response.mutable_bookmark()->set_revision(revision);
    return Accept(response);
  }
  absl::Status Snapshot(int records, bool complete, int64_t revision) {
    pb::WatchEventsResponse response;
    for (int i = 0; i < records; ++i) response.mutable_snapshot()->add_records();
    response.mutable_snapshot()->set_complete(complete);
    response.mutable_snapshot()->set_revision(revision);
    return Accept(response);
  }
  WatchCursor::Next End(const absl::Status& status) {
    return cursor_->StreamEnded(status, &recorder_);
  }
  static absl::Status Of(pb::ErrorReason reason) { return base::MakeError(reason, "x"); }

  std::unique_ptr<WatchCursor> cursor_;
  Recorder recorder_;
  size_t stop_after_ = 1000;
};

TEST_F(WatchCursorTest, BeginsWhereItIsTold) {
  Open({.start = Start::kNow});
  EXPECT_EQ(cursor_->Request("w").start(), pb::WatchEventsRequest::START_NOW);
  Open({.start = Start::kSnapshot});
  EXPECT_EQ(cursor_->Request("w").start(), pb::WatchEventsRequest::START_SNAPSHOT);
  Open({.start = Start::kAfter, .after = {"log", 41}});
  const pb::WatchEventsRequest request = cursor_->Request("w");
  EXPECT_EQ(request.start(), pb::WatchEventsRequest::START_AFTER_REVISION);
  EXPECT_EQ(request.after_revision(), 41);
  EXPECT_EQ(request.log_id(), "log");
  EXPECT_EQ(request.workspace_id(), "w");
  EXPECT_FALSE(request.has_filter());
}

TEST_F(WatchCursorTest, GoesOnAfterTheLastRevisionDelivered) {
  Open({.start = Start::kNow});
  ASSERT_TRUE(Opened(10).ok());
  ASSERT_TRUE(Events(11, 12, 12).ok());
  EXPECT_EQ(End(Of(pb::ERROR_REASON_HUB_UNREACHABLE)), WatchCursor::Next::kResume);
  const pb::WatchEventsRequest request = cursor_->Request("");
  EXPECT_EQ(request.start(), pb::WatchEventsRequest::START_AFTER_REVISION);
  EXPECT_EQ(request.after_revision(), 12);
  EXPECT_EQ(request.log_id(), "log");
  ASSERT_TRUE(Opened(12).ok());
  ASSERT_TRUE(Events(13, 13, 13).ok());
  EXPECT_THAT(recorder_.told, ElementsAre("11", "12", "13"));
}

// Broken inside a commit: nothing comes twice, and what may be kept is the commit before.
TEST_F(WatchCursorTest, ASplitCommitGoesOnInTheMiddleButCountsOnlyWhenComplete) {
  Open({.start = Start::kAfter, .after = {"log", 10}});
  ASSERT_TRUE(Opened(10).ok());
  ASSERT_TRUE(Events(11, 13, 15).ok());
  EXPECT_EQ(cursor_->position().revision, 10);
  EXPECT_EQ(End(Of(pb::ERROR_REASON_HUB_UNREACHABLE)), WatchCursor::Next::kResume);
  EXPECT_EQ(cursor_->Request("").after_revision(), 13);
  ASSERT_TRUE(Opened(13).ok());
  ASSERT_TRUE(Events(14, 15, 15).ok());
  EXPECT_EQ(cursor_->position().revision, 15);
  EXPECT_THAT(recorder_.told, ElementsAre("11", "12", "13", "14", "15"));
}

TEST_F(WatchCursorTest, AnEventOfTheNextCommitCompletesOneWhoseEndWasFilteredOut) {
  Open({.start = Start::kAfter, .after = {"log", 10}});
  ASSERT_TRUE(Opened(10).ok());
  ASSERT_TRUE(Events(11, 11, 15).ok());
  EXPECT_EQ(cursor_->position().revision, 10);
  ASSERT_TRUE(Events(17, 17, 18).ok());
  EXPECT_EQ(cursor_->position().revision, 15);
}

TEST_F(WatchCursorTest, DropsWhatItHasDelivered) {
  Open({.start = Start::kAfter, .after = {"log", 10}});
  ASSERT_TRUE(Opened(10).ok());
  ASSERT_TRUE(Events(9, 12, 12).ok());
  ASSERT_TRUE(Events(11, 13, 13).ok());
  EXPECT_THAT(recorder_.told, ElementsAre("11", "12", "13"));
  EXPECT_EQ(cursor_->duplicates(), 4);
}

TEST_F(WatchCursorTest, ABookmarkMovesThePlaceAndNothingAtOrBeforeItFollows) {
  Open({.start = Start::kAfter, .after = {"log", 10}});
  ASSERT_TRUE(Opened(10).ok());
  ASSERT_TRUE(Bookmark(20).ok());
  EXPECT_EQ(cursor_->position().revision, 20);
  ASSERT_TRUE(Events(20, 21, 21).ok());
  EXPECT_THAT(recorder_.told, ElementsAre("bookmark 20", "21"));
}

TEST_F(WatchCursorTest, ABookmarkInsideACommitOrBehindSaysNothing) {
  Open({.start = Start::kAfter, .after = {"log", 10}});
  ASSERT_TRUE(Opened(10).ok());
  ASSERT_TRUE(Events(11, 12, 15).ok());
  ASSERT_TRUE(Bookmark(13).ok());
  ASSERT_TRUE(Bookmark(9).ok());
  EXPECT_EQ(cursor_->position().revision, 10);
  EXPECT_EQ(cursor_->last_revision(), 12);
  EXPECT_THAT(recorder_.told, ElementsAre("11", "12"));
}

TEST_F(WatchCursorTest, ASnapshotIsFollowedByTheEventsAfterIt) {
  Open({.start = Start::kSnapshot});
  ASSERT_TRUE(Opened(30).ok());
  ASSERT_TRUE(Snapshot(2, false, 30).ok());
  ASSERT_TRUE(Snapshot(1, true, 30).ok());
  ASSERT_TRUE(Events(31, 31, 31).ok());
  EXPECT_THAT(recorder_.told, ElementsAre("snapshot 2", "end of snapshot 1", "31"));
  EXPECT_EQ(cursor_->Request("").after_revision(), 31);
}

TEST_F(WatchCursorTest, ASnapshotThatBreaksOffComesAgainWhole) {
  Open({.start = Start::kSnapshot});
  ASSERT_TRUE(Opened(30).ok());
  ASSERT_TRUE(Snapshot(2, false, 30).ok());
  EXPECT_EQ(End(Of(pb::ERROR_REASON_HUB_UNREACHABLE)), WatchCursor::Next::kResume);
  EXPECT_EQ(cursor_->Request("").start(), pb::WatchEventsRequest::START_SNAPSHOT);
  EXPECT_THAT(recorder_.told,
              ElementsAre("snapshot 2",
                          absl::StrCat("reset ", static_cast<int>(WatchReset::kSnapshotBroken))));
}

TEST_F(WatchCursorTest, ACompactedPlaceBeginsAgainWithASnapshotIfWanted) {
  for (const auto& [reason, reset] :
       {std::pair{pb::ERROR_REASON_REVISION_COMPACTED, WatchReset::kCompacted},
        std::pair{pb::ERROR_REASON_LOG_REPLACED, WatchReset::kLogReplaced}}) {
    recorder_.told.clear();
    Open({.start = Start::kAfter, .after = {"log", 10}});
    EXPECT_EQ(End(Of(reason)), WatchCursor::Next::kResume);
    EXPECT_THAT(recorder_.told, ElementsAre(absl::StrCat("reset ", static_cast<int>(reset))));
    EXPECT_EQ(cursor_->Request("").start(), pb::WatchEventsRequest::START_SNAPSHOT);
    ASSERT_TRUE(Opened(5, "new log").ok());  // an earlier revision, of another log
    ASSERT_TRUE(Snapshot(1, true, 5).ok());
    ASSERT_TRUE(Events(6, 6, 6).ok());
    EXPECT_EQ(cursor_->position().log_id, "new log");
    EXPECT_EQ(cursor_->position().revision, 6);
  }
}

TEST_F(WatchCursorTest, FromZeroItBeginsWithTheFirstThatIsKept) {
  Open({.start = Start::kAfter});
  ASSERT_TRUE(Opened(5).ok());
  EXPECT_EQ(cursor_->position().revision, 5);
  ASSERT_TRUE(Events(6, 6, 6).ok());
  EXPECT_THAT(recorder_.told, ElementsAre("6"));
}

// The hub would leave out silently what was compacted while nobody watched.
TEST_F(WatchCursorTest, WhoSawAnEmptyLogIsToldWhatWasCompactedMeanwhile) {
  Open({.start = Start::kAfter});
  ASSERT_TRUE(Opened(0).ok());
  EXPECT_EQ(End(Of(pb::ERROR_REASON_HUB_UNREACHABLE)), WatchCursor::Next::kResume);
  const absl::Status lost = Opened(5);
  EXPECT_EQ(base::ReasonOf(lost), pb::ERROR_REASON_REVISION_COMPACTED);
  EXPECT_EQ(End(lost), WatchCursor::Next::kResume);
  EXPECT_THAT(recorder_.told,
              ElementsAre(absl::StrCat("reset ", static_cast<int>(WatchReset::kCompacted))));
  EXPECT_EQ(cursor_->Request("").start(), pb::WatchEventsRequest::START_SNAPSHOT);
}

TEST_F(WatchCursorTest, ACompactedPlaceEndsTheWatchIfThatIsWanted) {
  Open({.start = Start::kAfter, .after = {"log", 10}, .snapshot_on_reset = false});
  EXPECT_EQ(End(Of(pb::ERROR_REASON_REVISION_COMPACTED)), WatchCursor::Next::kEnd);
  EXPECT_EQ(recorder_.told.size(), 1u);
}

TEST_F(WatchCursorTest, KnowsWhichEndsArePassing) {
  Open({.start = Start::kNow});
  EXPECT_EQ(End(absl::OkStatus()), WatchCursor::Next::kResume);
  EXPECT_EQ(End(Of(pb::ERROR_REASON_SLOW_WATCHER)), WatchCursor::Next::kResume);
  EXPECT_EQ(End(Of(pb::ERROR_REASON_HUB_DRAINING)), WatchCursor::Next::kResume);
  EXPECT_EQ(End(Of(pb::ERROR_REASON_SESSION_ENDED)), WatchCursor::Next::kEnd);
  EXPECT_EQ(End(Of(pb::ERROR_REASON_INVALID_FIELD)), WatchCursor::Next::kEnd);
  EXPECT_EQ(cursor_->Request("").start(), pb::WatchEventsRequest::START_NOW);  // never opened
  EXPECT_THAT(recorder_.told, IsEmpty());
}

TEST_F(WatchCursorTest, StopsBetweenTwoEventsWithoutCountingTheRest) {
  Open({.start = Start::kAfter, .after = {"log", 10}});
  ASSERT_TRUE(Opened(10).ok());
  stop_after_ = 2;
  ASSERT_TRUE(Events(11, 15, 15).ok());
  EXPECT_THAT(recorder_.told, ElementsAre("11", "12"));
  EXPECT_EQ(cursor_->last_revision(), 12);
}

TEST_F(WatchCursorTest, RefusesAStreamThatBreaksTheContract) {
  const auto broken = [this](absl::Status status) {
    return base::ReasonOf(status) == pb::ERROR_REASON_INTERNAL &&
           End(status) == WatchCursor::Next::kEnd;
  };
  Open({.start = Start::kAfter, .after = {"log", 10}});
  EXPECT_TRUE(broken(Events(11, 11, 11)));       // before `opened`
  EXPECT_TRUE(broken(Opened(11)));               // a gap
  EXPECT_TRUE(broken(Opened(10, "other log")));  // should have been LOG_REPLACED
  ASSERT_TRUE(Opened(10).ok());
  pb::WatchEventsResponse again;
  again.mutable_opened()->set_log_id("log");
  EXPECT_TRUE(broken(Accept(again)));
  EXPECT_TRUE(broken(Snapshot(1, true, 10)));  // nobody asked
  Open({.start = Start::kSnapshot});
  ASSERT_TRUE(Opened(10).ok());
  EXPECT_TRUE(broken(Events(11, 11, 11)));  // before the snapshot
  EXPECT_THAT(recorder_.told, IsEmpty());
}

}  // namespace
}  // namespace coordhub::agent
