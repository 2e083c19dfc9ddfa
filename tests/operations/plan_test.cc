// In which order branches go, with merges that the test makes up.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "hub/operations/integration_plan.h"

namespace coordhub::operations {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Commits are called as their branches are.
class FakeTrial final : public PlanTrial {
 public:
  void Clash(const std::string& a, const std::string& b) { clashes_.insert(std::minmax(a, b)); }
  // On top of the other it does not go, though the two merge.
  void KeepOff(const std::string& member, const std::string& top) { off_[member] = top; }

  absl::StatusOr<std::vector<std::string>> Conflicts(const std::string& a,
                                                     const std::string& b) override {
    if (!clashes_.contains(std::minmax(a, b))) return std::vector<std::string>();
    return std::vector<std::string>{absl::StrCat(std::min(a, b), "-", std::max(a, b))};
  }
  absl::StatusOr<Stacked> Stack(const std::string& tip, const PlanMember& member) override {
    const auto off = off_.find(member.commit);
    if (off != off_.end() && tip.find(off->second) != std::string::npos) {
      return Stacked{.tip = "", .paths = {"stacked"}, .reason = "does not go on top"};
    }
    return Stacked{.tip = absl::StrCat(tip, "+", member.commit), .paths = {}, .reason = {}};
  }

 private:
  std::set<std::pair<std::string, std::string>> clashes_;
  std::map<std::string, std::string> off_;
};

class PlanTest : public testing::Test {
 protected:
  IntegrationPlan Plan(const std::vector<std::string>& branches, bool late = false) {
    std::vector<PlanMember> members;
    for (const std::string& branch : branches) members.push_back({branch, "", branch});
    auto plan = PlanOrder("main", "main", members, trial_, [late] { return late; });
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plan.ok() ? *plan : IntegrationPlan();
  }
  static std::vector<std::string> StepsOf(const IntegrationPlan& plan) {
    std::vector<std::string> names;
    for (const PlannedStep& step : plan.steps) names.push_back(step.member.branch);
    return names;
  }
  static std::vector<std::string> LeftOutOf(const IntegrationPlan& plan) {
    std::vector<std::string> names;
    for (const LeftOut& out : plan.left_out) {
      names.push_back(absl::StrCat(out.member.branch, " for ", out.conflicts_with, " in ",
                                   absl::StrJoin(out.paths, ",")));
    }
    return names;
  }

