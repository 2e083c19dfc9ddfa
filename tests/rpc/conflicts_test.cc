// Conflicts between branches, over the wire: listed, and told to whom they concern.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "hub/core/conflict_changes.h"
#include "hub/engine/record_branches.h"
#include "hub/engine/record_conflicts.h"
#include "hub/engine/submit_and_wait.h"
#include "tests/rpc/services_fixture.h"
#include "tests/rpc/streams.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Repository = pb::RepositoryService::Stub;

constexpr char kCommit[] = "c0ffee";

class ConflictsTest : public ServicesTest {
 protected:
  void SetUp() override { RegisterOn(&agent_, "conversation-1", "task-1"); }

  static void RegisterOn(Client* client, const std::string& agent_id, const std::string& branch) {
    pb::RegisterAgentRequest request;
    request.set_agent_id(agent_id);
    request.set_branch(branch);
    client->set_session(Ok(*client, &Agents::RegisterAgent, request).session_token());
  }

  // As the coordinator does.
  void See(const std::vector<std::string>& names) {
    std::vector<pb::Branch> branches;
    for (const std::string& name : names) {
      branches.emplace_back().set_branch(name);
      branches.back().set_commit(kCommit);
    }
    std::vector<const pb::Branch*> seen;
    for (const pb::Branch& branch : branches) seen.push_back(&branch);
    EXPECT_TRUE(engine::RecordBranches(&hub_.workspace(), seen).ok());
    names_ = names;
  }
  // These pairs conflict, and no others.
  void Find(const std::vector<std::pair<std::string, std::string>>& pairs,
            const std::string& path = "src/a.cc") {
    core::ComparedBranches found;
    for (const auto& [a, b] : pairs) {
      pb::Conflict& conflict = found.conflicts.emplace_back();
      conflict.set_branch_a(a);
      conflict.set_branch_b(b);
      conflict.set_commit_a(kCommit);
      conflict.set_commit_b(kCommit);
      conflict.add_paths(path);
      conflict.add_path_kinds(pb::Conflict::KIND_CONTENT);
      conflict.set_path_count(1);
      conflict.set_kind(pb::Conflict::KIND_CONTENT);
    }
    for (const std::string& name : names_) found.compared.push_back({name, kCommit});
    EXPECT_TRUE(engine::RecordConflicts(&hub_.workspace(), found).ok());
  }

  template <class Message>
  static std::vector<std::string> Pairs(const Message& message) {
    std::vector<std::string> pairs;
    for (const pb::Conflict& conflict : message.conflicts())
      pairs.push_back(absl::StrCat(conflict.branch_a(), " ", conflict.branch_b()));
    return pairs;
  }
  std::vector<std::string> Listed(const std::string& branch = "") {
    pb::ListConflictsRequest request;
    request.set_branch(branch);
    return Pairs(Ok(operator_, &Repository::ListConflicts, request));
  }

  void OpenRound(const std::string& branch) {
    pb::OpenRoundRequest request;
    request.set_target("main");
    request.add_member_branches(branch);
    EXPECT_TRUE(
        engine::SubmitAndWait(&hub_.workspace(), core::Caller::Operator(), request).status().ok());
  }

  std::vector<std::string> names_;
};

TEST_F(ConflictsTest, AreListedInOrderOfTheirBranches) {
  See({"main", "task-1", "task-2", "task-3"});
  Find({{"main", "task-2"}, {"task-1", "task-2"}, {"task-2", "task-3"}});
  EXPECT_THAT(Listed(), ElementsAre("main task-2", "task-1 task-2", "task-2 task-3"));
  EXPECT_THAT(Listed("task-2"), ElementsAre("main task-2", "task-1 task-2", "task-2 task-3"));
  EXPECT_THAT(Listed("task-1"), ElementsAre("task-1 task-2"));
  EXPECT_THAT(Listed("task-9"), IsEmpty());
  const auto answer = Ok(operator_, &Repository::ListConflicts, {});
  EXPECT_EQ(answer.revision(), hub_.workspace().view()->revision);
  EXPECT_EQ(answer.conflicts(1).owner_a_agent_id(), "conversation-1");
  EXPECT_EQ(answer.conflicts(1).paths(0), "src/a.cc");
  EXPECT_FALSE(answer.conflicts(1).uncommitted());
}

TEST_F(ConflictsTest, ArePagedAtOneRevision) {
  const std::string longest(255, 'z');
  See({"a", "b", "c", longest});
  Find({{"a", "b"}, {"a", longest}, {"b", longest}, {"c", longest}});
  pb::ListConflictsRequest request;
  request.set_page_size(2);
  auto page = Ok(operator_, &Repository::ListConflicts, request);
  EXPECT_THAT(Pairs(page), ElementsAre("a b", "a " + longest));
  const int64_t revision = page.revision();
  Find({{"a", "b"}});
  request.set_page_token(page.next_page_token());
  page = Ok(operator_, &Repository::ListConflicts, request);
  EXPECT_THAT(Pairs(page), ElementsAre("b " + longest, "c " + longest)) << "as the first page";
  EXPECT_EQ(page.revision(), revision);
  EXPECT_EQ(page.next_page_token(), "");
  EXPECT_THAT(Listed(), ElementsAre("a b"));
}

