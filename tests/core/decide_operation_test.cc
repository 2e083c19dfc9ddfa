// Long work as records: who may begin it, who says how it goes, and how long it is remembered.

#include <string>
#include <vector>

#include "hub/core/limits.h"
#include "hub/core/operation_id.h"
#include "hub/core/records.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

class Operations : public testing::Test {
 protected:
  DecidingWorkspace w;

  static BeginOperation Backup(const std::string& directory = "/backup") {
    return {.kind = pb::Operation::KIND_BACKUP, .subject = directory};
  }
  static BeginOperation Gate() { return {.kind = pb::Operation::KIND_GATE, .subject = "tests"}; }
  static EndOperation End(const std::string& id, pb::Operation::State state) {
    return {.operation_id = id, .state = state, .note = "over", .error = "because"};
  }
  static EndOperation Done(const std::string& id) { return End(id, pb::Operation::STATE_DONE); }
  static pb::CancelOperationRequest Cancellation(const std::string& id) {
    pb::CancelOperationRequest request;
    request.set_operation_id(id);
    request.set_reason("no time");
    return request;
  }
  const pb::Operation& operation(const std::string& id) const {
    static const pb::Operation& none = *new pb::Operation;
    const auto* found = w.state.records().Find<tables::Operations>(OperationNumber(id));
    EXPECT_NE(found, nullptr) << id;
    return found == nullptr ? none : *found;
  }
  bool Knows(const std::string& id) const {
    return w.state.records().Find<tables::Operations>(OperationNumber(id)) != nullptr;
  }
};

TEST_F(Operations, ALifeFromIntentToEnd) {
  EXPECT_EQ(EventsOf(w.Must(Operator(), Backup())), "OPERATION_STARTED O-1");
  EXPECT_EQ(operation("O-1").state(), pb::Operation::STATE_RUNNING);
  EXPECT_EQ(operation("O-1").actor(), "operator");
  EXPECT_EQ(operation("O-1").subject(), "/backup");
  EXPECT_EQ(operation("O-1").create_revision(), 1);
  EXPECT_EQ(operation("O-1").create_time().seconds(), absl::ToUnixSeconds(w.now.wall));

  EXPECT_EQ(EventsOf(w.Must(Hub("operations"), NoteOperation{"O-1", 40, "copies\nevents"})),
            "OPERATION_CHANGED O-1");
  EXPECT_EQ(operation("O-1").percent(), 40);
  EXPECT_EQ(operation("O-1").note(), "copies events") << "one line";
  EXPECT_TRUE(w.Must(Hub("operations"), NoteOperation{"O-1", 40, "copies events"}).events.empty())
      << "says nothing new";

  w.Advance(absl::Seconds(5));
  const Decision ended = w.Must(Hub("operations"), Done("O-1"));
  EXPECT_EQ(EventsOf(ended), "OPERATION_FINISHED O-1");
  EXPECT_EQ(ended.events[0]->actor(), "hub:operations");
  EXPECT_EQ(operation("O-1").state(), pb::Operation::STATE_DONE);
  EXPECT_EQ(operation("O-1").percent(), 100);
  EXPECT_EQ(operation("O-1").note(), "over");
  EXPECT_EQ(operation("O-1").error(), "") << "nothing failed";
  EXPECT_EQ(operation("O-1").end_time().seconds() - operation("O-1").create_time().seconds(), 5);
}

TEST_F(Operations, AFailureSaysWhyAndKeepsHowFarItCame) {
  w.Must(Operator(), Backup());
  w.Must(Hub(), NoteOperation{"O-1", 40, "copies"});
  w.Must(Hub(), End("O-1", pb::Operation::STATE_FAILED));
  EXPECT_EQ(operation("O-1").error(), "because");
  EXPECT_EQ(operation("O-1").percent(), 40);
}

TEST_F(Operations, WhatHasEndedDoesNotChangeAnyMore) {
  w.Must(Operator(), Backup());
  w.Must(Hub(), Done("O-1"));
  EXPECT_TRUE(w.Must(Hub(), NoteOperation{"O-1", 50, "still?"}).events.empty());
  EXPECT_TRUE(w.Must(Hub(), End("O-1", pb::Operation::STATE_FAILED)).events.empty());
  EXPECT_TRUE(w.Must(Hub(), Done("O-99")).events.empty()) << "never begun";
  const absl::Status refused = w.Do(Operator(), Cancellation("O-1")).status();
  EXPECT_EQ(ReasonNameOf(refused), "OPERATION_STATE");
  EXPECT_EQ(base::MetadataOf(refused, "state"), "DONE");
}

TEST_F(Operations, OnlyTheHubSaysHowItGoes) {
  const Caller ann = w.Register("ann");
  w.Must(ann, Gate());
  for (const Caller& caller : {Operator(), ann, File(), Caller::Observer()}) {
    EXPECT_EQ(ReasonNameOf(w.Do(caller, NoteOperation{"O-1", 1, "mine"}).status()),
              "OPERATOR_REQUIRED");
    EXPECT_EQ(ReasonNameOf(w.Do(caller, Done("O-1")).status()), "OPERATOR_REQUIRED");
  }
  EXPECT_EQ(operation("O-1").state(), pb::Operation::STATE_RUNNING);
}

