// Finished tickets leave the state, and what is known of them then.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hub/core/limits.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Archive : public testing::Test {
 protected:
  void SetUp() override { ann_ = w.Register("ann"); }

  std::string Done() {
    const std::string id = w.Create();
    Finish(id);
    return id;
  }
  void Finish(const std::string& id) {
    w.Claim(id, ann_);
    w.Complete(id, ann_);
  }
  std::string Cancelled() {
    const std::string id = w.Create();
    pb::CancelTicketRequest request;
    request.set_ticket_id(id);
    w.Must(Caller::Operator(), request);
    return id;
  }
  // Which tickets went.
  std::vector<std::string> ArchiveAllBut(int64_t count) { return Run({.keep_at_most = count}); }
  std::vector<std::string> ArchiveOlderThan(absl::Duration age) {
    return Run({.before = w.now.wall - age, .keep_at_most = 1'000'000});
  }
  std::vector<std::string> Run(const ArchiveTickets& command) {
    std::vector<std::string> gone;
    for (const auto& event : w.Must(Caller::Hub("archive"), command).events) {
      EXPECT_EQ(event->kind(), pb::EVENT_KIND_TICKETS_ARCHIVED);
      for (const pb::RecordChange& change : event->changes()) {
        EXPECT_TRUE(change.erased());
        gone.push_back(change.ticket().ticket_id());
      }
    }
    return gone;
  }
  static pb::CreateTicketRequest On(const std::string& dependency) {
    pb::CreateTicketRequest request = DecidingWorkspace::Creation();
    request.mutable_spec()->add_dependencies()->set_ticket_id(dependency);
    return request;
  }

  DecidingWorkspace w;
  Caller ann_ = Caller::Observer();
};

TEST_F(Archive, TheOldestOfTooManyGo) {
  const std::string open = w.Create();
  const std::string first = Done(), second = Done(), third = Cancelled();
  EXPECT_THAT(ArchiveAllBut(3), IsEmpty());
  EXPECT_THAT(ArchiveAllBut(1), ElementsAre(first, second));
  EXPECT_TRUE(w.state.records().IsArchived(TicketNumber(first)));
  EXPECT_FALSE(w.state.records().IsArchived(TicketNumber(third)));
  EXPECT_FALSE(w.state.records().IsArchived(TicketNumber(open)));
  EXPECT_EQ(w.state.records().archived_tickets, 2);
}

TEST_F(Archive, WhatDidNotChangeForSoLongGoes) {
  const std::string first = Done();
  w.Advance(absl::Hours(1));
  const std::string second = Done();
  w.Advance(absl::Hours(1));
  EXPECT_THAT(ArchiveOlderThan(absl::Hours(3)), IsEmpty());
  EXPECT_THAT(ArchiveOlderThan(absl::Minutes(90)), ElementsAre(first));
  // A comment is a change.
  pb::AddCommentRequest comment;
  comment.set_ticket_id(second);
  comment.set_text("still of use");
  w.Must(Caller::Operator(), comment);
  EXPECT_THAT(ArchiveOlderThan(absl::Minutes(30)), IsEmpty());
}

TEST_F(Archive, ATicketIsKeptAsItWasUntilItWent) {
  const std::string id = Done();
  const std::string before = w.ticket(id).SerializeAsString();
  const Decision decision = w.Must(Caller::Hub("archive"), ArchiveTickets{});
  ASSERT_EQ(decision.store.size(), 1u);
  EXPECT_EQ(decision.store[0].space, StoreRow::Space::kTicket);
  EXPECT_EQ(decision.store[0].key, std::vector<int64_t>{TicketNumber(id)});
  EXPECT_EQ(decision.store[0].value, before);
}

TEST_F(Archive, WhatWouldChangeOneIsRefused) {
  const std::string id = Done();
  ArchiveAllBut(0);
  pb::UpdateTicketRequest update;
  update.set_ticket_id(id);
  update.mutable_update_mask()->add_paths("title");
  update.mutable_spec()->set_title("another");
  pb::ReopenTicketRequest reopen;
  reopen.set_ticket_id(id);
  pb::AddCommentRequest comment;
  comment.set_ticket_id(id);
  comment.set_text("too late");
  pb::CancelTicketRequest cancel;
  cancel.set_ticket_id(id);
  EXPECT_EQ(ReasonNameOf(w.Do(Caller::Operator(), update).status()), "TICKET_ARCHIVED");
  EXPECT_EQ(ReasonNameOf(w.Do(Caller::Operator(), reopen).status()), "TICKET_ARCHIVED");
  EXPECT_EQ(ReasonNameOf(w.Do(Caller::Operator(), comment).status()), "TICKET_ARCHIVED");
  EXPECT_EQ(ReasonNameOf(w.Do(Caller::Operator(), cancel).status()), "TICKET_ARCHIVED");
  EXPECT_EQ(ReasonNameOf(w.Do(ann_, w.Claiming(id)).status()), "TICKET_ARCHIVED");
  pb::CreateTicketRequest child = DecidingWorkspace::Creation();
  child.mutable_spec()->set_parent_ticket_id(id);
  EXPECT_EQ(ReasonNameOf(w.Do(Caller::Operator(), child).status()), "TICKET_ARCHIVED");
}

TEST_F(Archive, ADependencyOnADoneOneStaysMet) {
  const std::string done = Done();
  const std::string waits = w.Create(On(done));
  ArchiveAllBut(0);
  EXPECT_EQ(w.StateOf(waits), "OPEN");
  EXPECT_EQ(w.StateOf(w.Create(On(done))), "OPEN") << "one that is made later";
  w.Claim(waits, ann_);
  w.Complete(waits, ann_);
}

