#include "agent/coordctl/terminal.h"

#include <gtest/gtest.h>

namespace coordhub::coordctl {
namespace {

TEST(DisplayWidth, CountsCells) {
  EXPECT_EQ(DisplayWidth(""), 0u);
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("äöü"), 3u);
  EXPECT_EQ(DisplayWidth("日本"), 4u);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1u);  // e and a combining accent
  EXPECT_EQ(DisplayWidth("🙂"), 2u);
}

TEST(FitWidth, CutsWholeCharactersAndSaysSo) {
  EXPECT_EQ(FitWidth("abc", 3), "abc");
  EXPECT_EQ(FitWidth("abcd", 3), "ab…");
  EXPECT_EQ(FitWidth("日本語", 5), "日本…");
  EXPECT_EQ(FitWidth("日本語", 4), "日…");  // half a character is none
  EXPECT_EQ(FitWidth("abc", 1), "…");
  EXPECT_EQ(FitWidth("abc", 0), "");
}

TEST(UseColor, FollowsTheChoiceThenTheTerminalAndNoColor) {
  EXPECT_TRUE(UseColor("always", false, "1", "dumb"));
  EXPECT_FALSE(UseColor("never", true, "", "xterm"));
  EXPECT_TRUE(UseColor("auto", true, "", "xterm"));
  EXPECT_FALSE(UseColor("auto", false, "", "xterm"));
  EXPECT_FALSE(UseColor("auto", true, "1", "xterm"));
  EXPECT_FALSE(UseColor("auto", true, "", "dumb"));
}

TEST(SafeBlock, IndentsEveryLineAndLetsNoEscapeThrough) {
  EXPECT_EQ(SafeBlock("a\nb", "  "), "  a\n  b\n");
  EXPECT_EQ(SafeBlock("a\n\nb\n", "  "), "  a\n\n  b\n");
  EXPECT_EQ(SafeBlock("\x1b[31mred\x1b[0m\x07", "> "), "> red\n");
  EXPECT_EQ(SafeBlock("", "  "), "");
}

TEST(Table, IsTabsAndNothingElseWithoutATerminal) {
  Table table({"ID", "TITLE"}, /*is_terminal=*/false, /*color=*/false, 0);
  table.Add({{"T-1", Color::kBold}, {"two\twords\nand \x1b[1mmore"}});
  table.Add({{"T-2"}, {""}});
  EXPECT_EQ(table.Render(), "T-1\ttwo words and more\nT-2\t\n");
}

TEST(Table, AlignsColumnsAndCutsTheLastOnATerminal) {
  Table table({"ID", "TITLE"}, /*is_terminal=*/true, /*color=*/false, 24);
  table.Add({{"T-1"}, {"short"}});
  table.Add({{"T-1000"}, {"a title that is much too long"}});
  EXPECT_EQ(table.Render(),
            "ID      TITLE\n"
            "T-1     short\n"
            "T-1000  a title that is…\n");
}

TEST(Table, ColoursDoNotCountAsWidth) {
  Table table({"A", "B"}, true, true, 80);
  table.Add({{"x", Color::kRed}, {"y"}});
  EXPECT_EQ(table.Render(),
            "\x1b[1mA\x1b[0m  \x1b[1mB\x1b[0m\n"
            "\x1b[31mx\x1b[0m  y\n");
}

TEST(Table, WithoutRowsIsEmpty) {
  EXPECT_EQ(Table({"A"}, true, false, 80).Render(), "");
  EXPECT_EQ(Table({"A"}, false, false, 0).Render(), "");
}

}  // namespace
}  // namespace coordhub::coordctl