TEST_F(Operations, WhatConcernsTheWholeHubIsTheOperators) {
  const Caller ann = w.Register("ann");
  for (const auto kind :
       {pb::Operation::KIND_BACKUP, pb::Operation::KIND_VERIFY, pb::Operation::KIND_COMPACT}) {
    EXPECT_EQ(ReasonNameOf(w.Do(ann, BeginOperation{.kind = kind, .subject = ""}).status()),
              "OPERATOR_REQUIRED");
    EXPECT_TRUE(w.Do(Hub("coordinator"), BeginOperation{.kind = kind, .subject = ""}).ok());
  }
  w.Must(ann, Gate());
  EXPECT_EQ(operation("O-4").actor(), "ann");
  EXPECT_EQ(ReasonNameOf(w.Do(File(), Gate()).status()), "OPERATOR_REQUIRED");
  EXPECT_EQ(ReasonNameOf(w.Do(Caller::Observer(), Gate()).status()), "OPERATOR_REQUIRED");
}

TEST_F(Operations, AnAgentCancelsItsOwnAndTheOperatorAll) {
  const Caller ann = w.Register("ann");
  const Caller ben = w.Register("ben");
  w.Must(ann, Gate());
  EXPECT_EQ(ReasonNameOf(w.Do(ben, Cancellation("O-1")).status()), "OPERATOR_REQUIRED");
  const Decision asked = w.Must(ann, Cancellation("O-1"));
  EXPECT_EQ(EventsOf(asked), "OPERATION_CHANGED O-1");
  EXPECT_EQ(asked.events[0]->reason(), "no time");
  EXPECT_EQ(operation("O-1").note(), "asked to stop by ann");
  EXPECT_EQ(operation("O-1").state(), pb::Operation::STATE_RUNNING) << "until it has stopped";
  w.Must(Operator(), Cancellation("O-1"));

  w.Must(Hub(), End("O-1", pb::Operation::STATE_CANCELLED));
  EXPECT_EQ(ReasonNameOf(w.Do(ben, Cancellation("O-1")).status()), "OPERATOR_REQUIRED")
      << "rights come before the state";
  EXPECT_EQ(ReasonNameOf(w.Do(ben, Cancellation("O-7")).status()), "OPERATION_NOT_FOUND");
}

TEST_F(Operations, AsManyRunAsTheLimitSays) {
  for (int i = 0; i < limits::kRunningOperations; ++i) w.Must(Operator(), Backup());
  const absl::Status refused = w.Do(Operator(), Backup()).status();
  EXPECT_EQ(ReasonNameOf(refused), "LIMIT_REACHED");
  EXPECT_EQ(base::MetadataOf(refused, "limit_name"), "running_operations");
  w.Must(Hub(), Done("O-3"));
  w.Must(Operator(), Backup());
}

TEST_F(Operations, TheNewestThatEndedAreKeptAndNoNumberComesAgain) {
  w.check_invariants = false;
  // Begun first and long under way: neither forgotten nor counted.
  w.Must(Operator(), Backup());
  w.Must(Operator(), Backup());
  for (int i = 0; i < limits::kEndedOperations; ++i) {
    w.Must(Operator(), Backup());
    EXPECT_EQ(EventsOf(w.Must(Hub(), Done(OperationId(i + 3)))),
              "OPERATION_FINISHED " + OperationId(i + 3));
  }
  w.check_invariants = true;
  // What ends last is the newest, whenever it began.
  EXPECT_EQ(EventsOf(w.Must(Hub(), Done("O-1"))),
            "OPERATION_FINISHED O-1, OPERATIONS_FORGOTTEN O-3");
  EXPECT_TRUE(Knows("O-1"));
  EXPECT_TRUE(Knows("O-2"));
  EXPECT_FALSE(Knows("O-3"));
  EXPECT_TRUE(Knows("O-4"));
  w.Must(Operator(), Backup());
  EXPECT_TRUE(Knows(OperationId(limits::kEndedOperations + 3)));
}

TEST_F(Operations, ARepeatedRequestFindsTheOneThatItBegan) {
  ASSERT_TRUE(w.Do(Operator(), Backup(), "r1").ok());
  const Command again = {
      .caller = Operator(), .body = Backup(), .request_id = "r1", .fingerprint = "of r1"};
  const auto found = FindRepeated(w.state, again);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_NE(*found, nullptr);
  EXPECT_EQ((*found)->commit_revision(), operation("O-1").create_revision());
}

TEST(OperationIds, AreReadAsTheyAreWritten) {
  EXPECT_EQ(OperationNumber("O-17"), 17);
  EXPECT_EQ(OperationId(17), "O-17");
  for (const char* wrong : {"", "O", "O-", "O-0", "O-017", "T-17", "O-1x", "o-1", "TO-1"}) {
    EXPECT_EQ(OperationNumber(wrong), 0) << wrong;
  }
}

}  // namespace
}  // namespace coordhub::core
