#include "hub/mirror/foreign_line.h"

#include <gtest/gtest.h>

#include <string>

#include "coordhub/v1/ticket_service.pb.h"
#include "hub/core/validate.h"

namespace coordhub::mirror {
namespace {

using Kind = ForeignLine::Kind;

constexpr int64_t kLastTicket = 20;

struct Case {
  std::string line;
  Kind kind;
  std::string title;
  int priority = -1;  // -1: not said
};

class ForeignLineTest : public ::testing::TestWithParam<Case> {};

TEST_P(ForeignLineTest, IsRead) {
  const Case& c = GetParam();
  const ForeignLine line = ReadForeignLine(c.line, LineForm::kText, kLastTicket);
  EXPECT_EQ(static_cast<int>(line.kind), static_cast<int>(c.kind)) << c.line << ": " << line.why;
  if (c.kind != Kind::kTicket) return;
  EXPECT_EQ(line.spec.title(), c.title);
  EXPECT_EQ(line.spec.has_priority() ? line.spec.priority() : -1, c.priority);
}

INSTANTIATE_TEST_SUITE_P(
    Lines, ForeignLineTest,
    ::testing::Values(
        Case{"Mend the fence", Kind::kTicket, "Mend the fence"},
        Case{"- Mend the fence\r", Kind::kTicket, "Mend the fence"},
        Case{"  * [ ] Mend the fence  ", Kind::kTicket, "Mend the fence"},
        Case{"12) Mend the fence", Kind::kTicket, "Mend the fence"},
        Case{"- [2025-07-29 12:00:00] ticket: Mend the fence", Kind::kTicket, "Mend the fence"},
        Case{"[2025-07-29T12:00:00Z] Ticket:Mend the fence", Kind::kTicket, "Mend the fence"},
        Case{"ticket: Mend", Kind::kTicket, "Mend"},
        Case{"- [2025-07-29 12:00:00] ticket: OPEN p1 Mend", Kind::kTicket, "Mend", 1},
        Case{"- [2025-07-29 12:00:00] ticket: p0 Mend", Kind::kTicket, "Mend", 0},
        // Words that only look like more.
        Case{"OPEN the door", Kind::kTicket, "OPEN the door"},
        Case{"DONE with it? not yet", Kind::kTicket, "DONE with it? not yet"},
        Case{"p9 is no priority", Kind::kTicket, "p9 is no priority"},
        Case{"[link](x) first", Kind::kTicket, "[link](x) first"},
        Case{"-5 degrees", Kind::kTicket, "-5 degrees"},
        Case{"3.14 is enough", Kind::kTicket, "3.14 is enough"},
        Case{"#hash is no heading", Kind::kTicket, "#hash is no heading"},
        Case{"- ticket: T-7 is broken again", Kind::kTicket, "T-7 is broken again"},
        Case{"tab\there \x1b[31mred", Kind::kTicket, "tab here [31mred"},
        // The hub's own.
        Case{"- [2025-07-29 12:00:00] ticket: T-17 OPEN p2 Mend", Kind::kOwn, ""},
        Case{"- [2025-07-29 12:00:00] ticket: T-17 DONE p0 edited", Kind::kOwn, ""},
        Case{"  - [2025-07-29 12:00:00] ticket: T-17 BURIED p2", Kind::kOwn, ""},
        // Of another log: its text is escaped.
        Case{"- [2025-07-29 12:00:00] ticket: T-99 OPEN p3 a \\*b\\* \\\\ c", Kind::kTicket,
             "a *b* \\ c", 3},
        // None.
        Case{"", Kind::kBlank, ""}, Case{" \t\r", Kind::kBlank, ""},
        Case{"# Tickets", Kind::kUnreadable, ""}, Case{"###", Kind::kUnreadable, ""},
        Case{"---", Kind::kUnreadable, ""}, Case{"```sh", Kind::kUnreadable, ""},
        Case{"<!-- note -->", Kind::kUnreadable, ""}, Case{"- [x] done", Kind::kUnreadable, ""},
        Case{"-", Kind::kUnreadable, ""}, Case{"- ticket:", Kind::kUnreadable, ""},
        Case{"- [2025-07-29 12:00:00] ticket: DONE p1 Mend", Kind::kUnreadable, ""},
        Case{"T-99 CANCELLED Mend", Kind::kUnreadable, ""},
        Case{"\xe2\x80\x8b", Kind::kUnreadable, ""}, Case{"M\xfcller", Kind::kUnreadable, ""},
        Case{std::string("nul \0 byte", 10), Kind::kUnreadable, ""}));

TEST(ForeignLine, LongTextGoesOnInTheBody) {
  const std::string text(513, 'x');
  const ForeignLine line = ReadForeignLine("- " + text, LineForm::kText, 0);
  EXPECT_LE(line.spec.title().size(), 512u);
  EXPECT_EQ(line.spec.body(), text);
  EXPECT_FALSE(line.cut);
  EXPECT_EQ(ReadForeignLine(std::string(512, 'x'), LineForm::kText, 0).spec.body(), "");
  EXPECT_TRUE(ReadForeignLine(std::string(65537, 'x'), LineForm::kText, 0).cut);
}

TEST(ForeignLine, JsonIsCheckedAsTheHubWould) {
  const auto kind = [](const std::string& text) {
    return ReadForeignLine(text, LineForm::kJson, kLastTicket).kind;
  };
  EXPECT_EQ(kind(R"({"title": "x", "labels": ["a"], "dependencies": [{"ticketId": "T-3"}]})"),
            Kind::kTicket);
  EXPECT_EQ(kind(R"({"title": "x", "priority": 9})"), Kind::kUnreadable);
  EXPECT_EQ(kind(R"({"title": "x", "surprise": 9})"), Kind::kUnreadable);
  EXPECT_EQ(kind(R"({"title": "x", "dependencies": [{"ticketId": "T-21"}]})"), Kind::kUnreadable);
  EXPECT_EQ(kind(R"({"title": "x", "parentTicketId": "@a"})"), Kind::kUnreadable);
  EXPECT_EQ(kind("{}"), Kind::kUnreadable);
  EXPECT_EQ(kind("[1, 2]"), Kind::kUnreadable);
  EXPECT_EQ(kind("  "), Kind::kBlank);
  EXPECT_EQ(kind("{\"title\": \"" + std::string(600, 'x') + "\"}"), Kind::kTicket);
}

// Whatever is taken for a ticket, the hub takes: a refused line would hold up all others.
TEST(ForeignLine, WhatIsATicketIsValid) {
  const std::string pieces[] = {"- ",
                                "[x] ",
                                "[ ] ",
                                "[2025-07-29 12:00:00] ",
                                "ticket: ",
                                "T-3 ",
                                "T-300 ",
                                "OPEN ",
                                "p1 ",
                                "\\",
                                "\xe2\x80\xae",
                                "\x01",
                                "\xc2\x85",
                                "text ",
                                "\xf0\x9f\x98\x80",
                                "\xff",
                                "# ",
                                "1. ",
                                std::string(600, 'y')};
  uint64_t random = 88172645463325252ull;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (int n = 0; n < 6; ++n) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      text += pieces[random % std::size(pieces)];
    }
    const ForeignLine line = ReadForeignLine(text, LineForm::kText, kLastTicket);
    if (line.kind != Kind::kTicket) continue;
    v1::CreateTicketRequest request;
    *request.mutable_spec() = line.spec;
    EXPECT_TRUE(core::Validate(request).ok()) << text;
  }
}

}  // namespace
}  // namespace coordhub::mirror
