// Whatever agents put into titles, names and errors: a CommonMark parser that is not ours sees the
// list and the headings that we meant, and in them plain text.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/text.h"
#include "hub/core/limits.h"
#include "hub/mirror/convergence_file.h"
#include "hub/mirror/status_file.h"
#include "hub/mirror/tickets_file.h"
#include "tests/agent/base/temp_dir.h"
#include "tests/mirror/shared_state_fixture.h"
#include "tests/mirror/view_builder.h"

namespace coordhub::mirror {
namespace {

constexpr int kTitles = 10'000;

// What the parser found: elements in order, without those of plain text, and the text of each
// paragraph or heading.
struct Parsed {
  std::vector<std::string> elements;
  std::vector<std::string> texts;
};

std::string Unescape(std::string text) {
  return absl::StrReplaceAll(text,
                             {{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&amp;", "&"}});
}

Parsed ParseCommonMark(const std::string& text) {
  const base::TempDir directory;
  std::ofstream(directory / "text.md", std::ios::binary) << text;
  const std::unique_ptr<FILE, int (*)(FILE*)> cmark(
      popen(("cmark --to xml " + (directory / "text.md")).c_str(), "r"), pclose);
  std::string xml;
  char piece[65536];
  while (size_t got = fread(piece, 1, sizeof(piece), cmark.get())) xml.append(piece, got);
  EXPECT_FALSE(xml.empty()) << "cmark is not installed: run deploy/setup --test";

  Parsed parsed;
  for (absl::string_view line : absl::StrSplit(xml, '\n', absl::SkipEmpty())) {
    line = absl::StripLeadingAsciiWhitespace(line);
    if (absl::ConsumePrefix(&line, "<text xml:space=\"preserve\">")) {
      EXPECT_TRUE(absl::ConsumeSuffix(&line, "</text>")) << line;
      if (!parsed.texts.empty()) parsed.texts.back() += Unescape(std::string(line));
      continue;
    }
    if (line.substr(0, 2) == "</" || line.substr(0, 2) == "<?" || line.substr(0, 2) == "<!")
      continue;
    parsed.elements.emplace_back(line.substr(1, line.find_first_of(" >", 1) - 1));
    if (parsed.elements.back() == "paragraph" || parsed.elements.back() == "heading") {
      parsed.texts.emplace_back();
    }
  }
  return parsed;
}

class Corpus {
 public:
  std::string Next() {
    std::string text;
    const int pieces = static_cast<int>(Random() % 12);
    for (int i = 0; i < pieces; ++i) text += Piece();
    if (Random() % 1000 == 0) text.append(1 << 20, "x*<\n`"[Random() % 5]);
    return text;
  }

 private:
  uint64_t Random() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    return state_ ^= state_ << 17;
  }
  std::string Piece() {
    static const std::vector<std::string> pieces = {"\n",
                                                    "\r\n",
                                                    "\n\n",
                                                    "# ",
                                                    "## System State\n",
                                                    "- ",
                                                    "* ",
                                                    "+ ",
                                                    "1. ",
                                                    "2) ",
                                                    "> ",
                                                    "```",
                                                    "~~~\n",
                                                    "    ",
                                                    "\t",
                                                    "---\n",
                                                    "===\n",
                                                    "***",
                                                    "*",
                                                    "**",
                                                    "_",
                                                    "__",
                                                    "`",
                                                    "``",
                                                    "[",
                                                    "]",
                                                    "](http://example.invalid)",
                                                    "![x](y)",
                                                    "[a]: b\n",
                                                    "<script>",
                                                    "</script>",
                                                    "<!-- ",
                                                    "-->",
                                                    "<b>",
                                                    "<a href='x'>",
                                                    "<http://example.invalid>",
                                                    "a@example.invalid",
                                                    "&amp;",
                                                    "&#35;",
                                                    "&lt;",
                                                    "\\",
                                                    "\\\\",
                                                    "\\\n",
                                                    "| a | b |",
                                                    "ticket: ",
                                                    "- [2025-07-29 12:00:00] ticket: T-9 ",
                                                    "T-1 OPEN p2 ",
                                                    "- Last update: never\n",
                                                    "\xe2\x80\xae",
                                                    "\xe2\x80\x8b",
                                                    "\xe2\x80\xa8",
                                                    "\xc2\x85",
                                                    "\x1b[31m",
                                                    "\x07",
                                                    std::string(1, '\0'),
                                                    "\xff",
                                                    "\xed\xa0\x80",
                                                    "\xef\xbb\xbf",
                                                    "\xf0\x9f\x98\x80",
                                                    "\xc3\xa9",
                                                    "word ",
                                                    "conversation-42",
                                                    "snake_case_name",
                                                    "$x^2$",
                                                    "~",
                                                    "javascript:alert(1)",
                                                    "- [x] ",
                                                    "- [ ] ",
                                                    "  \n",
                                                    "\xc2\xa0",
                                                    "!",
                                                    "\"",
                                                    "'",
                                                    "%0a"};
    return pieces[Random() % pieces.size()];
  }
  uint64_t state_ = 88172645463325252ull;
};

// Spaces at the ends and runs of them are the parser's to drop.
std::string Squeezed(const std::string& text) {
  return absl::StrReplaceAll(text, {{" ", ""}, {"\xc2\xa0", ""}});
}

TEST(Injection, TicketsAreOneListOfPlainLines) {
  Corpus corpus;
  ViewBuilder builder;
  std::vector<std::string> titles;
  for (int i = 1; i <= kTitles; ++i) {
    titles.push_back(corpus.Next());
    builder.Ticket(i, v1::Ticket::STATE_OPEN, titles.back());
  }
  const std::string text = RenderTickets(*builder.Build(), absl::UTCTimeZone());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), kTitles) << "wc -l";
  int counted = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    counted += absl::StrContains(line, "ticket:") ? 1 : 0;
    EXPECT_LT(line.size(), 64 + 2 * core::limits::kTitleBytes);
  }
  EXPECT_EQ(counted, kTitles) << "grep -c ticket:";

