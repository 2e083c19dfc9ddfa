// Merges in memory and what is uncommitted, over the wire; with a real repository.

#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "hub/engine/record_branches.h"
#include "hub/git/observer.h"
#include "tests/git/scratch_repository.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Repository = pb::RepositoryService::Stub;

class MergesTest : public ::testing::Test {
 protected:
  MergesTest() {
    repository_.Init();
    Commit(repository_.top(), "base\n");
    for (const char* branch : {"task-1", "task-2"}) {
      repository_.Git(
          absl::StrCat("worktree add -q -b ", branch, " '", repository_.Beside(branch), "'"));
    }
    HubSpec spec;
    spec.common_dir = repository_.common_dir();
    hub_ = std::make_unique<TestHub>(std::move(spec));
    operator_ = std::make_unique<Client>(hub_->OnSocket());
    auto opened = git::Observer::Open(repository_.common_dir(), {.clock = &hub_->clock()});
    EXPECT_TRUE(opened.ok()) << opened.status();
    observer_ = *std::move(opened);
  }

  void Write(const std::string& directory, const std::string& text) const {
    std::ofstream(directory + "/file") << text;
  }
  void Commit(const std::string& directory, const std::string& text) const {
    Write(directory, text);
    repository_.Git("add -A", directory);
    repository_.Git("commit -qm change", directory);
  }
  // As the coordinator does.
  void Look() {
    auto seen = observer_->Observe();
    ASSERT_TRUE(seen.ok()) << seen.status();
    std::vector<const pb::Branch*> branches;
    for (const auto& observed : (*seen)->branches) branches.push_back(&observed->branch);
    ASSERT_TRUE(engine::RecordBranches(&hub_->workspace(), branches).ok());
    hub_->SetObservation(*seen);
  }
  pb::PreviewMergeResponse Preview(const std::string& ours, const std::string& theirs,
                                   bool with_uncommitted = false) {
    pb::PreviewMergeRequest request;
    request.set_ours(ours);
    request.set_theirs(theirs);
    request.set_with_uncommitted(with_uncommitted);
    pb::PreviewMergeResponse response;
    const grpc::Status status = operator_->Call(&Repository::PreviewMerge, request, &response);
    EXPECT_TRUE(status.ok()) << FromGrpc(status);
    return response;
  }
  pb::ListConflictsResponse List(bool with_uncommitted, const std::string& branch = "") {
    pb::ListConflictsRequest request;
    request.set_with_uncommitted(with_uncommitted);
    request.set_branch(branch);
    pb::ListConflictsResponse response;
    const grpc::Status status = operator_->Call(&Repository::ListConflicts, request, &response);
    EXPECT_TRUE(status.ok()) << FromGrpc(status);
    return response;
  }
  static std::vector<std::string> Pairs(const pb::ListConflictsResponse& response) {
    std::vector<std::string> pairs;
    for (const pb::Conflict& conflict : response.conflicts())
      pairs.push_back(absl::StrCat(conflict.branch_a(), " ", conflict.branch_b(),
                                   conflict.uncommitted() ? " uncommitted" : ""));
    return pairs;
  }

  const git::ScratchRepository repository_;
  const std::string one_ = repository_.Beside("task-1");
  const std::string two_ = repository_.Beside("task-2");
  std::unique_ptr<TestHub> hub_;
  std::unique_ptr<Client> operator_;
  std::unique_ptr<git::Observer> observer_;
};

TEST_F(MergesTest, ThatAreCleanHaveATree) {
  Commit(one_, "one\n");
  const pb::PreviewMergeResponse merge = Preview("task-1", "main");
  EXPECT_FALSE(merge.has_conflict());
  EXPECT_EQ(merge.tree(), repository_.Git("rev-parse task-1^{tree}"));
  EXPECT_EQ(merge.hunks(), "");
}

TEST_F(MergesTest, ThatConflictHaveTheirHunks) {
  Commit(one_, "one\n");
  Commit(two_, "two\n");
  Look();
  const pb::PreviewMergeResponse merge = Preview("task-2", "task-1");
  ASSERT_TRUE(merge.has_conflict());
  EXPECT_EQ(merge.conflict().branch_a(), "task-1");
  EXPECT_EQ(merge.conflict().commit_a(), repository_.Git("rev-parse task-1"));
  EXPECT_EQ(merge.conflict().branch_b(), "task-2");
  EXPECT_THAT(merge.conflict().paths(), ElementsAre("file"));
  EXPECT_EQ(merge.conflict().path_count(), 1);
  EXPECT_FALSE(merge.conflict().uncommitted());
  EXPECT_EQ(merge.tree(), "");
  EXPECT_FALSE(merge.hunks_cut());
  EXPECT_THAT(merge.hunks(), HasSubstr("\ntwo\n=======\none\n")) << "ours first";
}

TEST_F(MergesTest, AreAlsoOfCommits) {
  Commit(one_, "one\n");
  Commit(two_, "two\n");
  const std::string one = repository_.Git("rev-parse task-1");
  const std::string two = repository_.Git("rev-parse --short task-2");
  EXPECT_TRUE(Preview(one, two).has_conflict());
  EXPECT_FALSE(Preview(one, one).has_conflict());
}

TEST_F(MergesTest, OfWhatIsNotThereAreRefused) {
  pb::PreviewMergeRequest request;
  request.set_ours("task-1");
  request.set_theirs("task-9");
  pb::PreviewMergeResponse response;
  const grpc::Status status = operator_->Call(&Repository::PreviewMerge, request, &response);
  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_BRANCH_NOT_FOUND);
  EXPECT_EQ(MetadataOf(status, "branch"), "task-9");
  hub_->SetObservation(nullptr);
  request.set_theirs("main");
  EXPECT_EQ(ReasonOf(operator_->Call(&Repository::PreviewMerge, request, &response)),
            pb::ERROR_REASON_NOT_OBSERVED);
}

TEST_F(MergesTest, WithWhatIsUncommittedSayThatTheyAreProvisional) {
  Commit(one_, "one\n");
  Write(two_, "two\n");
  Look();
  EXPECT_FALSE(Preview("task-1", "task-2").has_conflict());
  const pb::PreviewMergeResponse merge = Preview("task-1", "task-2", true);
  ASSERT_TRUE(merge.has_conflict());
  EXPECT_TRUE(merge.conflict().uncommitted());
  EXPECT_EQ(merge.conflict().commit_b(), repository_.Git("rev-parse task-2"));
  EXPECT_THAT(merge.hunks(), HasSubstr("\none\n=======\ntwo\n"));
  EXPECT_EQ(repository_.Git("status --porcelain", two_), " M file") << "as it was";
}

TEST_F(MergesTest, ConflictsWithWhatIsUncommittedAreListedWhenAskedFor) {
  Commit(one_, "one\n");
  Write(two_, "two\n");
  Look();
  EXPECT_THAT(Pairs(List(false)), IsEmpty());
  EXPECT_THAT(Pairs(List(true)), ElementsAre("task-1 task-2 uncommitted"));
  EXPECT_THAT(Pairs(List(true, "task-2")), ElementsAre("task-1 task-2 uncommitted"));
  EXPECT_THAT(Pairs(List(true, "main")), IsEmpty());
  repository_.Git("checkout -q file", two_);
  Look();
  EXPECT_THAT(Pairs(List(true)), IsEmpty());
}

}  // namespace
}  // namespace coordhub::rpc
