// Lines of files as tickets: each once, however often they are read.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/core/records.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

ImportLines Lines(const std::string& file_id, int64_t begin, int64_t end,
                  const std::vector<std::string>& titles) {
  ImportLines import;
  import.file_id = file_id;
  import.begin_offset = begin;
  import.end_offset = end;
  for (const std::string& title : titles) {
    import.tickets.add_tickets()->mutable_spec()->set_title(title);
  }
  return import;
}

std::string MarksOf(const State& state) {
  std::string text;
  for (auto c = state.records().of<tables::ImportMarks>().Begin(); c.Valid(); c.Next()) {
    absl::StrAppend(&text, c.key(), "@", c->end_offset(), " ");
  }
  return text;
}

TEST(ImportLines, MakeTicketsAndMoveTheMark) {
  DecidingWorkspace w;
  const Decision decision = w.Must(File(), Lines("a", 0, 10, {"one", "two"}));
  ASSERT_EQ(decision.events.size(), 2u);
  EXPECT_EQ(decision.events[0]->actor(), "file:tickets.md");
  EXPECT_EQ(w.ticket("T-2").creator(), "file:tickets.md");
  EXPECT_EQ(w.state.records().ImportedUpTo("a"), 10);
  EXPECT_EQ(w.state.records().ImportedUpTo("b"), 0);
}

TEST(ImportLines, ReadAgainTheyMakeNothing) {
  DecidingWorkspace w;
  w.Must(File(), Lines("a", 0, 10, {"one"}));
  EXPECT_TRUE(w.Must(File(), Lines("a", 0, 10, {"one"})).events.empty());
  EXPECT_TRUE(w.Must(File(), Lines("a", 0, 20, {"one", "two"})).events.empty());
  EXPECT_TRUE(w.Must(File(), Lines("a", 5, 20, {"two"})).events.empty());
  EXPECT_EQ(w.Must(File(), Lines("a", 10, 20, {"two"})).events.size(), 1u);
  EXPECT_EQ(w.state.last_ticket_number(), 2);
}

TEST(ImportLines, EqualLinesOfOtherFilesAreOtherTickets) {
  DecidingWorkspace w;
  w.Must(File(), Lines("a", 0, 10, {"one"}));
  EXPECT_EQ(w.Must(File(), Lines("b", 0, 10, {"one"})).events.size(), 1u);
}

TEST(ImportLines, MarksGoWithTheirFiles) {
  DecidingWorkspace w;
  w.Must(File(), Lines("a", 0, 10, {"one"}));
  w.Must(File(), Lines("b", 0, 10, {"two"}));
  ImportLines next = Lines("b", 10, 15, {"three"});
  next.forgotten_file_ids = {"a", "never heard of"};
  w.Must(File(), std::move(next));
  EXPECT_EQ(MarksOf(w.state), "b@15 ");
}

TEST(ImportLines, MarksAreInSnapshotsAndRollBack) {
  DecidingWorkspace w;
  w.Must(File(), Lines("a", 0, 10, {"one"}));
  const std::shared_ptr<const View> view = w.state.MakeView();

  State loaded;
  ForEachSnapshotRecord(*view, [&](const jpb::SnapshotRecord& record) {
    loaded.LoadRecord(std::make_shared<const jpb::SnapshotRecord>(record));
    return true;
  });
  loaded.FinishLoad(MakeSnapshotHeader(*view), w.now);
  EXPECT_EQ(MarksOf(loaded), "a@10 ");
  EXPECT_EQ(Digest(*loaded.MakeView()), Digest(*view));

  w.Must(File(), Lines("a", 10, 20, {"two"}));
  EXPECT_NE(Digest(*w.state.MakeView()), Digest(*view));
  w.state.RollBack(*view, w.now);
  EXPECT_EQ(MarksOf(w.state), "a@10 ");
}

}  // namespace
}  // namespace coordhub::core