  FakeTrial trial_;
};

TEST_F(PlanTest, WhatMergesGoesInTheMembersOrder) {
  const IntegrationPlan plan = Plan({"c", "a", "b"});
  EXPECT_THAT(StepsOf(plan), ElementsAre("c", "a", "b"));
  EXPECT_EQ(plan.steps.back().tip, "main+c+a+b");
  EXPECT_THAT(plan.left_out, IsEmpty());
  EXPECT_TRUE(plan.exact);
  EXPECT_FALSE(plan.costliest.has_value());
}

TEST_F(PlanTest, TheMostGoAlong) {
  // One in the middle that conflicts with all others.
  for (const char* other : {"b", "c", "d"}) trial_.Clash("a", other);
  const IntegrationPlan plan = Plan({"a", "b", "c", "d"});
  EXPECT_THAT(StepsOf(plan), ElementsAre("b", "c", "d"));
  EXPECT_THAT(LeftOutOf(plan), ElementsAre("a for b in a-b"));
}

TEST_F(PlanTest, OfEqualsTheFirstInOrderGoes) {
  trial_.Clash("a", "b");
  EXPECT_THAT(StepsOf(Plan({"a", "b"})), ElementsAre("a"));
  EXPECT_THAT(StepsOf(Plan({"b", "a"})), ElementsAre("b"));
}

TEST_F(PlanTest, TheTargetPrevails) {
  trial_.Clash("main", "a");
  trial_.Clash("a", "b");
  const IntegrationPlan plan = Plan({"a", "b"});
  EXPECT_THAT(StepsOf(plan), ElementsAre("b"));
  EXPECT_THAT(LeftOutOf(plan), ElementsAre("a for main in a-main"));
}

TEST_F(PlanTest, AChainKeepsEverySecond) {
  const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
  for (size_t i = 0; i + 1 < names.size(); ++i) trial_.Clash(names[i], names[i + 1]);
  EXPECT_THAT(StepsOf(Plan(names)), ElementsAre("a", "c", "e"));
}

TEST_F(PlanTest, WhatDoesNotStackIsTriedOnceMoreAndThenLeftOut) {
  trial_.KeepOff("a", "main+b");  // never the case: a goes before b
  trial_.KeepOff("c", "+a");
  const IntegrationPlan plan = Plan({"a", "b", "c"});
  EXPECT_THAT(StepsOf(plan), ElementsAre("a", "b"));
  EXPECT_THAT(LeftOutOf(plan), ElementsAre("c for  in stacked"));
  EXPECT_FALSE(plan.exact) << "another order might take it along";
}

TEST_F(PlanTest, TheCostliestConflictIsTheOneThatKeepsMostOut) {
  trial_.Clash("a", "b");
  trial_.Clash("b", "c");
  trial_.Clash("d", "e");
  // Without d-e both come along; without a-b or b-c nothing more does: the other still stands.
  const IntegrationPlan plan = Plan({"a", "b", "c", "d", "e"});
  ASSERT_TRUE(plan.costliest.has_value());
  EXPECT_EQ(plan.costliest->branch_a, "d");
  EXPECT_EQ(plan.costliest->branch_b, "e");
  EXPECT_EQ(plan.costliest->branches, 1);
}

// The largest set without a conflict, by trying all.
size_t LargestByForce(const std::vector<std::string>& names,
                      const std::set<std::pair<std::string, std::string>>& clashes) {
  size_t best = 0;
  for (uint32_t set = 0; set < (1u << names.size()); ++set) {
    std::vector<std::string> chosen;
    for (size_t i = 0; i < names.size(); ++i) {
      if ((set & (1u << i)) != 0) chosen.push_back(names[i]);
    }
    const bool fits = std::all_of(clashes.begin(), clashes.end(), [&](const auto& clash) {
      return std::count(chosen.begin(), chosen.end(), clash.first) == 0 ||
             std::count(chosen.begin(), chosen.end(), clash.second) == 0;
    });
    if (fits) best = std::max(best, chosen.size());
  }
  return best;
}

TEST_F(PlanTest, UpToTwelveAreChosenExactlyAndNothingChosenConflicts) {
  uint32_t seed = 20261130;
  const auto next = [&seed] { return seed = seed * 1664525u + 1013904223u; };
  for (int round = 0; round < 60; ++round) {
    FakeTrial trial;
    std::vector<std::string> names;
    for (int i = 0; i < 2 + round % 11; ++i)
      names.push_back(std::string(1, static_cast<char>('a' + i)));
    std::set<std::pair<std::string, std::string>> clashes;
    for (const std::string& a : names) {
      for (const std::string& b : names) {
        if (a >= b || (next() >> 16) % 3 != 0) continue;
        trial.Clash(a, b);
        clashes.emplace(a, b);
      }
    }
    trial_ = trial;
    const IntegrationPlan plan = Plan(names);
    EXPECT_EQ(plan.steps.size(), LargestByForce(names, clashes)) << round;
    EXPECT_TRUE(plan.exact);
    EXPECT_EQ(plan.steps.size() + plan.left_out.size(), names.size());
    const std::vector<std::string> chosen = StepsOf(plan);
    for (const auto& [a, b] : clashes) {
      EXPECT_FALSE(std::count(chosen.begin(), chosen.end(), a) != 0 &&
                   std::count(chosen.begin(), chosen.end(), b) != 0)
          << a << " and " << b;
    }
  }
}

TEST_F(PlanTest, BeyondTwelveTheHeuristicSaysSo) {
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) names.push_back(absl::StrCat("b", i + 10));
  for (size_t i = 0; i + 1 < names.size(); ++i) trial_.Clash(names[i], names[i + 1]);
  const IntegrationPlan plan = Plan(names);
  EXPECT_FALSE(plan.exact);
  EXPECT_EQ(plan.steps.size(), 10u) << "it finds the best of a chain all the same";
}

}  // namespace
}  // namespace coordhub::operations
