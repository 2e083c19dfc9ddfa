// `coordctl conflicts`: the matrix, the hunks, the files that keep attracting them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "agent/coordctl/hot_files.h"
#include "coordhub/v1/repository_service.pb.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

pb::Conflict Clash(const std::string& a, const std::string& b,
                   const std::vector<std::string>& paths = {"src/a.cc"}) {
  pb::Conflict conflict;
  conflict.set_branch_a(a);
  conflict.set_branch_b(b);
  conflict.set_kind(pb::Conflict::KIND_CONTENT);
  conflict.set_path_count(static_cast<int>(paths.size()));
  for (const std::string& path : paths) {
    conflict.add_paths(path);
    conflict.add_path_kinds(pb::Conflict::KIND_CONTENT);
  }
  return conflict;
}

class ConflictsCommand : public Commands {
 protected:
  // ListConflicts answers with these, two a page.
  void Answer(std::vector<pb::Conflict> conflicts) {
    hub_->On<pb::ListConflictsRequest, pb::ListConflictsResponse>(
        "RepositoryService/ListConflicts",
        [conflicts = std::move(conflicts)](const pb::ListConflictsRequest& request,
                                           pb::ListConflictsResponse* response) {
          size_t at = request.page_token().empty() ? 0 : std::stoul(request.page_token());
          for (size_t end = at + 2; at < conflicts.size() && at < end; ++at)
            *response->add_conflicts() = conflicts[at];
          if (at < conflicts.size()) response->set_next_page_token(std::to_string(at));
          return absl::OkStatus();
        });
  }
  void AnswerMerge(const pb::PreviewMergeResponse& merge) {
    hub_->On<pb::PreviewMergeRequest, pb::PreviewMergeResponse>(
        "RepositoryService/PreviewMerge",
        [merge](const pb::PreviewMergeRequest&, pb::PreviewMergeResponse* response) {
          *response = merge;
          return absl::OkStatus();
        });
  }
};

TEST_F(ConflictsCommand, AreLinesForPrograms) {
  pb::Conflict provisional = Clash("task-2", "task-3");
  provisional.set_uncommitted(true);
  pb::Conflict unknown = Clash("main", "task-9", {});
  unknown.set_problem("the history is not all here");
  pb::Conflict many = Clash("main", "task-2", {"src/a.cc", "src/b.cc"});
  many.set_path_count(30);
  many.set_owner_b_agent_id("conversation-2");
  Answer({many, unknown, provisional});
  EXPECT_EQ(Run({"conflicts"}), 0) << err_;
  EXPECT_EQ(out_,
            "main\ttask-2\t30\tcontent\t\tconversation-2\tsrc/a.cc src/b.cc and 28 more\n"
            "main\ttask-9\t?\tunknown\t\t\tthe history is not all here\n"
            "task-2\ttask-3\t1\tcontent, uncommitted\t\t\tsrc/a.cc\n");
}

