#include "agent/coordctl/import_item.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/error.h"

namespace coordhub::coordctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<ImportItem> Markdown(const std::string& text, bool plain = false) {
  auto list = ParseMarkdownList(text, plain);
  EXPECT_TRUE(list.ok()) << list.status();
  return list.value_or(MarkdownList()).items;
}

std::vector<std::string> Titles(const std::vector<ImportItem>& items) {
  std::vector<std::string> titles;
  for (const ImportItem& item : items) titles.push_back(item.spec.title());
  return titles;
}

TEST(ParseMarkdownList, TakesEveryKindOfItem) {
  EXPECT_THAT(Titles(Markdown("- a\n* b\n+ c\n1. d\n12) e\n- [ ] f\n-   g  \r\n")),
              ElementsAre("a", "b", "c", "d", "e", "f", "g"));
}

TEST(ParseMarkdownList, KeepsTheLineOfEachItem) {
  const auto items = Markdown("# Plan\n\n- a\n\n  text\n- b\n");
  EXPECT_EQ(items[0].line, 3);
  EXPECT_EQ(items[1].line, 6);
}

TEST(ParseMarkdownList, LeavesTickedTasksOutAndMovesTheirChildrenUp) {
  const auto items = Markdown("- a\n  - [x] done\n    - b\n- [X] also done\n  its text\n  - c\n");
  EXPECT_THAT(Titles(items), ElementsAre("a", "b", "c"));
  EXPECT_EQ(items[1].spec.parent_ticket_id(), "@line1");
  EXPECT_EQ(items[2].spec.parent_ticket_id(), "");
}

TEST(ParseMarkdownList, NestingMakesChildren) {
  const auto items = Markdown("- a\n  - b\n    - c\n  - d\n\t- e\n- f\n");
  EXPECT_THAT(Titles(items), ElementsAre("a", "b", "c", "d", "e", "f"));
  EXPECT_EQ(items[0].local_id, "line1");
  EXPECT_EQ(items[1].spec.parent_ticket_id(), "@line1");
  EXPECT_EQ(items[2].spec.parent_ticket_id(), "@line2");
  EXPECT_EQ(items[3].spec.parent_ticket_id(), "@line1");
  EXPECT_EQ(items[4].spec.parent_ticket_id(), "@line4");  // a tab reaches column four
  EXPECT_EQ(items[5].spec.parent_ticket_id(), "");
  EXPECT_EQ(items[5].local_id, "");  // nobody refers to it
}

TEST(ParseMarkdownList, AHeadingEndsTheNesting) {
  const auto items = Markdown("- a\n## Next\n  - b\n");
  EXPECT_EQ(items[1].spec.parent_ticket_id(), "");
}

TEST(ParseMarkdownList, ReadsPriorityAndLabelsAtTheEnd) {
  const auto items = Markdown("- Fix it p0 #bug #io\n- p1 comes first\n- Close #42\n- p3\n");
  EXPECT_EQ(items[0].spec.title(), "Fix it");
  EXPECT_EQ(items[0].spec.priority(), 0);
  EXPECT_THAT(items[0].spec.labels(), ElementsAre("bug", "io"));
  EXPECT_EQ(items[1].spec.title(), "p1 comes first");
  EXPECT_FALSE(items[1].spec.has_priority());
  EXPECT_EQ(items[2].spec.title(), "Close #42");  // an issue's number is no label
  EXPECT_EQ(items[3].spec.title(), "p3");         // a ticket needs a title
}

TEST(ParseMarkdownList, PlainTitlesStayAsTheyAre) {
  const auto items = Markdown("- Upgrade to p2 #now\n", /*plain=*/true);
  EXPECT_EQ(items[0].spec.title(), "Upgrade to p2 #now");
  EXPECT_THAT(items[0].spec.labels(), IsEmpty());
}

TEST(ParseMarkdownList, IndentedLinesAreTheBody) {
  const auto items = Markdown(
      "- a\n"
      "  First line.\n"
      "\n"
      "      code\n"
      "\n"
      "- b\n");
  EXPECT_EQ(items[0].spec.body(), "First line.\n\n    code");
  EXPECT_EQ(items[1].spec.body(), "");
}