TEST_F(ConflictsTest, OfOneBranchArePaged) {
  See({"a", "b", "c", "d"});
  Find({{"a", "b"}, {"a", "d"}, {"b", "c"}, {"b", "d"}});
  pb::ListConflictsRequest request;
  request.set_branch("b");
  request.set_page_size(1);
  std::vector<std::string> pairs;
  do {
    const auto page = Ok(operator_, &Repository::ListConflicts, request);
    ASSERT_EQ(page.conflicts_size(), 1);
    pairs.push_back(Pairs(page)[0]);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(pairs, ElementsAre("a b", "b c", "b d"));
}

TEST_F(ConflictsTest, OpenAndClearReachAWatcher) {
  See({"task-1", "task-2"});
  Watch watch(operator_, WatchAfter(hub_.workspace().view()->revision));
  watch.Opened();
  Find({{"task-1", "task-2"}});
  watch.ReadTo(hub_.workspace().view()->revision);
  Find({});
  watch.ReadTo(hub_.workspace().view()->revision);
  ASSERT_EQ(watch.events().size(), 2u);
  EXPECT_EQ(watch.events()[0].kind(), pb::EVENT_KIND_CONFLICTS_CHANGED);
  EXPECT_EQ(watch.events()[0].actor(), "hub:coordinator");
  EXPECT_FALSE(watch.events()[0].changes(0).erased());
  EXPECT_TRUE(watch.events()[1].changes(0).erased());
}

TEST_F(ConflictsTest, AreToldToBothOwnersUnasked) {
  Client other = hub_.OnSocket();
  RegisterOn(&other, "conversation-2", "task-2");
  See({"task-1", "task-2"});
  KeepAlive first(agent_);
  KeepAlive second(other);
  for (KeepAlive* stream : {&first, &second}) {
    const pb::KeepAliveResponse answer = stream->Beat(1);
    EXPECT_TRUE(answer.conflicts_told()) << "the first answer says that there are none";
    EXPECT_THAT(Pairs(answer), IsEmpty());
  }
  EXPECT_FALSE(first.Beat(2).conflicts_told()) << "nothing changed";
  Find({{"task-1", "task-2"}});
  for (KeepAlive* stream : {&first, &second}) {
    const auto told = stream->Next();
    ASSERT_TRUE(told.has_value());
    EXPECT_EQ(told->sequence(), 0) << "unasked";
    EXPECT_TRUE(told->conflicts_told());
    EXPECT_THAT(Pairs(*told), ElementsAre("task-1 task-2"));
  }
  EXPECT_FALSE(first.Beat(3).conflicts_told()) << "it has been told";
  Find({});
  const auto cleared = first.Next();
  ASSERT_TRUE(cleared.has_value());
  EXPECT_TRUE(cleared->conflicts_told());
  EXPECT_THAT(Pairs(*cleared), IsEmpty());
}

TEST_F(ConflictsTest, ThoseOfOthersAreNotTold) {
  See({"task-1", "task-2", "task-3"});
  KeepAlive stream(agent_);
  stream.Beat(1);
  Find({{"task-2", "task-3"}});
  Find({{"task-2", "task-3"}, {"task-1", "task-3"}});
  const auto told = stream.Next();
  ASSERT_TRUE(told.has_value());
  EXPECT_THAT(Pairs(*told), ElementsAre("task-1 task-3")) << "the first thing that it is told";
}

TEST_F(ConflictsTest, ASubAgentIsToldOfItsParentsBranch) {
  Client child = hub_.OnSocket();
  child.set_session(agent_.session());
  RegisterOn(&child, "conversation-1/reviewer", "task-1");
  See({"main", "task-1"});
  KeepAlive stream(child);
  stream.Beat(1);
  Find({{"main", "task-1"}});
  const auto told = stream.Next();
  ASSERT_TRUE(told.has_value());
  EXPECT_THAT(Pairs(*told), ElementsAre("main task-1"));
}

TEST_F(ConflictsTest, ThoseThatWereOpenBeforeAreInTheFirstAnswer) {
  See({"main", "task-1"});
  Find({{"main", "task-1"}});
  KeepAlive stream(agent_);
  EXPECT_THAT(Pairs(stream.Beat(1)), ElementsAre("main task-1"));
}

TEST_F(ConflictsTest, ARoundIsToldAndMakesConvergenceActive) {
  See({"main", "task-1"});
  EXPECT_FALSE(Ok(operator_, &Repository::GetRepositoryStatus, {}).convergence_active());
  KeepAlive stream(agent_);
  EXPECT_EQ(stream.Beat(1).round_id(), "");
  OpenRound("task-1");
  const auto told = stream.Next();
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->round_id(), "C-1");
  EXPECT_FALSE(told->conflicts_told());
  EXPECT_TRUE(Ok(operator_, &Repository::GetRepositoryStatus, {}).convergence_active());
  pb::CancelRoundRequest cancel;
  cancel.set_round_id("C-1");
  cancel.set_reason("not now");
  EXPECT_TRUE(
      engine::SubmitAndWait(&hub_.workspace(), core::Caller::Operator(), cancel).status().ok());
  const auto over = stream.Next();
  ASSERT_TRUE(over.has_value());
  EXPECT_EQ(over->round_id(), "");
  EXPECT_FALSE(Ok(operator_, &Repository::GetRepositoryStatus, {}).convergence_active());
}

}  // namespace
}  // namespace coordhub::rpc
