// What was observed of git, over the wire.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "hub/engine/record_branches.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;
using Repository = pb::RepositoryService::Stub;

class RepositoryTest : public ServicesTest {
 protected:
  static git::ObservedBranchPtr Branch(const std::string& name,
                                       const std::vector<std::string>& paths = {}) {
    auto observed = std::make_shared<git::ObservedBranch>();
    observed->branch.set_branch(name);
    observed->branch.set_commit("c0ffee");
    observed->paths = paths;
    return observed;
  }
  static pb::Worktree Worktree(const std::string& path) {
    pb::Worktree worktree;
    worktree.set_path(path);
    return worktree;
  }

  // As the coordinator does: into the log, and for reads.
  void Observe(git::Observation seen) {
    std::vector<const pb::Branch*> branches;
    for (const auto& observed : seen.branches) branches.push_back(&observed->branch);
    EXPECT_TRUE(engine::RecordBranches(&hub_.workspace(), branches).ok());
    hub_.SetObservation(std::make_shared<const git::Observation>(std::move(seen)));
  }
  template <class Response>
  static std::vector<std::string> Names(const Response& response) {
    std::vector<std::string> names;
    for (const auto& branch : response.branches()) names.push_back(branch.branch());
    return names;
  }
};

TEST_F(RepositoryTest, BeforeTheFirstLookNothingIsMadeUp) {
  hub_.SetObservation(nullptr);
  pb::GetRepositoryStatusResponse status;
  EXPECT_EQ(ReasonOf(operator_.Call(&Repository::GetRepositoryStatus, {}, &status)),
            pb::ERROR_REASON_NOT_OBSERVED);
  pb::ListWorktreesResponse worktrees;
  EXPECT_EQ(ReasonOf(operator_.Call(&Repository::ListWorktrees, {}, &worktrees)),
            pb::ERROR_REASON_NOT_OBSERVED);
  pb::ListBranchesRequest request;
  pb::ListBranchesResponse branches;
  EXPECT_TRUE(operator_.Call(&Repository::ListBranches, request, &branches).ok())
      << "the log has them";
  request.set_with_paths(true);
  EXPECT_EQ(ReasonOf(operator_.Call(&Repository::ListBranches, request, &branches)),
            pb::ERROR_REASON_NOT_OBSERVED);
}