TEST_F(Archive, NumbersAreNeverGivenAgain) {
  Done();
  const std::string last = Done();
  ArchiveAllBut(0);
  EXPECT_EQ(TicketNumber(w.Create()), TicketNumber(last) + 1);
}

TEST_F(Archive, WhoeverKeepsOthersBlockedStays) {
  const std::string cancelled = Cancelled();
  const std::string waits = w.Create(On(cancelled));
  const std::string other = Cancelled();
  EXPECT_THAT(ArchiveAllBut(0), ElementsAre(other));
  pb::CancelTicketRequest cancel;
  cancel.set_ticket_id(waits);
  w.Must(Caller::Operator(), cancel);
  EXPECT_THAT(ArchiveAllBut(0), ElementsAre(cancelled, waits));
  // What depends on it from now on waits until somebody changes that.
  const std::string stuck = w.Create(On(cancelled));
  EXPECT_EQ(w.StateOf(stuck), "BLOCKED");
  const std::vector<pb::Blocker> blockers = BlockersOf(w.state.records(), w.ticket(stuck));
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_TRUE(blockers[0].stuck());
}

TEST_F(Archive, AParentGoesBeforeItsChildrenAndTheyLiveOn) {
  const std::string parent = w.Create();
  pb::CreateTicketRequest child = DecidingWorkspace::Creation();
  child.mutable_spec()->set_parent_ticket_id(parent);
  const std::string first = w.Create(child);
  Finish(first);
  Finish(parent);
  w.Advance(absl::Hours(1));
  pb::AddCommentRequest comment;
  comment.set_ticket_id(first);
  comment.set_text("newer");
  w.Must(Caller::Operator(), comment);
  EXPECT_THAT(ArchiveOlderThan(absl::Minutes(1)), ElementsAre(parent));
  pb::ReopenTicketRequest reopen;
  reopen.set_ticket_id(first);
  w.Must(Caller::Operator(), reopen);
  EXPECT_EQ(w.StateOf(first), "OPEN");
  Finish(first);
}

TEST_F(Archive, OneCommandIsBounded) {
  w.check_invariants = false;
  for (int i = 0; i < limits::kArchivedPerCommand + 5; ++i) Cancelled();
  EXPECT_EQ(ArchiveAllBut(0).size(), static_cast<size_t>(limits::kArchivedPerCommand));
  EXPECT_EQ(ArchiveAllBut(0).size(), 5u);
  EXPECT_THAT(ArchiveAllBut(0), IsEmpty());
}

TEST_F(Archive, IsUndoneAndComesBackFromSnapshots) {
  const std::string id = Done();
  const auto view = w.state.MakeView();
  const std::string before = Digest(*view);
  ArchiveAllBut(0);
  w.state.RollBack(*view, w.now);
  EXPECT_EQ(Digest(*w.state.MakeView()), before);
  EXPECT_THAT(BrokenInvariants(w.state, true), IsEmpty());
  ArchiveAllBut(0);
  const auto after = w.state.MakeView();
  State loaded;
  ForEachSnapshotRecord(*after, [&](const jpb::SnapshotRecord& record) {
    loaded.LoadRecord(std::make_shared<const jpb::SnapshotRecord>(record));
    return true;
  });
  loaded.FinishLoad(MakeSnapshotHeader(*after), w.now);
  EXPECT_TRUE(loaded.records().IsArchived(TicketNumber(id)));
  EXPECT_EQ(Digest(*loaded.MakeView()), Digest(*after));
  EXPECT_THAT(BrokenInvariants(loaded, true), IsEmpty());
}

// ---- quota ----

TEST(Quota, WhatWouldComeToMoreTextIsRefusedAndLessGoesThrough) {
  DecidingWorkspace w;
  pb::CreateTicketRequest create = DecidingWorkspace::Creation();
  create.mutable_spec()->set_body(std::string(100, 'x'));
  const auto decide = [&](CommandBody body, int64_t quota) {
    const Command command = {.caller = Caller::Operator(),
                             .body = std::move(body),
                             .text_bytes = 1000,
                             .text_quota = quota};
    return ReasonNameOf(Decide(w.state, command, w.now).status());
  };
  EXPECT_EQ(decide(create, 1100), "OK");
  EXPECT_EQ(decide(create, 1099), "QUOTA");
  EXPECT_EQ(decide(create, 0), "OK") << "no quota";
  EXPECT_EQ(decide(DecidingWorkspace::Creation(), 10), "OK") << "no text";
  w.Must(Caller::Operator(), create);
  pb::UpdateTicketRequest update;
  update.set_ticket_id("T-1");
  update.mutable_update_mask()->add_paths("body");
  update.mutable_spec()->set_body(std::string(99, 'y'));
  EXPECT_EQ(decide(update, 10), "OK") << "it gets less";
  update.mutable_spec()->set_body(std::string(101, 'y'));
  EXPECT_EQ(decide(update, 1001), "OK");
  EXPECT_EQ(decide(update, 1000), "QUOTA");
  pb::AddCommentRequest comment;
  comment.set_ticket_id("T-1");
  comment.set_text("four");
  EXPECT_EQ(decide(comment, 1004), "OK");
  EXPECT_EQ(decide(comment, 1003), "QUOTA");
  pb::BatchCreateTicketsRequest batch;
  for (int i = 0; i < 2; ++i) *batch.add_tickets()->mutable_spec() = create.spec();
  EXPECT_EQ(decide(batch, 1200), "OK");
  EXPECT_EQ(decide(batch, 1199), "QUOTA");
}

}  // namespace
}  // namespace coordhub::core