TEST_F(ConflictsCommand, AreAMatrixOnATerminal) {
  terminal_ = true;
  environment_["NO_COLOR"] = "1";
  pb::Conflict provisional = Clash("task-1", "task-2", {"a", "b"});
  provisional.set_uncommitted(true);
  pb::Conflict unknown = Clash("main", "task-2", {});
  unknown.set_problem("the history is not all here");
  Answer({Clash("main", "task-1"), unknown, provisional});
  EXPECT_EQ(Run({"conflicts"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("           1   2   3\n"
                              "1 main     -   1   ?\n"
                              "2 task-1   1   -  2~\n"
                              "3 task-2   ?  2~   -\n"));
  EXPECT_THAT(out_, HasSubstr("BRANCH"));
}

TEST_F(ConflictsCommand, WhereThereAreNoneATerminalSaysSo) {
  Answer({});
  EXPECT_EQ(Run({"conflicts", "--exit-code"}), 0);
  EXPECT_EQ(out_, "");
  terminal_ = true;
  EXPECT_EQ(Run({"conflicts"}), 0);
  EXPECT_THAT(out_, HasSubstr("No conflicts.\n"));
}

TEST_F(ConflictsCommand, ExitCodeTellsWhetherThereAreAny) {
  Answer({Clash("main", "task-1")});
  EXPECT_EQ(Run({"conflicts"}), 0);
  EXPECT_EQ(Run({"conflicts", "--exit-code"}), 1);
  EXPECT_EQ(Run({"conflicts", "--exit-code", "--json"}), 1);
  AnswerMerge({});
  EXPECT_EQ(Run({"conflicts", "main", "task-1", "--exit-code"}), 0);
}

TEST_F(ConflictsCommand, AsksForOneBranchAndForWhatIsUncommitted) {
  Answer({});
  Run({"conflicts", "task-1", "--uncommitted"});
  const auto request =
      hub_->Requests<pb::ListConflictsRequest>("RepositoryService/ListConflicts").back();
  EXPECT_EQ(request.branch(), "task-1");
  EXPECT_TRUE(request.with_uncommitted());
}

TEST_F(ConflictsCommand, JsonIsAnArray) {
  Answer({Clash("a", "b"), Clash("a", "c"), Clash("b", "c")});
  EXPECT_EQ(Run({"conflicts", "--json"}), 0);
  const auto json = nlohmann::json::parse(out_);
  ASSERT_EQ(json.size(), 3u);
  EXPECT_EQ(json[2]["branchA"], "b");
  EXPECT_EQ(json[2]["kind"], "KIND_CONTENT");
}

TEST_F(ConflictsCommand, OfTwoBranchesTheHunksAreShown) {
  pb::PreviewMergeResponse merge;
  *merge.mutable_conflict() = Clash("main", "task-1");
  merge.set_hunks("<<<<<<< main\none\n=======\ntwo\x1b[31m\n>>>>>>> task-1\n");
  merge.set_hunks_cut(true);
  AnswerMerge(merge);
  EXPECT_EQ(Run({"conflicts", "task-1", "main"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("task-1 and main do not merge: 1 file\n  src/a.cc  content\n"));
  EXPECT_THAT(out_, HasSubstr("\n  <<<<<<< main\n  one\n"));
  EXPECT_THAT(out_, Not(HasSubstr("\x1b")));
  EXPECT_THAT(out_, HasSubstr("There is more than is shown here.\n"));
  const auto request =
      hub_->Requests<pb::PreviewMergeRequest>("RepositoryService/PreviewMerge").back();
  EXPECT_EQ(request.ours(), "task-1");
  EXPECT_EQ(request.theirs(), "main");
  EXPECT_EQ(Run({"conflicts", "task-1", "main", "--exit-code"}), 1);
  EXPECT_EQ(Run({"conflicts", "task-1", "main", "--json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(out_)["hunksCut"], true);
}

TEST_F(ConflictsCommand, OfTwoThatMergeThatIsSaid) {
  pb::PreviewMergeResponse merge;
  merge.set_tree("c0ffee");
  AnswerMerge(merge);
  EXPECT_EQ(Run({"conflicts", "task-1", "main"}), 0);
  EXPECT_EQ(out_, "task-1 and main merge\n");
}

pb::Event Opened(const pb::Conflict& conflict, bool was_there = false) {
  pb::Event event;
  event.set_kind(pb::EVENT_KIND_CONFLICTS_CHANGED);
  *event.add_changes()->mutable_conflict() = conflict;
  if (was_there) event.mutable_changes(0)->mutable_previous();
  return event;
}

pb::Event Cleared(const std::string& a, const std::string& b) {
  pb::Event event = Opened(Clash(a, b, {}), true);
  event.mutable_changes(0)->set_erased(true);
  return event;
}

std::vector<std::pair<std::string, int64_t>> Counted(const std::vector<pb::Event>& events,
                                                     size_t limit = 10) {
  HotFileCount count;
  for (const pb::Event& event : events) count.Add(event);
  std::vector<std::pair<std::string, int64_t>> counted;
  for (const HotFile& file : count.Hottest(limit)) counted.emplace_back(file.path, file.opened);
  return counted;
}

TEST(HotFiles, AreThoseOnWhichConflictsOpenedMostOften) {
  EXPECT_THAT(Counted({Opened(Clash("a", "b", {"x", "y"})), Cleared("a", "b"),
                       Opened(Clash("a", "b", {"y"})), Opened(Clash("a", "c", {"y", "z"}))}),
              ElementsAre(std::pair("y", 3), std::pair("x", 1), std::pair("z", 1)));
}

TEST(HotFiles, AConflictThatGoesOnCountsOnceForEachFile) {
  EXPECT_THAT(Counted({Opened(Clash("a", "b", {"x"})), Opened(Clash("a", "b", {"x"}), true),
                       Opened(Clash("a", "b", {"x", "y"}), true)}),
              ElementsAre(std::pair("x", 1), std::pair("y", 1)));
}

TEST(HotFiles, OfAConflictWhoseBeginningIsNotKeptOnlyWhatComesAnewCounts) {
  EXPECT_THAT(Counted({Opened(Clash("a", "b", {"x"}), true), Opened(Clash("a", "b", {"x"}), true),
                       Opened(Clash("a", "b", {"z"}), true)}),
              ElementsAre(std::pair("z", 1)));
}

TEST(HotFiles, AreTheFirstSoMany) {
  EXPECT_EQ(Counted({Opened(Clash("a", "b", {"x", "y", "z"}))}, 2).size(), 2u);
}

TEST_F(ConflictsCommand, HotSaysFromWhereItCounts) {
  hub_->On<pb::ListEventsRequest, pb::ListEventsResponse>(
      "EventService/ListEvents",
      [](const pb::ListEventsRequest& request, pb::ListEventsResponse* response) {
        EXPECT_EQ(request.filter().kinds(0), pb::EVENT_KIND_CONFLICTS_CHANGED);
        response->set_start_revision(41);
        *response->add_events() = Opened(Clash("a", "b", {"x"}));
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"conflicts", "--hot", "-n", "5"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("x\t1\t1\t"));
  EXPECT_THAT(err_, HasSubstr("Counted from revision 42 on; what was before has been compacted"));
  EXPECT_EQ(Run({"conflicts", "--hot", "--json"}), 0);
  const auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["fromRevision"], "42");
  EXPECT_EQ(json["files"][0]["path"], "x");
  EXPECT_EQ(json["files"][0]["opened"], 1);
  EXPECT_EQ(Run({"conflicts", "task-1", "--hot"}), 2) << "of all branches only";
}

}  // namespace
}  // namespace coordhub::coordctl