  const Parsed parsed = ParseCommonMark(text);
  std::vector<std::string> skeleton = {"document", "list"};
  for (int i = 0; i < kTitles; ++i) skeleton.insert(skeleton.end(), {"item", "paragraph"});
  ASSERT_EQ(parsed.elements, skeleton);
  ASSERT_EQ(parsed.texts.size(), titles.size());
  for (int i = 0; i < kTitles; ++i) {
    const std::string shown = base::OneLine(titles[i], core::limits::kTitleBytes);
    ASSERT_EQ(Squeezed(parsed.texts[i]), Squeezed(absl::StrCat("[2025-07-29 12:00:00] ticket: T-",
                                                               i + 1, " OPEN p2 ", shown)));
  }
}

// Bytes as they are, but for what would end the string or the line.
std::string JsonString(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&json, "\\u%04x", c);
    } else {
      json += c;
    }
  }
  return json + "\"";
}

class InjectionOnTheWay : public SharedStateTest {
 protected:
  // Until everything that was written is imported and shown.
  void Import() {
    const auto done = [this] {
      return Names(".tickets.md.").empty() && Names(".inbox.").empty() &&
             Names("", "inbox").empty();
    };
    for (int i = 0; i < 400 && !(i > 0 && done()); ++i) Settle();
    EXPECT_TRUE(done());
    EXPECT_EQ(mirror_->problem(), "");
  }
  // tickets.md shows each ticket by one line of plain text, and in the order of their numbers.
  void ExpectPlainList() const {
    const std::vector<v1::Ticket> tickets = hub_.Tickets();
    const std::string text = Read("tickets.md");
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), static_cast<long>(tickets.size()));
    const Parsed parsed = ParseCommonMark(text);
    std::vector<std::string> skeleton = {"document", "list"};
    for (size_t i = 0; i < tickets.size(); ++i)
      skeleton.insert(skeleton.end(), {"item", "paragraph"});
    ASSERT_EQ(parsed.elements, skeleton);
    ASSERT_EQ(parsed.texts.size(), tickets.size());
    for (size_t i = 0; i < tickets.size(); ++i) {
      const std::string shown = base::OneLine(tickets[i].title(), core::limits::kTitleBytes);
      ASSERT_TRUE(
          absl::EndsWith(Squeezed(parsed.texts[i]),
                         Squeezed(absl::StrCat("ticket: ", tickets[i].ticket_id(), " OPEN p",
                                               tickets[i].priority(), " ", shown))))
          << parsed.texts[i];
    }
  }
};

