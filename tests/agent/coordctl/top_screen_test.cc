#include "agent/coordctl/top_screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/client/proto_time.h"

namespace coordhub::coordctl {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Screen : public testing::Test {
 protected:
  Screen() : context_(Host()) {
    context_.globals().color = "never";
    data_.overview.emplace();
    for (int i = 1; i <= 9; ++i) AddTicket(i, i % 5);
  }
  pb::Ticket& AddTicket(int number, int priority) {
    pb::Ticket& ticket = data_.tickets.emplace_back();
    ticket.set_ticket_id(absl::StrCat("T-", number));
    ticket.set_create_revision(number);
    ticket.set_priority(priority);
    ticket.set_state(pb::Ticket::STATE_OPEN);
    ticket.set_title(absl::StrCat("title ", number));
    return ticket;
  }
  std::vector<std::string> Lines(int columns = 100, int rows = 24) {
    return screen_.Render(context_, data_, now_, columns, rows);
  }
  // The first column of the table.
  std::vector<std::string> Ids(int rows = 24) {
    std::vector<std::string> ids;
    for (const std::string& line : Lines(100, rows)) {
      const bool row = line.compare(0, 4, "  T-") == 0 || line.compare(0, 4, "> T-") == 0;
      if (row) ids.push_back(line.substr(0, line.find(' ', 2)));
    }
    return ids;
  }
  bool Press(Key key) { return screen_.Press({key}, data_); }
  bool Press(char character) { return screen_.Press({Key::kOther, character}, data_); }

