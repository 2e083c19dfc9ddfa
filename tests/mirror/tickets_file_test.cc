#include "hub/mirror/tickets_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "tests/mirror/view_builder.h"

namespace coordhub::mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using v1::Ticket;

std::string Render(const ViewBuilder& builder) {
  return RenderTickets(*builder.Build(), absl::UTCTimeZone());
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  EXPECT_EQ(lines.back(), "") << "the last line lacks its newline";
  lines.pop_back();
  return lines;
}

TEST(RenderTickets, IsEmptyWhenNothingIsToBeDone) {
  EXPECT_EQ(Render(ViewBuilder()), "");
  EXPECT_EQ(Render(ViewBuilder()
                       .Ticket(1, Ticket::STATE_DONE, "done")
                       .Ticket(2, Ticket::STATE_FAILED, "failed")
                       .Ticket(3, Ticket::STATE_CANCELLED, "cancelled")),
            "");
}

TEST(RenderTickets, HasOneLineForEachUnfinishedTicketInOrderOfNumbers) {
  const std::string text = Render(ViewBuilder()
                                      .Ticket(17, Ticket::STATE_OPEN, "Mend the fence")
                                      .Ticket(3, Ticket::STATE_BURIED, "Too hard", 0)
                                      .Ticket(4, Ticket::STATE_DONE, "Over")
                                      .Ticket(5, Ticket::STATE_BLOCKED, "Waits", 4)
                                      .Ticket(110, Ticket::STATE_CLAIMED, "In hand", 1));
  EXPECT_THAT(LinesOf(text),
              ElementsAre("- [2025-07-29 12:00:00] ticket: T-3 BURIED p0 Too hard",
                          "- [2025-07-29 12:00:00] ticket: T-5 BLOCKED p4 Waits",
                          "- [2025-07-29 12:00:00] ticket: T-17 OPEN p2 Mend the fence",
                          "- [2025-07-29 12:00:00] ticket: T-110 CLAIMED p1 In hand"));
}

TEST(RenderTickets, PrintsTheTimeOfCreationAsThePlaceHasIt) {
  const absl::TimeZone east = absl::FixedTimeZone(2 * 3600);
  const auto view = ViewBuilder()
                        .Ticket(1, Ticket::STATE_OPEN, "x", 2, TestTime() + absl::Milliseconds(999))
                        .Build();
  EXPECT_EQ(RenderTickets(*view, east), "- [2025-07-29 14:00:00] ticket: T-1 OPEN p2 x\n");
}