TEST(ParseMarkdownList, WhatStandsInACodeBlockIsNoItem) {
  const auto items = Markdown(
      "- a\n"
      "  ```\n"
      "  - not an item\n"
      "\n"
      "  # not a heading\n"
      "  ```\n"
      "  - b\n");
  EXPECT_THAT(Titles(items), ElementsAre("a", "b"));
  EXPECT_EQ(items[0].spec.body(), "```\n- not an item\n\n# not a heading\n```");
}

TEST(ParseMarkdownList, SkipsHeadingsRulesAndComments) {
  EXPECT_THAT(Titles(Markdown("# H\n---\n***\n<!-- note -->\n\n- a\n")), ElementsAre("a"));
  EXPECT_THAT(Markdown(""), IsEmpty());
}

TEST(ParseMarkdownList, CountsProseAndTickedTasksButMakesNothingOfThem) {
  const auto list = ParseMarkdownList(
      "The plan.\n"
      "\n"
      "| a | table |\n"
      "\n"
      "- a\n"
      "- [x] b\n"
      "\n"
      "Prose after it,\n"
      "in two lines.\n"
      "```\n"
      "- no item\n"
      "```\n"
      "<!-- a comment\n"
      "- no item either\n"
      "-->\n"
      "- [X] c\n",
      false);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(Titles(list->items), ElementsAre("a"));
  EXPECT_EQ(list->items[0].spec.body(), "");
  EXPECT_EQ(list->ticked, 2);
  EXPECT_THAT(list->prose_lines, ElementsAre(1, 3, 8, 9, 10, 11, 12));
}

TEST(ParseMarkdownList, ALineThatFollowsAtOnceGoesOnWithTheItem) {
  const auto items = Markdown("- a\nmore of a\nand more\n- b\n");
  EXPECT_THAT(Titles(items), ElementsAre("a", "b"));
  EXPECT_EQ(items[0].spec.body(), "more of a\nand more");
}

struct BadCase {
  std::string name;
  std::string text;
  std::string line;
  std::string why;
};

class BadMarkdown : public testing::TestWithParam<BadCase> {};

