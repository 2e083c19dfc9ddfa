// CreateWorktree and RemoveWorktree over the wire, on a real repository.

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "coordhub/v1/operation_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "tests/git/scratch_repository.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;
using Repository = pb::RepositoryService::Stub;

class WorktreesTest : public ::testing::Test {
 protected:
  using Agents = pb::AgentService::Stub;

  void SetUp() override {
    repo_.InitWithCommit();
    git::ObserverOptions options;
    options.clock = &clock_;
    auto observer = git::Observer::Open(repo_.common_dir(), options);
    ASSERT_TRUE(observer.ok()) << observer.status();
    observer_ = *std::move(observer);
    ASSERT_TRUE(observer_->ObserveHeads().ok());
    HubSpec spec;
    spec.common_dir = repo_.common_dir();
    spec.observer = observer_.get();
    spec.worktree_branches = {"task/{ticket}-{title}"};
    hub_ = std::make_unique<TestHub>(std::move(spec));
    operator_ = std::make_unique<Client>(hub_->OnSocket());
  }

  template <class Service, class Request, class Response>
  static Response Ok(const Client& client,
                     grpc::Status (Service::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                     const Request& request) {
    Response response;
    const grpc::Status status = client.Call(method, request, &response);
    EXPECT_TRUE(status.ok()) << FromGrpc(status);
    return response;
  }
  static pb::CreateWorktreeRequest Named(const std::string& branch) {
    pb::CreateWorktreeRequest request;
    request.set_branch(branch);
    return request;
  }
  pb::CreateWorktreeResponse Create(const Client& client,
                                    const pb::CreateWorktreeRequest& request) const {
    return Ok(client, &Repository::CreateWorktree, request);
  }
  grpc::Status TryCreate(const pb::CreateWorktreeRequest& request) const {
    pb::CreateWorktreeResponse response;
    return operator_->Call(&Repository::CreateWorktree, request, &response);
  }
  grpc::Status TryRemove(const std::string& path) const {
    pb::RemoveWorktreeRequest request;
    request.set_path(path);
    pb::RemoveWorktreeResponse response;
    return operator_->Call(&Repository::RemoveWorktree, request, &response);
  }
  std::vector<std::string> Branches() const {
    std::vector<std::string> branches;
    const auto listed = Ok(*operator_, &Repository::ListWorktrees, pb::ListWorktreesRequest());
    for (const pb::Worktree& worktree : listed.worktrees()) branches.push_back(worktree.branch());
    return branches;
  }
  Client Agent(const std::string& agent_id, const std::string& worktree) const {
    Client client = hub_->OnSocket();
    pb::RegisterAgentRequest request;
    request.set_agent_id(agent_id);
    request.set_worktree(worktree);
    client.set_session(Ok(client, &Agents::RegisterAgent, request).session_token());
    return client;
  }
  std::string Default(const std::string& name) const { return repo_.Beside("worktrees/" + name); }

  const git::ScratchRepository repo_;
  base::SystemClock clock_;
  std::unique_ptr<git::Observer> observer_;
  std::unique_ptr<TestHub> hub_;
  std::unique_ptr<Client> operator_;
};

TEST_F(WorktreesTest, WhatIsAnsweredIsListedAtOnce) {
  const auto made = Create(*operator_, Named("a/b"));
  EXPECT_EQ(made.worktree().path(), Default("a-b"));
  EXPECT_EQ(made.worktree().branch(), "a/b");
  EXPECT_EQ(made.operation_id(), "O-1");
  EXPECT_EQ(made.revision(), operator_->GetHub().workspace().head_revision());
  EXPECT_THAT(Branches(), UnorderedElementsAre("main", "a/b"));
  pb::RemoveWorktreeRequest remove;
  remove.set_path(Default("a-b") + "/");
  const auto removed = Ok(*operator_, &Repository::RemoveWorktree, remove);
  EXPECT_EQ(removed.worktree().branch(), "a/b");
  EXPECT_EQ(removed.operation_id(), "O-2");
  EXPECT_THAT(Branches(), ElementsAre("main"));
}

TEST_F(WorktreesTest, BranchesAreNamedForTicketsAndAgents) {
  operator_->Create("Mend the `fence`; rm -rf ~");
  pb::CreateWorktreeRequest request;
  request.set_ticket_id("T-1");
  EXPECT_EQ(Create(*operator_, request).worktree().branch(), "task/T-1-mend-the-fence-rm-rf");
  request.clear_ticket_id();
  request.set_agent_id("conversation-7");
  EXPECT_EQ(Create(*operator_, request).worktree().branch(), "conversation-7");
  const Client agent = Agent("conversation-8", "");
  EXPECT_EQ(Create(agent, {}).worktree().branch(), "conversation-8");
  EXPECT_EQ(MetadataOf(TryCreate({}), "field"), "branch");
}

TEST_F(WorktreesTest, ARepeatGetsTheSameWorktree) {
  auto request = Named("task-1");
  request.set_request_id("r-1");
  const auto first = Create(*operator_, request);
  const auto again = Create(*operator_, request);
  EXPECT_EQ(again.SerializeAsString(), first.SerializeAsString());
  request.set_start_point("main");
  EXPECT_EQ(ReasonOf(TryCreate(request)), pb::ERROR_REASON_REQUEST_ID_REUSED);
  pb::RemoveWorktreeRequest remove;
  remove.set_path(first.worktree().path());
  remove.set_request_id("r-2");
  EXPECT_EQ(Ok(*operator_, &Repository::RemoveWorktree, remove).operation_id(),
            Ok(*operator_, &Repository::RemoveWorktree, remove).operation_id());
}

TEST_F(WorktreesTest, WhatGitRefusesNamesItsField) {
  Create(*operator_, Named("task-1"));
  auto request = Named("task-1");
  request.set_path(Default("other"));
  EXPECT_EQ(MetadataOf(TryCreate(request), "field"), "branch");
  request.set_existing_branch(true);
  EXPECT_EQ(MetadataOf(TryCreate(request), "field"), "branch");
  request = Named("x.lock");
  EXPECT_EQ(MetadataOf(TryCreate(request), "field"), "branch");
  request = Named("task-2");
  request.set_path(repo_.common_dir() + "/x");
  EXPECT_EQ(MetadataOf(TryCreate(request), "field"), "path");
  request.set_path(Default("x/../../repo/.git/x"));
  EXPECT_EQ(MetadataOf(TryCreate(request), "field"), "path");
  request = Named("task-2");
  request.set_start_point("nowhere");
  EXPECT_EQ(ReasonOf(TryCreate(request)), pb::ERROR_REASON_BRANCH_NOT_FOUND);
  EXPECT_EQ(MetadataOf(TryCreate(request), "branch"), "nowhere");
  EXPECT_THAT(Branches(), UnorderedElementsAre("main", "task-1"));
}

TEST_F(WorktreesTest, WorkThatWouldBeLostIsToldAndKept) {
  const std::string path = Create(*operator_, Named("task-1")).worktree().path();
  repo_.Run("echo mine > new", path);
  const grpc::Status dirty = TryRemove(path);
  EXPECT_EQ(ReasonOf(dirty), pb::ERROR_REASON_WORKTREE_DIRTY);
  EXPECT_EQ(MetadataOf(dirty, "worktree"), path);
  EXPECT_EQ(MetadataOf(dirty, "changed_files"), "1");
  EXPECT_EQ(repo_.Run("cat new", path), "mine");
  repo_.Run("git add new; git commit -qm new", path);
  EXPECT_EQ(MetadataOf(TryRemove(path), "unmerged_commits"), "1");
  pb::RemoveWorktreeRequest remove;
  remove.set_path(path);
  remove.set_allow_unmerged(true);
  Ok(*operator_, &Repository::RemoveWorktree, remove);
  EXPECT_EQ(repo_.Git("show task-1:new"), "mine");
  EXPECT_EQ(ReasonOf(TryRemove(path)), pb::ERROR_REASON_WORKTREE_NOT_FOUND);
  EXPECT_EQ(MetadataOf(TryRemove(repo_.top()), "field"), "path");
}

TEST_F(WorktreesTest, ItsAgentIsNamedAndKeepsIt) {
  const std::string path = Create(*operator_, Named("task-1")).worktree().path();
  Agent("ann", path);
  const auto listed = Ok(*operator_, &Repository::ListWorktrees, pb::ListWorktreesRequest());
  for (const pb::Worktree& worktree : listed.worktrees()) {
    EXPECT_EQ(worktree.owner_agent_id(), worktree.path() == path ? "ann" : "");
  }
  const grpc::Status held = TryRemove(path);
  EXPECT_EQ(ReasonOf(held), pb::ERROR_REASON_WORKTREE_HELD);
  EXPECT_EQ(MetadataOf(held, "holder"), "ann");
  pb::RegisterAgentRequest second;
  second.set_agent_id("bob");
  second.set_worktree(path);
  pb::RegisterAgentResponse response;
  EXPECT_EQ(ReasonOf(operator_->Call(&Agents::RegisterAgent, second, &response)),
            pb::ERROR_REASON_WORKTREE_HELD);
  second.set_share_worktree(true);
  Ok(*operator_, &Agents::RegisterAgent, second);
}

TEST_F(WorktreesTest, AnAgentsWorktreesLieBesideTheRepository) {
  const Client agent = Agent("ann", "");
  auto request = Named("task-1");
  request.set_path("/tmp/coordhub-test-elsewhere");
  pb::CreateWorktreeResponse response;
  const grpc::Status status = agent.Call(&Repository::CreateWorktree, request, &response);
  EXPECT_EQ(MetadataOf(status, "field"), "path");
  EXPECT_FALSE(std::filesystem::exists("/tmp/coordhub-test-elsewhere"));
  request.set_path(repo_.Beside("mine"));
  EXPECT_EQ(Create(agent, request).worktree().path(), repo_.Beside("mine"));
}

TEST_F(WorktreesTest, TwentyAtOnceAreAllMade) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] { Create(hub_->OnSocket(), Named(absl::StrCat("task-", i))); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Branches().size(), 21u);
  EXPECT_EQ(repo_.Git("worktree list | wc -l"), "21");
  EXPECT_EQ(repo_.Git("fsck --no-progress"), "");
}

}  // namespace
}  // namespace coordhub::rpc
