#include "agent/base/text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace coordhub::base {
namespace {

using std::string_literals::operator""s;  // NOLINT(misc-unused-using-decls): it is used

// Stray and truncated bytes, overlong forms, a surrogate, values above U+10FFFF.
const char* const kMalformed[] = {"\x80",
                                  "\xbf",
                                  "\xc0\x80",
                                  "\xc1\xbf",
                                  "\xc2",
                                  "\xc2 ",
                                  "\xe0\x9f\xbf",
                                  "\xe2\x82",
                                  "\xed\xa0\x80",
                                  "\xf0\x8f\xbf\xbf",
                                  "\xf4\x90\x80\x80",
                                  "\xf5\x80\x80\x80",
                                  "\xff",
                                  "a\xfe"};

// Random bytes, with what these functions look for thrown in often.
std::string RandomText(std::mt19937_64* rng) {
  static const std::vector<std::string> pieces = {"\n",
                                                  "\t",
                                                  "\r\n",
                                                  " ",
                                                  "\0"s,
                                                  "\x1b[31m",
                                                  "\x1b]0;t\a",
                                                  "\x1b",
                                                  "\xc2\x9b",
                                                  "\xe2\x80\xae",
                                                  "\xe2\x80\x8b",
                                                  "\xe2\x80\xa8",
                                                  "\xf3\xa0\x81\x81",
                                                  "é",
                                                  "漢",
                                                  "🙂",
                                                  "a",
                                                  "T-17",
                                                  "_",
                                                  "*",
                                                  "`",
                                                  "|",
                                                  "<!--",
                                                  "]",
                                                  "1.",
                                                  "\\",
                                                  "\x80",
                                                  "\xe2\x82",
                                                  "\xff"};
  std::string text;
  for (size_t n = (*rng)() % 12; n > 0; --n) {
    if ((*rng)() % 8 == 0) {
      text += static_cast<char>((*rng)() & 0xff);
    } else {
      text += pieces[(*rng)() % pieces.size()];
    }
  }
  return text;
}

TEST(IsValidUtf8, AcceptsTheBordersOfEveryRange) {
  for (const std::string& s :
       {""s, "plain"s, "\0"s, "\x7f"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s,
        "\xee\x80\x80"s, "\xef\xbf\xbf"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s}) {
    EXPECT_TRUE(IsValidUtf8(s)) << testing::PrintToString(s);
    EXPECT_EQ(ToValidUtf8(s), s);
  }
}

TEST(IsValidUtf8, RefusesEveryMalformedForm) {
  for (const char* s : kMalformed) {
    EXPECT_FALSE(IsValidUtf8(s)) << testing::PrintToString(s);
    const std::string inside = std::string("before") + s + "after";
    EXPECT_FALSE(IsValidUtf8(inside));
    EXPECT_TRUE(IsValidUtf8(ToValidUtf8(inside)));
  }
}

TEST(ToValidUtf8, ReplacesEachMalformedPartOnce) {
  EXPECT_EQ(ToValidUtf8("a\xe2\x82z"), "a\xef\xbf\xbdz");
  EXPECT_EQ(ToValidUtf8("\xff\xff"), "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(TruncateUtf8, CutsBetweenCharacters) {
  EXPECT_EQ(TruncateUtf8("short", 5), "short");
  EXPECT_EQ(TruncateUtf8("longer", 5), "lo…");
  EXPECT_EQ(TruncateUtf8("äöüß", 7), "äö…");
  EXPECT_EQ(TruncateUtf8("äöüß", 6), "ä…");
  EXPECT_EQ(TruncateUtf8("äö", 2), "ä");
  EXPECT_EQ(TruncateUtf8("äö", 1), "");
  EXPECT_EQ(TruncateUtf8("äö", 0), "");
}

TEST(HasControlOrBidi, FindsWhatDeceives) {
  for (const std::string& s :
       {"a\nb"s, "\t"s, "\0"s, "\x1b[0m"s, "\x7f"s, "\xc2\x85"s, "\xe2\x80\xa8"s, "\xe2\x80\xae"s,
        "\xe2\x81\xa6"s, "\xe2\x80\x8b"s, "\xef\xbb\xbf"s, "\xd8\x9c"s, "\xf3\xa0\x81\x81"s}) {
    EXPECT_TRUE(HasControlOrBidi("x" + s + "y")) << testing::PrintToString(s);
  }
  for (const std::string& s : {""s, "plain text"s, "日本語"s, "👩‍💻 emoji"s}) {
    EXPECT_FALSE(HasControlOrBidi(s)) << s;
  }
}

TEST(OneLine, MakesOneLineOfAnything) {
  EXPECT_EQ(OneLine("  two\r\n\r\nlines\t. ", 100), "two lines .");
  EXPECT_EQ(OneLine("\n\n", 100), "");
  EXPECT_EQ(OneLine("a\xe2\x80\xa8g\xe2\x80\xaeh\xe2\x80\x8bi", 100), "a ghi");
  EXPECT_EQ(OneLine("T\xe2\x80\x8d-17", 100), "T-17");
  EXPECT_EQ(OneLine("nul\0byte"s, 100), "nul byte");
  EXPECT_EQ(OneLine("bad \xff", 100), "bad \xef\xbf\xbd");
  EXPECT_EQ(OneLine("two  spaces", 100), "two  spaces");
}

TEST(OneLine, MarksWhatItCutAndOnlyThat) {
  EXPECT_EQ(OneLine("exactly ten", 11), "exactly ten");
  EXPECT_EQ(OneLine("exactly ten!", 11), "exactly …");
  EXPECT_EQ(OneLine("ab cdef", 5), "ab…");
  EXPECT_EQ(OneLine("abcde f", 5), "ab…");
  EXPECT_EQ(OneLine("abcde  \n ", 5), "abcde");
}

TEST(OneLine, OfAnyBytesIsOneCleanBoundedLine) {
  std::mt19937_64 rng(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = RandomText(&rng);
    const size_t limit = rng() % 40;
    const std::string line = OneLine(text, limit);
    ASSERT_LE(line.size(), limit);
    ASSERT_TRUE(IsValidUtf8(line)) << testing::PrintToString(text);
    ASSERT_FALSE(HasControlOrBidi(line)) << testing::PrintToString(text);
    ASSERT_EQ(OneLine(line, limit), line) << testing::PrintToString(text);
  }
}

TEST(EscapeMarkdown, EscapesWhatMeansSomething) {
  EXPECT_EQ(EscapeMarkdown("# heading"), "\\# heading");
  EXPECT_EQ(EscapeMarkdown("- [x] done"), "\\- \\[x\\] done");
  EXPECT_EQ(EscapeMarkdown("---"), "\\-\\-\\-");
  EXPECT_EQ(EscapeMarkdown("==="), "\\=\\=\\=");
  EXPECT_EQ(EscapeMarkdown("1. item"), "1\\. item");
  EXPECT_EQ(EscapeMarkdown("23) item"), "23\\) item");
  EXPECT_EQ(EscapeMarkdown("> quote"), "\\> quote");
  EXPECT_EQ(EscapeMarkdown("a | b"), "a \\| b");
  EXPECT_EQ(EscapeMarkdown("**bold** _it_ `code` ~~no~~"),
            "\\*\\*bold\\*\\* \\_it\\_ \\`code\\` \\~\\~no\\~\\~");
  EXPECT_EQ(EscapeMarkdown("![i](http://x)"), "\\!\\[i\\](http://x)");
  EXPECT_EQ(EscapeMarkdown("[l](javascript:x)"), "\\[l\\](javascript:x)");
  EXPECT_EQ(EscapeMarkdown("<!-- hidden --><b>"), "\\<\\!\\-\\- hidden \\-\\-\\>\\<b\\>");
  EXPECT_EQ(EscapeMarkdown("&lt;"), "\\&lt;");
  EXPECT_EQ(EscapeMarkdown("end\\"), "end\\\\");
  EXPECT_EQ(EscapeMarkdown("two\nlines"), "two lines");
}

TEST(EscapeMarkdown, LeavesNamesAndProseReadable) {
  for (const char* s : {"conversation-42", "fix-up of snake_case_name in hub/core.cc",
                        "v1.5 (draft), done?", "C#7: a=b", "日本語 and 🙂"}) {
    EXPECT_EQ(EscapeMarkdown(s), s);
  }
  EXPECT_EQ(EscapeMarkdown("C++20"), "C\\+\\+20");
}

// Backslashes aside, nothing is lost: unescaping gives the text back.
TEST(EscapeMarkdown, IsUndoneByRemovingTheBackslashes) {
  std::mt19937_64 rng(2);
  for (int i = 0; i < 5000; ++i) {
    const std::string line = OneLine(RandomText(&rng), 100);
    const std::string escaped = EscapeMarkdown(line);
    std::string back;
    for (size_t j = 0; j < escaped.size(); ++j) {
      if (escaped[j] == '\\') ++j;
      ASSERT_LT(j, escaped.size());
      back += escaped[j];
    }
    ASSERT_EQ(back, line);
  }
}

TEST(TerminalSafe, RemovesWholeSequences) {
  EXPECT_EQ(TerminalSafe("\x1b[1;31mred\x1b[0m"), "red");
  EXPECT_EQ(TerminalSafe("\xc2\x9b"
                         "31mred"),
            "red");
  EXPECT_EQ(TerminalSafe("\x1b]0;title\arest"), "rest");
  EXPECT_EQ(TerminalSafe("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"), "link");
  EXPECT_EQ(TerminalSafe("\xc2\x9d"
                         "0;title\xc2\x9crest"),
            "rest");
  EXPECT_EQ(TerminalSafe("\x1bPq#0\x1b\\x"), "x");
  EXPECT_EQ(TerminalSafe("\x1b(Bx\x1b"
                         "7y\x1b"
                         "cz"),
            "xyz");
  EXPECT_EQ(TerminalSafe("cut\x1b]0;never ends"), "cut");
  EXPECT_EQ(TerminalSafe("cut\x1b[31"), "cut");
  EXPECT_EQ(TerminalSafe("\x1b"), "");
  EXPECT_EQ(TerminalSafe("\x1b\x1b[2Jx"), "x");
  EXPECT_EQ(TerminalSafe("\x1b[31\nx"), " x");
}

TEST(TerminalSafe, KeepsTextAndMakesTheRestHarmless) {
  EXPECT_EQ(TerminalSafe("a\nb\tc\rd\be"), "a b cde");
  EXPECT_EQ(TerminalSafe("👩‍💻 日本 é"), "👩‍💻 日本 é");
  EXPECT_EQ(TerminalSafe("evil\xe2\x80\xaetxt.exe"), "eviltxt.exe");
  EXPECT_EQ(TerminalSafe("\xff"), "\xef\xbf\xbd");
}

TEST(TerminalSafe, OfAnyBytesHasNoControl) {
  std::mt19937_64 rng(3);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = RandomText(&rng);
    const std::string safe = TerminalSafe(text);
    ASSERT_TRUE(IsValidUtf8(safe)) << testing::PrintToString(text);
    ASSERT_FALSE(HasControlOrBidi(safe)) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace coordhub::base