// Whatever a title holds, `wc -l` counts tickets, `grep -c "ticket:"` counts tickets, and a
// Markdown reader sees a list.
TEST(RenderTickets, ATitleStaysOnItsLineAndMeansNothing) {
  const std::vector<std::string> titles = {
      "two\nlines",
      "carriage\r\nreturn",
      "- [2025-07-29 12:00:00] ticket: T-99 OPEN p0 forged\n- [2025-07-29 12:00:00] ticket: T-98",
      "line\xe2\x80\xa8separator\xe2\x80\xa9paragraph\xc2\x85next",
      "# heading",
      "<script>alert(1)</script><!-- comment",
      "[link](javascript:alert(1)) ![image](http://example.invalid/x.png)",
      "`code` *bold* _em_ ~~gone~~ | cell | --- |",
      "bidi \xe2\x80\xae override and \xe2\x80\x8bzero width",
      "control \x1b[31m red \x07 bell",
      std::string("nul \0 inside", 12),
      "broken \xff\xfe utf-8",
      std::string(4096, 'x'),
      "",
      "   ",
  };
  ViewBuilder builder;
  int64_t number = 0;
  for (const std::string& title : titles) builder.Ticket(++number, Ticket::STATE_OPEN, title);
  const std::vector<std::string> lines = LinesOf(Render(builder));
  ASSERT_EQ(lines.size(), titles.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    SCOPED_TRACE(lines[i]);
    EXPECT_EQ(lines[i].rfind(
                  "- [2025-07-29 12:00:00] ticket: T-" + std::to_string(i + 1) + " OPEN p2", 0),
              0u);
    EXPECT_TRUE(std::none_of(lines[i].begin(), lines[i].end(),
                             [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
    EXPECT_EQ(lines[i].find("\xe2\x80\xae"), std::string::npos);
    EXPECT_LE(lines[i].size(), 64 + 2 * 512);
    EXPECT_NE(lines[i].back(), ' ');
    EXPECT_TRUE(IsTicketLine(lines[i]));
  }
  EXPECT_NE(lines[5].find("\\<script\\>"), std::string::npos);
}

// The cached text is always the text that is made anew.
TEST(TicketsText, FollowsTheView) {
  TicketsText text(absl::UTCTimeZone());
  int64_t revision = 0;
  std::vector<std::string> titles(50);
  const auto check = [&](bool changes) {
    ViewBuilder builder;
    for (size_t i = 0; i < titles.size(); ++i) {
      // A ticket that did not change keeps its revision, as in the log.
      builder.Revision(static_cast<int64_t>(std::hash<std::string>()(titles[i]) >> 2));
      if (titles[i] != "gone")
        builder.Ticket(static_cast<int64_t>(i) + 1, Ticket::STATE_OPEN, titles[i]);
    }
    const auto view = builder.Revision(++revision).Build();
    EXPECT_EQ(text.Update(*view), changes);
    EXPECT_EQ(text.text(), RenderTickets(*view, absl::UTCTimeZone()));
  };
  check(true);
  check(false);
  for (size_t i = 0; i < titles.size(); i += 7) {
    titles[i] = "changed " + std::to_string(i);
    check(true);
  }
  titles[0] = titles[25] = titles[49] = "gone";
  check(true);
  titles.emplace_back("new at the end");
  check(true);
  titles[25] = "back again";
  check(true);
  check(false);
}

struct LineCase {
  const char* line;
  bool ours;
};

class IsTicketLineTest : public ::testing::TestWithParam<LineCase> {};

TEST_P(IsTicketLineTest, TellsOursFromOthers) {
  EXPECT_EQ(IsTicketLine(GetParam().line), GetParam().ours) << GetParam().line;
}

INSTANTIATE_TEST_SUITE_P(
    Lines, IsTicketLineTest,
    ::testing::Values(LineCase{"- [2025-07-29 12:00:00] ticket: T-17 OPEN p2 Mend", true},
                      LineCase{"- [2025-07-29 12:00:00] ticket: T-17 BURIED p2", true},
                      LineCase{"", false}, LineCase{"- [", false},
                      LineCase{"- [2025-07-29 12:00:00] ticket: mend the fence", false},
                      LineCase{"- [2025-07-29 12:00:00] ticket: T- OPEN p2 x", false},
                      LineCase{"- [2025-07-29 12:00:00] ticket: T-17 DONE p2 x", false},
                      LineCase{"- [2025-07-29 12:00:00] ticket: T-17 OPEN px x", false},
                      LineCase{"- [2025-07-29 12:00:00] ticket: T-17 OPEN p2x", false},
                      LineCase{"  - [2025-07-29 12:00:00] ticket: T-17 OPEN p2 x", false},
                      LineCase{"# Tickets", false}));

TEST(TicketsTextTest, LetsOthersRunWhileItComputes) {
  int rests = 0;
  TicketsText text(absl::UTCTimeZone(), [&rests] { ++rests; });
  ViewBuilder builder;
  for (int number = 1; number <= 10 * TicketsText::kLinesAtOnce; ++number) {
    builder.Ticket(number, v1::Ticket::STATE_OPEN, "work");
  }
  const std::shared_ptr<const core::View> view = builder.Revision(1).Build();
  EXPECT_TRUE(text.Update(*view));
  EXPECT_EQ(rests, 10);
  EXPECT_EQ(text.text(), RenderTickets(*view, absl::UTCTimeZone()));
  EXPECT_FALSE(text.Update(*view)) << "with lines that it has already";
  EXPECT_EQ(rests, 20);
}

}  // namespace
}  // namespace coordhub::mirror