  Context context_;
  TopScreen screen_;
  TopData data_;
  const absl::Time now_ = absl::UnixEpoch() + absl::Hours(100);
};

TEST_F(Screen, AlwaysHasAsManyLinesAsThereAreRows) {
  for (int rows = 2; rows < 40; ++rows) {
    EXPECT_EQ(Lines(80, rows).size(), static_cast<size_t>(rows));
  }
}

TEST_F(Screen, ShowsTheSelectedRowWhereverItIs) {
  Lines(100, 12);
  Press(Key::kEnd);
  EXPECT_THAT(Ids(12), Contains("> T-9"));
  Press(Key::kHome);
  EXPECT_THAT(Ids(12), Contains("> T-1"));
  for (int i = 0; i < 100; ++i) Press('j');
  EXPECT_THAT(Ids(12), Contains("> T-9"));
  Press('k');
  EXPECT_THAT(Ids(12), Contains("> T-8"));
}

TEST_F(Screen, TheSelectionStaysWithItsRow) {
  Press(Key::kDown);
  Press(Key::kDown);
  EXPECT_THAT(Ids(), Contains("> T-3"));
  data_.tickets.erase(data_.tickets.begin());  // T-1 is done
  EXPECT_THAT(Ids(), Contains("> T-3"));
  data_.tickets.erase(data_.tickets.begin() + 1);  // T-3 itself
  EXPECT_THAT(Ids(), Contains("> T-4"));           // what came in its place
  data_.tickets.clear();
  EXPECT_THAT(Lines(), Contains("  nothing"));
  EXPECT_TRUE(Press(Key::kEnter));
}

TEST_F(Screen, SortsByTheNextColumnAndTheOtherWayRound) {
  Press('k');  // at the top: selects the first
  Press('s');
  EXPECT_THAT(Ids(), ElementsAre("  T-5", "> T-1", "  T-6", "  T-2", "  T-7", "  T-3", "  T-8",
                                 "  T-4", "  T-9"));
  EXPECT_THAT(absl::StrJoin(Lines(), "\n"), HasSubstr("sorted by priority"));
  Press('r');
  EXPECT_EQ(Ids().front(), "  T-4");
}

TEST_F(Screen, LooksCloserAndBack) {
  Lines();
  Press(Key::kEnter);
  EXPECT_EQ(screen_.detail().ticket_id, "T-1");
  EXPECT_THAT(absl::StrJoin(Lines(), "\n"), HasSubstr("reading ..."));
  data_.ticket.emplace();
  *data_.ticket->mutable_ticket() = data_.tickets[0];
  data_.ticket->set_body("the body\x1b[2J");
  EXPECT_THAT(absl::StrJoin(Lines(), "\n"), HasSubstr("    the body\n"));
  Press(Key::kEscape);
  EXPECT_EQ(screen_.detail().ticket_id, "");
  Press(Key::kEnter);
  EXPECT_TRUE(Press('q'));   // back
  EXPECT_FALSE(Press('q'));  // out
}

TEST_F(Screen, HasAViewForAgentsAndOneForBranches) {
  pb::Agent& agent = data_.overview->agents.items.emplace_back();
  agent.set_agent_id("conversation-4");
  agent.set_state(pb::Agent::STATE_ACTIVE);
  *agent.mutable_last_seen_time() = agent::ToProto(now_ - absl::Seconds(7));
  *agent.mutable_expire_time() = agent::ToProto(now_ + absl::Seconds(53));
  data_.overview->branches.items.emplace_back().set_branch("task-1");
  Press(Key::kTab);
  EXPECT_THAT(absl::StrJoin(Lines(), "\n"), HasSubstr("> conversation-4  ACTIVE  7s     53s"));
  Press('3');
  EXPECT_THAT(absl::StrJoin(Lines(), "\n"), HasSubstr("> task-1"));
  Press(Key::kTab);
  EXPECT_EQ(screen_.view(), TopScreen::View::kTickets);
}

TEST_F(Screen, SaysWhyThereIsNothingNewer) {
  data_.trouble = absl::UnavailableError("no hub\x1b[2J answers");
  EXPECT_THAT(Lines(), Contains("waiting for the hub: no hub answers"));
  data_.overview.reset();
  EXPECT_THAT(Lines(), Contains("waiting for the hub: no hub answers"));
}

TEST_F(Screen, NothingOfItCanHarmATerminal) {
  AddTicket(10, 0).set_title("\x1b]0;owned\x07");
  EXPECT_THAT(absl::StrJoin(Lines(), "\n"), Not(HasSubstr("\x1b")));
}

std::vector<Key> KeysIn(const std::string& bytes) {
  std::vector<Key> keys;
  for (const KeyPress& press : DecodeKeys(bytes)) keys.push_back(press.key);
  return keys;
}

TEST(DecodeKeys, KnowsWhatTerminalsSend) {
  EXPECT_THAT(KeysIn("\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[H\x1b[4~\r\t\x1b"),
              ElementsAre(Key::kUp, Key::kDown, Key::kPageUp, Key::kPageDown, Key::kHome, Key::kEnd,
                          Key::kEnter, Key::kTab, Key::kEscape));
  const auto keys = DecodeKeys("q\x03");
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].character, 'q');
  EXPECT_EQ(keys[1].character, 3);
}

TEST(DecodeKeys, AnUnknownSequenceIsNoLetters) {
  EXPECT_THAT(KeysIn("\x1b[1;5Qx"), ElementsAre(Key::kOther));
  EXPECT_THAT(KeysIn("\x1b["), testing::IsEmpty());
  EXPECT_THAT(KeysIn(""), testing::IsEmpty());
}

TEST_F(Screen, ShowsHowLongATicketIsHeldAndTheLastSignOfWork) {
  data_.tickets.clear();
  pb::Ticket& ticket = AddTicket(1, 2);
  ticket.mutable_claim()->set_agent_id("ann");
  *ticket.mutable_claim()->mutable_claim_time() = agent::ToProto(now_ - absl::Hours(5));
  *ticket.mutable_last_work_time() = agent::ToProto(now_ - absl::Minutes(2));
  data_.overview->claimed.push_back(ticket);
  EXPECT_THAT(Lines(), Contains(AllOf(HasSubstr("5h"), HasSubstr("2m ago"))));
  EXPECT_THAT(Lines(), Contains(HasSubstr("1 held for more than 4h")));
}

}  // namespace
}  // namespace coordhub::coordctl
