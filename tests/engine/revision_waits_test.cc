#include "hub/engine/revision_waits.h"

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace coordhub::engine {
namespace {

using Added = RevisionWaits::Added;

base::MonoTime At(int seconds) { return base::MonoTime{0} + absl::Seconds(seconds); }

class RevisionWaitsTest : public testing::Test {
 protected:
  Added Add(const std::string& name, int64_t min_revision, base::MonoTime due) {
    ViewDone done = [this, name](const absl::StatusOr<ViewPtr>&) { told_.push_back(name); };
    const Added added = waits_.Add(min_revision, due, &done);
    // Who does not wait still has what answers the call.
    EXPECT_EQ(done == nullptr, added == Added::kWaits);
    return added;
  }
  std::vector<std::string> Tell(const std::vector<ViewDone>& taken) {
    told_.clear();
    for (const ViewDone& done : taken) done(ViewPtr());
    return told_;
  }
  std::vector<std::string> Tell(const std::vector<RevisionWaits::Wait>& taken) {
    told_.clear();
    for (const RevisionWaits::Wait& wait : taken) wait.done(ViewPtr());
    return told_;
  }

  RevisionWaits waits_{/*head=*/10, /*capacity=*/3};
  std::vector<std::string> told_;
};

using Names = std::vector<std::string>;

TEST_F(RevisionWaitsTest, WhatIsThereIsNotWaitedFor) {
  EXPECT_EQ(Add("a", 10, At(1)), Added::kReached);
  EXPECT_TRUE(waits_.empty());
  EXPECT_EQ(Add("b", 12, At(1)), Added::kWaits);
  EXPECT_FALSE(waits_.empty());
  EXPECT_EQ(Tell(waits_.Reach(12)), Names({"b"}));
  EXPECT_EQ(Add("c", 12, At(1)), Added::kReached);
  EXPECT_TRUE(waits_.empty());
}

TEST_F(RevisionWaitsTest, ReachingARevisionEndsTheWaitsUpToIt) {
  Add("third", 13, At(1));
  Add("first", 11, At(1));
  Add("second", 12, At(1));
  EXPECT_EQ(Tell(waits_.Reach(12)), Names({"first", "second"}));
  EXPECT_EQ(Tell(waits_.Reach(12)), Names());
  EXPECT_EQ(Tell(waits_.Reach(20)), Names({"third"}));
}

TEST_F(RevisionWaitsTest, NoMoreWaitThanThereIsRoomFor) {
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(Add(name, 11, At(1)), Added::kWaits);
  EXPECT_EQ(Add("d", 11, At(1)), Added::kFull);
  waits_.Reach(11);
  EXPECT_EQ(Add("e", 12, At(1)), Added::kWaits);
}

TEST_F(RevisionWaitsTest, EachGoesWhenItsOwnTimeIsOver) {
  Add("late", 11, At(5));
  Add("soon", 12, At(2));
  EXPECT_EQ(Tell(waits_.TakeOverdue(At(1))), Names());
  EXPECT_EQ(Tell(waits_.TakeOverdue(At(2))), Names({"soon"}));
  EXPECT_EQ(Tell(waits_.TakeOverdue(At(4))), Names());
  EXPECT_EQ(Tell(waits_.TakeOverdue(At(5))), Names({"late"}));
  // The first to go may also be one that came when others were gone.
  Add("last", 13, At(7));
  EXPECT_EQ(Tell(waits_.TakeOverdue(At(7))), Names({"last"}));
}

TEST_F(RevisionWaitsTest, OnceClosedNobodyWaits) {
  Add("a", 11, At(1));
  Add("b", 12, At(1));
  EXPECT_EQ(Tell(waits_.Close()), Names({"a", "b"}));
  EXPECT_TRUE(waits_.empty());
  EXPECT_EQ(Add("c", 11, At(1)), Added::kClosed);
  EXPECT_EQ(Add("d", 10, At(1)), Added::kReached);
}

}  // namespace
}  // namespace coordhub::engine