TEST_F(RepositoryTest, StatusIsWhatWasSeen) {
  git::Observation seen;
  seen.main_worktree = "/repo";
  seen.target = "main";
  seen.target_commit = "abc";
  seen.shared_state_exists = true;
  seen.conversation_branch_count = 1;
  seen.branches = {Branch("conversation-1"), Branch("feature")};
  seen.worktrees = {Worktree("/linked"), Worktree("/repo")};
  seen.worktrees[0].set_name("linked");
  seen.worktrees[1].set_changed_files(7);
  seen.time = absl::FromUnixSeconds(1'753'790'400);
  seen.problems = {"one.", "two."};
  Observe(std::move(seen));
  const auto status = Ok(operator_, &Repository::GetRepositoryStatus, {});
  EXPECT_EQ(status.worktree().path(), "/repo");
  EXPECT_EQ(status.worktree().changed_files(), 7);
  EXPECT_EQ(status.target(), "main");
  EXPECT_EQ(status.target_commit(), "abc");
  EXPECT_EQ(status.conversation_branch_count(), 1);
  EXPECT_EQ(status.branch_count(), 2);
  EXPECT_EQ(status.worktree_count(), 2);
  EXPECT_TRUE(status.shared_state_exists());
  EXPECT_FALSE(status.bare());
  EXPECT_EQ(status.observe_time().seconds(), 1'753'790'400);
  EXPECT_EQ(status.problem(), "one.; two.");
  EXPECT_EQ(status.revision(), operator_.GetHub().workspace().head_revision());
}

TEST_F(RepositoryTest, BranchesArePagedAtOneRevision) {
  git::Observation seen;
  for (int i = 0; i < 5; ++i) seen.branches.push_back(Branch(absl::StrCat("task-", i), {"a", "b"}));
  Observe(seen);
  pb::ListBranchesRequest request;
  request.set_page_size(2);
  request.set_with_paths(true);
  auto page = Ok(operator_, &Repository::ListBranches, request);
  EXPECT_THAT(Names(page), ElementsAre("task-0", "task-1"));
  ASSERT_EQ(page.branch_paths_size(), 2);
  EXPECT_EQ(page.branch_paths(1).branch(), "task-1");
  EXPECT_THAT(page.branch_paths(1).paths(), ElementsAre("a", "b"));
  const int64_t revision = page.revision();

  git::Observation later = seen;
  later.branches.erase(later.branches.begin() + 2);
  Observe(later);
  request.set_page_token(page.next_page_token());
  page = Ok(operator_, &Repository::ListBranches, request);
  EXPECT_THAT(Names(page), ElementsAre("task-2", "task-3")) << "as the first page";
  EXPECT_EQ(page.revision(), revision);
  EXPECT_EQ(page.branch_paths_size(), 1) << "paths are known of branches that are there";
  request.set_page_token(page.next_page_token());
  page = Ok(operator_, &Repository::ListBranches, request);
  EXPECT_THAT(Names(page), ElementsAre("task-4"));
  EXPECT_EQ(page.next_page_token(), "");

  EXPECT_THAT(Names(Ok(operator_, &Repository::ListBranches, {})),
              ElementsAre("task-0", "task-1", "task-3", "task-4"));
}

TEST_F(RepositoryTest, APageOfManyPathsFitsIntoAMessage) {
  git::Observation seen;
  const std::vector<std::string> paths(1000, std::string(1000, 'p'));
  for (int i = 0; i < 10; ++i) seen.branches.push_back(Branch(absl::StrCat("task-", i), paths));
  Observe(seen);
  pb::ListBranchesRequest request;
  request.set_with_paths(true);
  int count = 0;
  do {
    const auto page = Ok(operator_, &Repository::ListBranches, request);
    EXPECT_LT(page.ByteSizeLong(), size_t{5} << 20);
    EXPECT_GT(page.branches_size(), 0);
    count += page.branches_size();
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(count, 10);
}

TEST_F(RepositoryTest, WorktreesArePagedAndHaveOwners) {
  pb::RegisterAgentRequest registration;
  registration.set_agent_id("conversation-2");
  registration.set_worktree("/b/");
  Ok(operator_, &Agents::RegisterAgent, registration);
  git::Observation seen;
  for (const char* path : {"/a", "/b", "/c"}) seen.worktrees.push_back(Worktree(path));
  Observe(std::move(seen));
  pb::ListWorktreesRequest request;
  request.set_page_size(2);
  auto page = Ok(operator_, &Repository::ListWorktrees, request);
  ASSERT_EQ(page.worktrees_size(), 2);
  EXPECT_EQ(page.worktrees(0).owner_agent_id(), "");
  EXPECT_EQ(page.worktrees(1).owner_agent_id(), "conversation-2");
  request.set_page_token(page.next_page_token());
  page = Ok(operator_, &Repository::ListWorktrees, request);
  ASSERT_EQ(page.worktrees_size(), 1);
  EXPECT_EQ(page.worktrees(0).path(), "/c");
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(RepositoryTest, WorktreesArePagedWhateverTheirPaths) {
  const std::string odd = "/b\n" + std::string(3000, 'x');
  git::Observation seen;
  for (const std::string& path : {std::string("/a"), odd, std::string("/c")}) {
    seen.worktrees.push_back(Worktree(path));
  }
  Observe(seen);
  pb::ListWorktreesRequest request;
  request.set_page_size(2);
  auto page = Ok(operator_, &Repository::ListWorktrees, request);
  ASSERT_EQ(page.worktrees_size(), 2);
  EXPECT_EQ(page.worktrees(1).path(), odd);
  request.set_page_token(page.next_page_token());
  page = Ok(operator_, &Repository::ListWorktrees, request);
  ASSERT_EQ(page.worktrees_size(), 1);
  EXPECT_EQ(page.worktrees(0).path(), "/c");

  seen.worktrees.erase(seen.worktrees.begin() + 1);
  Observe(seen);
  EXPECT_EQ(ReasonOf(operator_.Call(&Repository::ListWorktrees, request, &page)),
            pb::ERROR_REASON_PAGE_TOKEN_EXPIRED);
}

TEST_F(RepositoryTest, GetHubTellsUpToWhereGitIsInTheLog) {
  EXPECT_EQ(operator_.GetHub().workspace().observed_revision(), 0);
  git::Observation seen;
  seen.branches = {Branch("task-1")};
  Observe(seen);
  const pb::Workspace workspace = operator_.GetHub().workspace();
  EXPECT_EQ(workspace.observed_revision(), workspace.head_revision());
  Observe(seen);
  EXPECT_EQ(operator_.GetHub().workspace().head_revision(), workspace.head_revision())
      << "nothing changed, nothing was written";
}

}  // namespace
}  // namespace coordhub::rpc
