#include "hub/loops/gate_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "hub/core/operation_id.h"

namespace coordhub::loops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class GateWatchTest : public ::testing::Test {
 protected:
  void Gate(const std::string& gate_id, const std::string& target, const std::string& commit = "",
            const std::string& program = "make") {
    auto gate = std::make_shared<v1::Gate>();
    gate->set_gate_id(gate_id);
    gate->set_target(target);
    gate->set_commit(commit);
    gate->add_command(program);
    gate->set_mod_revision(++revision_);
    view_.records.of<core::tables::Gates>().Put(gate_id, gate);
  }
  void Head(const std::string& name, const std::string& commit) {
    auto branch = std::make_shared<v1::Branch>();
    branch->set_branch(name);
    branch->set_commit(commit);
    view_.records.of<core::tables::Branches>().Put(name, branch);
  }
  void Run(int64_t number, const std::string& gate_id, v1::Operation::State state) {
    auto operation = std::make_shared<v1::Operation>();
    operation->set_operation_id(core::OperationId(number));
    operation->set_kind(v1::Operation::KIND_GATE);
    operation->set_subject(gate_id);
    operation->set_state(state);
    view_.records.of<core::tables::Operations>().Put(number, operation);
  }
  // What is begun now.
  std::vector<std::string> Begun() {
    begun_.clear();
    watch_.BeginDue(view_, now_);
    return begun_;
  }

  core::View view_;
  int64_t revision_ = 0;
  base::MonoTime now_{1'000'000'000};
  std::vector<std::string> begun_;
  GateWatch watch_{[this](const std::string& gate_id) { begun_.push_back(gate_id); }};
};

TEST_F(GateWatchTest, AGateRunsWhereItsTargetMovedTo) {
  Gate("tests", "main");
  Gate("asked-for-only", "");
  EXPECT_THAT(GateTargets(view_), ElementsAre("main"));
  EXPECT_THAT(Begun(), IsEmpty()) << "the target is not seen yet";
  Head("main", "a");
  EXPECT_THAT(Begun(), ElementsAre("tests"));
  EXPECT_THAT(Begun(), IsEmpty()) << "it may not be in the log yet";
  Run(1, "tests", v1::Operation::STATE_DONE);
  Gate("tests", "main", "a");
  EXPECT_THAT(Begun(), IsEmpty());
  Head("main", "b");
  EXPECT_THAT(Begun(), ElementsAre("tests"));
}

TEST_F(GateWatchTest, WhileOneRunsNoOtherBeginsAndThenTheNewestHead) {
  Gate("tests", "main");
  Head("main", "a");
  Run(1, "tests", v1::Operation::STATE_RUNNING);
  EXPECT_THAT(Begun(), IsEmpty());
  Head("main", "b");
  EXPECT_THAT(Begun(), IsEmpty());
  Head("main", "c");
  Run(1, "tests", v1::Operation::STATE_DONE);
  Gate("tests", "main", "a");
  EXPECT_THAT(Begun(), ElementsAre("tests"));
}

TEST_F(GateWatchTest, OneThatIsSetToSomethingElseRunsAgain) {
  Gate("tests", "main");
  Head("main", "a");
  EXPECT_THAT(Begun(), ElementsAre("tests"));
  Run(1, "tests", v1::Operation::STATE_DONE);
  Gate("tests", "main", "", "ninja");
  EXPECT_THAT(Begun(), ElementsAre("tests"));
}

TEST_F(GateWatchTest, ARunWithoutAVerdictIsBegunAgainAfterAWhileUnlessItWasCancelled) {
  Gate("tests", "main");
  Head("main", "a");
  EXPECT_THAT(Begun(), ElementsAre("tests"));
  Run(1, "tests", v1::Operation::STATE_FAILED);
  EXPECT_THAT(Begun(), IsEmpty());
  now_ += GateWatch::kRetryAfter;
  EXPECT_THAT(Begun(), ElementsAre("tests"));
  Run(2, "tests", v1::Operation::STATE_CANCELLED);
  now_ += GateWatch::kRetryAfter;
  EXPECT_THAT(Begun(), IsEmpty());
  Head("main", "b");
  EXPECT_THAT(Begun(), ElementsAre("tests"));
}

TEST_F(GateWatchTest, NewsIsWhatMayMakeOneDue) {
  EXPECT_FALSE(watch_.HasNews(view_));
  Gate("tests", "main");
  EXPECT_TRUE(watch_.HasNews(view_));
  EXPECT_FALSE(watch_.HasNews(view_));
  Run(1, "tests", v1::Operation::STATE_RUNNING);
  EXPECT_TRUE(watch_.HasNews(view_));
  Run(1, "tests", v1::Operation::STATE_DONE);
  EXPECT_TRUE(watch_.HasNews(view_));
  Run(2, "another", v1::Operation::STATE_RUNNING);
  EXPECT_FALSE(watch_.HasNews(view_));
  view_.records.of<core::tables::Gates>().Erase("tests");
  EXPECT_TRUE(watch_.HasNews(view_));
}

}  // namespace
}  // namespace coordhub::loops
