#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

#include "hub/core/invariants.h"
#include "hub/core/limits.h"
#include "hub/core/state.h"
#include "tests/core/recorded_state.h"
#include "tests/core/sample_state.h"

namespace coordhub::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kUpdated = pb::EVENT_KIND_TICKET_UPDATED;

// ---- digest, replay, snapshots ----

TEST(Digest, IsThatOfAReplayAndOfALoadedSnapshot) {
  RecordedState recorded;
  Populate(recorded);
  const auto view = recorded.state.MakeView();
  const std::string digest = Digest(*view);
  EXPECT_EQ(digest.size(), 64u);
  const auto replayed = recorded.Replay();
  EXPECT_EQ(Digest(*replayed->MakeView()), digest);
  EXPECT_THAT(BrokenInvariants(*replayed, true), IsEmpty());
  const auto loaded = recorded.Reload(*view);
  EXPECT_EQ(Digest(*loaded->MakeView()), digest);
  EXPECT_THAT(BrokenInvariants(*loaded, true), IsEmpty());
  EXPECT_EQ(loaded->last_event_time(), recorded.state.last_event_time());

  // A state that was loaded goes on like the one that was not.
  const auto continue_with = [&](State& state) {
    const State::NumberSet dependents = state.DependentsOf(1).unfinished;
    EXPECT_THAT(dependents, ElementsAre(9));
    state.Evolve(recorded.log.back().event, nullptr, recorded.now);
    return Digest(*state.MakeView());
  };
  recorded.Claim(1, "alice");
  EXPECT_EQ(continue_with(*loaded), recorded.CurrentDigest());
  EXPECT_EQ(continue_with(*replayed), recorded.CurrentDigest());
}

TEST(Digest, DependsOnEveryTable) {
  RecordedState recorded;
  Populate(recorded);
  const View view = *recorded.state.MakeView();
  std::set<std::string> digests = {Digest(view)};
  const auto changed = [&](auto change) {
    View other = view;
    change(other);
    return digests.insert(Digest(other)).second;
  };
  EXPECT_TRUE(changed([](View& v) { ++v.revision; }));
  EXPECT_TRUE(changed([](View& v) { ++v.last_ticket_number; }));
  EXPECT_TRUE(changed([](View& v) { v.records.of<tables::Agents>().Erase("bob"); }));
  EXPECT_TRUE(changed([](View& v) { v.records.of<tables::Tickets>().Erase(1); }));
  EXPECT_TRUE(changed([](View& v) { v.records.of<tables::Requests>().Clear(); }));
}

TEST(Snapshot, SaysWhatItHolds) {
  RecordedState recorded;
  Populate(recorded);
  const auto view = recorded.state.MakeView();
  int64_t count = 0;
  ForEachSnapshotRecord(*view, [&](const jpb::SnapshotRecord&) { return ++count > 0; });
  const jpb::SnapshotHeader header = MakeSnapshotHeader(*view);
  EXPECT_EQ(header.record_count(), count);
  EXPECT_EQ(header.revision(), recorded.state.revision());
  EXPECT_EQ(header.last_ticket_number(), 9);
  int64_t seen = 0;
  ForEachSnapshotRecord(*view, [&](const jpb::SnapshotRecord&) { return ++seen < 3; });
  EXPECT_EQ(seen, 3);
}

TEST(View, StaysAsItWasWhileTheWriterGoesOn) {
  RecordedState recorded;
  Populate(recorded);
  const auto view = recorded.state.MakeView();
  const std::string digest = Digest(*view);
  std::string digest_on_reader;
  std::thread reader([&] {
    for (int i = 0; i < 20; ++i) digest_on_reader = Digest(*view);
  });
  for (int i = 0; i < 500; ++i) {
    recorded.CreateTicket();
    if (i % 7 == 0) recorded.state.MakeView();
  }
  reader.join();
  EXPECT_EQ(digest_on_reader, digest);
  EXPECT_NE(recorded.CurrentDigest(), digest);
}

// ---- rolling back ----

TEST(RollBack, UndoesEverythingSinceTheView) {
  RecordedState recorded;
  Populate(recorded);
  const auto view = recorded.state.MakeView();
  const std::string digest = Digest(*view);
  const auto place = recorded.state.ready().PlaceOf(4);
  ASSERT_TRUE(place.rested.has_value());

  const std::string session = recorded.state.FindAgent("alice")->session_uid();
  recorded.Claim(1, "alice");
  recorded.Move(2, pb::EVENT_KIND_TICKET_CANCELLED, pb::Ticket::STATE_CANCELLED);
  recorded.Move(4, pb::EVENT_KIND_TICKET_CANCELLED, pb::Ticket::STATE_CANCELLED);
  recorded.ChangeTicket(9, kUpdated, [](pb::Ticket& ticket) { ticket.clear_dependencies(); });
  recorded.CreateTicket([](pb::Ticket& ticket) { DependOn(ticket, 8); });
  recorded.EndAgent("alice/reviewer");
  recorded.EndAgent("alice");
  recorded.RegisterAgent("alice");
  recorded.ForgetAgent("bob");
  Remember(recorded, "alice", 2, limits::kRememberedPerClient + 1);  // request-1 leaves the window
  Remember(recorded, "alice", 1, 1);                                 // and comes again
  recorded.now.mono += absl::Seconds(30);

  recorded.state.RollBack(*view, recorded.now);
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
  EXPECT_EQ(recorded.state.revision(), view->revision);
  EXPECT_EQ(recorded.state.last_ticket_number(), view->last_ticket_number);
  EXPECT_EQ(recorded.state.last_event_time(), view->last_event_time);
  EXPECT_EQ(recorded.state.FindSession(session)->agent_id(), "alice");
  EXPECT_EQ(recorded.state.ready().PlaceOf(4), place);
  EXPECT_EQ(recorded.state.FindRequest("alice", "", "request-1")->commit_revision(),
            view->revision);
  EXPECT_EQ(recorded.CurrentDigest(), digest);

  // And it goes on from there.
  EXPECT_EQ(recorded.CreateTicket(), 10);
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
}

TEST(RollBack, GoesToTheLastViewOnly) {
  RecordedState recorded;
  Populate(recorded);
  recorded.state.MakeView();
  recorded.Claim(1, "alice");
  const auto view = recorded.state.MakeView();
  recorded.Move(1, pb::EVENT_KIND_TICKET_COMPLETED, pb::Ticket::STATE_DONE);
  recorded.state.RollBack(*view, recorded.now);
  EXPECT_EQ(recorded.state.FindTicket(1)->state(), pb::Ticket::STATE_CLAIMED);
  // Twice changes nothing.
  recorded.state.RollBack(*view, recorded.now);
  EXPECT_EQ(recorded.CurrentDigest(), Digest(*view));
  EXPECT_THAT(BrokenInvariants(recorded.state, true), IsEmpty());
}

}  // namespace
}  // namespace coordhub::core
