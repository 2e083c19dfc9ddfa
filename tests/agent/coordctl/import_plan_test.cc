#include "agent/coordctl/import_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"

namespace coordhub::coordctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ImportItem Item(int line, const std::string& local_id, std::vector<std::string> depends = {},
                const std::string& parent = "") {
  ImportItem item;
  item.line = line;
  item.local_id = local_id;
  item.spec.set_title(absl::StrCat("t", line));
  for (const std::string& depend : depends) item.spec.add_dependencies()->set_ticket_id(depend);
  item.spec.set_parent_ticket_id(parent);
  return item;
}

std::vector<int> Lines(const ImportPlan& plan) {
  std::vector<int> lines;
  for (const ImportItem& item : plan.items()) lines.push_back(item.line);
  return lines;
}

std::vector<ImportItem> Many(int count) {
  std::vector<ImportItem> items;
  for (int i = 1; i <= count; ++i) items.push_back(Item(i, ""));
  return items;
}

TEST(ImportPlan, KeepsTheOrderOfTheFile) {
  const auto plan = ImportPlan::Make({Item(1, "a"), Item(2, "b", {"@a"}), Item(3, "")}, "");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Lines(*plan), ElementsAre(1, 2, 3));
  EXPECT_EQ(plan->batches(), 1);
}

TEST(ImportPlan, PutsWhatOthersReferToBeforeThem) {
  const auto plan = ImportPlan::Make(
      {Item(1, "", {"@c"}), Item(2, ""), Item(3, "c", {}, "@d"), Item(4, "d")}, "");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Lines(*plan), ElementsAre(2, 4, 3, 1));
}

TEST(ImportPlan, CutsAtFiveHundredTickets) {
  const auto plan = ImportPlan::Make(Many(1001), "");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->batches(), 3);
  EXPECT_EQ(plan->Request(0, {}).tickets_size(), 500);
  EXPECT_EQ(plan->Request(2, {}).tickets_size(), 1);
}

TEST(ImportPlan, CutsBeforeARequestBecomesTooLargeForTheHub) {
  std::vector<ImportItem> items = Many(100);
  for (ImportItem& item : items) item.spec.set_body(std::string(65536, 'b'));
  const auto plan = ImportPlan::Make(items, "");
  ASSERT_TRUE(plan.ok());
  int tickets = 0;
  for (int batch = 0; batch < plan->batches(); ++batch) {
    const auto request = plan->Request(batch, {});
    EXPECT_LT(request.ByteSizeLong(), size_t{1} << 20);
    EXPECT_GT(request.tickets_size(), 0);
    tickets += request.tickets_size();
  }
  EXPECT_EQ(tickets, 100);
}

TEST(ImportPlan, RefersToEarlierBatchesByTheirRealIds) {
  std::vector<ImportItem> items = Many(501);
  items[0].local_id = "first";
  items[499].local_id = "last-of-batch";
  items[499].spec.set_parent_ticket_id("@first");
  items[500].spec.add_dependencies()->set_ticket_id("@first");
  items[500].spec.add_dependencies()->set_ticket_id("T-9000");
  const auto plan = ImportPlan::Make(items, "");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->Request(0, {}).tickets(499).spec().parent_ticket_id(), "@first");
  std::vector<std::string> ids(500, "T-x");
  ids[0] = "T-77";
  const auto second = plan->Request(1, ids);
  EXPECT_EQ(second.tickets(0).spec().dependencies(0).ticket_id(), "T-77");
  EXPECT_EQ(second.tickets(0).spec().dependencies(1).ticket_id(), "T-9000");
}

TEST(ImportPlan, TheSameItemsHaveTheSameRequestIdsAndOthersHaveOthers) {
  const auto ids = [](std::vector<ImportItem> items, const std::string& salt) {
    const auto plan = ImportPlan::Make(std::move(items), salt);
    std::set<std::string> found;
    for (int batch = 0; batch < plan->batches(); ++batch) {
      found.insert(plan->Request(batch, std::vector<std::string>(10000)).request_id());
    }
    return found;
  };
  const auto first = ids(Many(1001), "");
  EXPECT_EQ(first.size(), 3u);
  EXPECT_EQ(first, ids(Many(1001), ""));
  auto changed = Many(1001);
  changed[0].spec.set_title("another");
  for (const std::string& id : ids(changed, "")) EXPECT_EQ(first.count(id), 0u);
  for (const std::string& id : ids(Many(1001), "again")) EXPECT_EQ(first.count(id), 0u);
  for (const std::string& id : first) EXPECT_LE(id.size(), 64u);
}