TEST_F(InjectionOnTheWay, LinesOfScriptsBecomeAListOfPlainLines) {
  options_.processor_time = [] { return absl::ZeroDuration(); };
  Start();
  Corpus corpus;
  std::string text;
  for (int i = 0; i < kTitles; ++i) text += corpus.Next() + "\n";
  Append("tickets.md", text);
  Import();
  EXPECT_GT(hub_.Tickets().size(), static_cast<size_t>(kTitles / 2));
  ExpectPlainList();
}

TEST_F(InjectionOnTheWay, TitlesAndBodiesOfFilesBecomeAListOfPlainLines) {
  options_.processor_time = [] { return absl::ZeroDuration(); };
  Start();
  Corpus corpus;
  std::string text;
  for (int i = 0; i < kTitles; ++i) {
    text += absl::StrCat("{\"title\": ", JsonString(corpus.Next()),
                         ", \"body\": ", JsonString(corpus.Next()), "}\n");
  }
  Write("inbox/all.jsonl", text);
  Import();
  EXPECT_GT(hub_.Tickets().size(), static_cast<size_t>(kTitles / 10)) << "the others are refused";
  ExpectPlainList();
  EXPECT_GT(hub_.bodies().size(), static_cast<size_t>(kTitles / 20));
}

// The elements of a text in which every text of others is "x".
std::vector<std::string> ElementsOf(const std::string& text) {
  return ParseCommonMark(text).elements;
}

TEST(Injection, StatusAndConvergenceKeepTheirSkeleton) {
  Corpus corpus;
  const auto status = [](const std::function<std::string()>& text) {
    StatusFacts facts;
    facts.branch = text();
    facts.loops.resize(3);
    facts.conflicts.resize(20);
    facts.rounds.resize(2);
    for (v1::Loop& loop : facts.loops) {
      loop.set_title("x" + text());
      loop.set_last_error("x" + text());
    }
    for (v1::Conflict& conflict : facts.conflicts) {
      conflict.set_branch_a("x" + text());
      conflict.set_branch_b("x" + text());
    }
    for (v1::Round& round : facts.rounds) {
      round.set_round_id("x" + text());
      round.set_target("x" + text());
      round.set_state(v1::Round::STATE_OPEN);
      v1::RoundMember& member = *round.add_members();
      member.set_agent_id("x" + text());
      member.set_branch("x" + text());
      member.set_ready_commit("x" + text());
      v1::RoundBlocker& blocker = *round.add_blockers();
      blocker.set_agent_id("x" + text());
      blocker.set_action("x" + text());
      blocker.add_paths("x" + text());
    }
    facts.agents.resize(kListedAgents);
    for (v1::Agent& agent : facts.agents) {
      agent.set_agent_id("x" + text());
      agent.set_branch("x" + text());
    }
    facts.live_agents = kListedAgents;
    facts.notices = {"x" + text()};
    return std::pair(RenderStatus(*ViewBuilder().Build(), facts),
                     RenderConvergence(facts.rounds, absl::UTCTimeZone()));
  };
  const auto plain = status([] { return std::string("x"); });
  const auto skeletons = std::pair(ElementsOf(plain.first), ElementsOf(plain.second));
  for (int i = 0; i < 20; ++i) {
    const auto injected = status([&] { return corpus.Next(); });
    ASSERT_EQ(ElementsOf(injected.first), skeletons.first) << injected.first;
    ASSERT_EQ(ElementsOf(injected.second), skeletons.second) << injected.second;
  }
}

}  // namespace
}  // namespace coordhub::mirror