TEST_P(BadMarkdown, NamesTheLine) {
  const auto items = ParseMarkdownList(GetParam().text, false);
  ASSERT_FALSE(items.ok());
  EXPECT_EQ(base::ReasonOf(items.status()), pb::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(base::MetadataOf(items.status(), "field"), GetParam().line);
  EXPECT_THAT(std::string(items.status().message()), HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(
    Line, BadMarkdown,
    testing::ValuesIn<BadCase>({
        {"NoTitle", "- a\n- \n", "line 2", "no title"},
        {"EmptyTask", "- [ ]\n", "line 1", "no title"},
        {"TwoPriorities", "- a p1 p2\n", "line 1", "two priorities"},
        {"LongTitle", "- " + std::string(513, 'a'), "line 1", "more than 512 bytes of title"},
        {"LongLabel", "- a #" + std::string(65, 'b'), "line 1", "more than 64 bytes of label"},
        {"LongBody", "- a\n  " + std::string(65537, 'b'), "line 1", "more than 65536 bytes"},
        {"Control", "- a\x01z\n", "line 1", "control"},
        {"Bidi", "- a\xe2\x80\xaez\n", "line 1", "invisible"},
        {"NotUtf8", "- a\xff\n", "line 1", "not UTF-8"},
        {"BodyControl", "- a\n  b\x01z\n", "line 1", "body has control"},
        {"LabelBidi", "- a #b\xe2\x80\xae\n", "line 1", "label has control"},
        {"OpenFenceInProse", "- a\n\n```\nx\n", "line 3", "does not end"},
        {"OpenFence", "- a\n  ```\n  x\n", "line 2", "does not end"},
    }),
    [](const auto& test) { return test.param.name; });

TEST(ParseMarkdownList, LimitsAreInclusive) {
  EXPECT_EQ(Markdown("- " + std::string(512, 'a')).size(), 1u);
  EXPECT_EQ(Markdown("- a #" + std::string(64, 'b')).size(), 1u);
  EXPECT_EQ(Markdown("- a\n  " + std::string(65536, 'b')).size(), 1u);
}

// The hub's own limits and these are the same.
TEST(ParseJsonLines, TakesWhatTheHubTakes) {
  for (const std::string fields :
       {R"("max_attempts": 100)", R"("max_attempts": 0)", R"("assignee_agent_id": "a/b-1/c_2/d.3")",
        R"("dependencies": [{"ticket_id": "T-3", "until": "UNTIL_DONE"}])",
        R"("body": "two\n\tlines")", R"("paths": ["src/**"])",
        R"("not_before": "9999-12-31T23:59:59Z")"}) {
    EXPECT_TRUE(ParseJsonLines("{\"title\": \"a\", " + fields + "}\n").ok()) << fields;
  }
}

TEST(ParseJsonLines, TakesTheFieldsOfTheContract) {
  const auto items = ParseJsonLines(
      "{\"title\": \"a\", \"local_id\": \"x\", \"priority\": 0, \"labels\": [\"l\"]}\n"
      "\n"
      "{\"title\": \"b\", \"localId\": \"y\", \"dependencies\": [{\"ticketId\": \"@x\"}],"
      " \"parent_ticket_id\": \"T-3\", \"notBefore\": \"2025-08-01T12:00:00Z\"}\n");
  ASSERT_TRUE(items.ok()) << items.status();
  ASSERT_EQ(items->size(), 2u);
  EXPECT_EQ((*items)[0].local_id, "x");
  EXPECT_TRUE((*items)[0].spec.has_priority());
  EXPECT_EQ((*items)[1].line, 3);
  EXPECT_EQ((*items)[1].local_id, "y");
  EXPECT_EQ((*items)[1].spec.dependencies(0).ticket_id(), "@x");
  EXPECT_EQ((*items)[1].spec.parent_ticket_id(), "T-3");
  EXPECT_TRUE((*items)[1].spec.has_not_before());
}

class BadJson : public testing::TestWithParam<BadCase> {};

TEST_P(BadJson, NamesTheLine) {
  const auto items = ParseJsonLines(GetParam().text);
  ASSERT_FALSE(items.ok());
  EXPECT_EQ(base::MetadataOf(items.status(), "field"), GetParam().line);
  EXPECT_THAT(std::string(items.status().message()), HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(
    Line, BadJson,
    testing::ValuesIn<BadCase>({
        {"Broken", "{\"title\": \"a\"}\n{\"title\": \n", "line 2", "no valid JSON"},
        {"NoObject", "[1]\n", "line 1", "no JSON object"},
        {"UnknownField", "{\"title\": \"a\", \"titel\": \"b\"}\n", "line 1",
         "no field \"titel\"; did you mean \"title\"?"},
        {"StrangeField", "{\"xyzzy\": 1}\n", "line 1", "there are: title, body, priority"},
        {"WrongType", "{\"title\": \"a\", \"priority\": \"high\"}\n", "line 1",
         "priority is no whole number"},
        {"TitleNumber", "{\"title\": 5}\n", "line 1", "title is no text"},
        {"LabelsText", "{\"title\": \"a\", \"labels\": \"x\"}\n", "line 1", "labels is no list"},
        {"LabelNumber", "{\"title\": \"a\", \"labels\": [\"x\", 2]}\n", "line 1",
         "labels[1] is no text"},
        {"DependencyText", "{\"title\": \"a\", \"dependencies\": [\"T-3\"]}\n", "line 1",
         "dependencies[0] is no JSON object"},
        {"DependencyField", "{\"title\": \"a\", \"dependencies\": [{\"ticket\": \"T-3\"}]}\n",
         "line 1", "dependencies[0] has no field \"ticket\"; did you mean \"ticket_id\"?"},
        {"Until", "{\"title\": \"a\", \"dependencies\": [{\"until\": \"soon\"}]}\n", "line 1",
         "is none of UNTIL_DONE, UNTIL_INTEGRATED"},
        {"Time", "{\"title\": \"a\", \"not_before\": \"tomorrow\"}\n", "line 1",
         "not_before is no time"},
        {"Huge", "{\"title\": \"a\", \"priority\": 99999999999}\n", "line 1", "too large"},
        {"Array", "[\n{\"title\": \"a\"}]\n", "line 1", "jq -c '.[]'"},
        {"Pretty", "{\n\"title\": \"a\"}\n", "line 1", "one JSON object"},
        {"NoTitle", "{\"body\": \"a\"}\n", "line 1", "no title"},
        {"Priority", "{\"title\": \"a\", \"priority\": 5}\n", "line 1", "0 to 4"},
        {"LocalIdType", "{\"title\": \"a\", \"local_id\": 5}\n", "line 1", "local_id is no text"},
        {"HugeFloat", "{\"title\": \"a\", \"priority\": 1e30}\n", "line 1", "too large"},
        {"BeyondFloats", "{\"title\": \"a\", \"priority\": 1e999}\n", "line 1", "too large"},
        {"Fraction", "{\"title\": \"a\", \"priority\": 1.5}\n", "line 1", "no whole number"},
        {"BlankTitle", "{\"title\": \"  \"}\n", "line 1", "no title"},
        {"Attempts", "{\"title\": \"a\", \"max_attempts\": 101}\n", "line 1", "1 to 100"},
        {"NegativeAttempts", "{\"title\": \"a\", \"max_attempts\": -1}\n", "line 1", "1 to 100"},
        {"Assignee", "{\"title\": \"a\", \"assignee_agent_id\": \"a b\"}\n", "line 1",
         "assignee_agent_id"},
        {"AssigneeOperator", "{\"title\": \"a\", \"assignee_agent_id\": \"operator\"}\n", "line 1",
         "assignee_agent_id"},
        {"AssigneeDeep", "{\"title\": \"a\", \"assignee_agent_id\": \"a/b/c/d/e\"}\n", "line 1",
         "up to 4 names"},
        {"Dependency", "{\"title\": \"a\", \"dependencies\": [{\"ticket_id\": \"17\"}]}\n",
         "line 1", "\"17\" is neither a ticket such as T-17"},
        {"DependencyZero", "{\"title\": \"a\", \"dependencies\": [{\"ticket_id\": \"T-0\"}]}\n",
         "line 1", "neither a ticket"},
        {"DependencyWithoutId", "{\"title\": \"a\", \"dependencies\": [{}]}\n", "line 1",
         "without ticket_id"},
        {"DependencyTwice",
         "{\"title\": \"a\", \"dependencies\": [{\"ticket_id\": \"T-3\"}, {\"ticket_id\": "
         "\"T-3\"}]}\n",
         "line 1", "T-3 is there twice"},
        {"UntilNumber",
         "{\"title\": \"a\", \"dependencies\": [{\"ticket_id\": \"T-3\", \"until\": 7}]}\n",
         "line 1", "until"},
        {"Parent", "{\"title\": \"a\", \"parent_ticket_id\": \"parser\"}\n", "line 1",
         "parent_ticket_id \"parser\""},
        {"LabelControl", "{\"title\": \"a\", \"labels\": [\"a\\u0007\"]}\n", "line 1",
         "label has control"},
        {"LabelBidi", "{\"title\": \"a\", \"labels\": [\"a\\u202e\"]}\n", "line 1",
         "label has control or invisible"},
        {"LabelBlank", "{\"title\": \"a\", \"labels\": [\" \"]}\n", "line 1", "an empty label"},
        {"PathControl", "{\"title\": \"a\", \"paths\": [\"a\\nb\"]}\n", "line 1",
         "path has control"},
        {"PathLong", "{\"title\": \"a\", \"paths\": [\"" + std::string(513, 'p') + "\"]}\n",
         "line 1", "more than 512 bytes of path"},
        {"BodyControl", "{\"title\": \"a\", \"body\": \"a\\u0007b\"}\n", "line 1",
         "body has control"},
        {"LocalIdCharacters", "{\"title\": \"a\", \"local_id\": \"a b\"}\n", "line 1", "letters"},
    }),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace coordhub::coordctl