// What the hub refused in the last batch is mended: the batches before it were made already.
TEST(ImportPlan, WhatIsMendedLaterOnChangesNothingBeforeIt) {
  std::vector<ImportItem> items = Many(1001);
  items[0].local_id = "line1";
  items[1000].spec.set_parent_ticket_id("@line1");
  const auto plan = ImportPlan::Make(items, "");
  items[1000].spec.clear_parent_ticket_id();
  items[0].local_id = "";  // as Markdown has it when nothing is nested in it any more
  items.pop_back();
  items.push_back(Item(1001, "", {"T-3"}));
  items.push_back(Item(1002, ""));
  const auto mended = ImportPlan::Make(items, "");
  ASSERT_TRUE(plan.ok() && mended.ok());
  for (const int batch : {0, 1}) {
    EXPECT_EQ(plan->Request(batch, {}).SerializeAsString(),
              mended->Request(batch, {}).SerializeAsString());
  }
  const std::vector<std::string> ids(1000, "T-1");
  EXPECT_NE(plan->Request(2, ids).request_id(), mended->Request(2, ids).request_id());
}

TEST(ImportPlan, KnowsWhatItNeedsOutside) {
  const auto plan = ImportPlan::Make(
      {Item(1, "a", {"T-7"}, "T-3"), Item(2, "b", {}, "@a"), Item(3, "", {"T-7", "T-3"}, "@b")},
      "");
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->outside().size(), 2u);
  EXPECT_EQ(plan->outside().at("T-7").line, 1);
  EXPECT_EQ(plan->outside().at("T-7").levels, 0);
  EXPECT_EQ(plan->outside().at("T-3").levels, 3);
}

// `count` items below one another, under `parent`.
std::vector<ImportItem> Nested(int count, const std::string& parent) {
  std::vector<ImportItem> items;
  for (int i = 1; i <= count; ++i) {
    items.push_back(Item(i, absl::StrCat("l", i), {}, i == 1 ? parent : absl::StrCat("@l", i - 1)));
  }
  return items;
}

TEST(ImportPlan, TakesSixteenParentsAboveATicket) {
  EXPECT_TRUE(ImportPlan::Make(Nested(17, ""), "").ok());
  EXPECT_TRUE(ImportPlan::Make(Nested(16, "T-1"), "").ok());
}

TEST(ImportPlan, OfNothingIsEmpty) {
  const auto plan = ImportPlan::Make({}, "");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->batches(), 0);
}

struct BadCase {
  std::string name;
  std::vector<ImportItem> items;
  std::string line;
  std::string why;
};

class BadPlan : public testing::TestWithParam<BadCase> {};

TEST_P(BadPlan, NamesTheLine) {
  const auto plan = ImportPlan::Make(GetParam().items, "");
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(base::MetadataOf(plan.status(), "field"), GetParam().line);
  EXPECT_THAT(std::string(plan.status().message()), HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(
    Items, BadPlan,
    testing::ValuesIn<BadCase>({
        {"SameName", {Item(1, "a"), Item(5, "a")}, "line 5", "line 1"},
        {"Unknown", {Item(1, "a"), Item(2, "", {"@b"})}, "line 2", "\"b\""},
        {"Itself", {Item(3, "a", {"@a"})}, "line 3", "for itself"},
        {"Circle", {Item(1, ""), Item(2, "a", {"@b"}), Item(3, "b", {}, "@a")}, "line 2", "itself"},
        {"BehindACircle",
         {Item(1, "", {"@b"}), Item(2, "a", {"@b"}), Item(3, "b", {"@a"})},
         "line 2",
         "itself"},
        // A parent waits for its children.
        {"ChildThatWaitsForItsParent",
         {Item(1, "a"), Item(2, "b", {}, "@a"), Item(3, "", {"@a"}, "@b")},
         "line 1",
         "itself"},
        {"ChildThatWaitsForItsParentOutside", {Item(1, "", {"T-1"}, "T-1")}, "line 1", "T-1"},
        {"SeventeenParents", Nested(18, ""), "line 18", "more than 16 parents"},
        {"SeventeenParentsWithOneOutside", Nested(17, "T-1"), "line 17", "more than 16 parents"},
    }),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace coordhub::coordctl
