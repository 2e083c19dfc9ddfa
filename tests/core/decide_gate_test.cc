// Gates: what is set, what their runs say of the target, and the one incident while it is red.

#include <string>
#include <vector>

#include "hub/core/decide/refusals.h"
#include "hub/core/limits.h"
#include "hub/core/operation_id.h"
#include "hub/core/records.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

std::string Commit(char digit) { return std::string(40, digit); }

class Gates : public testing::Test {
 protected:
  DecidingWorkspace w;

  static pb::SetGateRequest Setting(const std::string& gate_id = "tests",
                                    const std::string& target = "main",
                                    const std::string& program = "make") {
    pb::SetGateRequest request;
    request.set_gate_id(gate_id);
    request.add_command(program);
    request.set_target(target);
    return request;
  }
  static pb::RunGateRequest Running(const std::string& gate_id = "tests") {
    pb::RunGateRequest request;
    request.set_gate_id(gate_id);
    return request;
  }
  static pb::DeleteGateRequest Deletion(const std::string& gate_id = "tests") {
    pb::DeleteGateRequest request;
    request.set_gate_id(gate_id);
    return request;
  }
  // Begins a run; returns the operation's id.
  std::string Begin(const std::string& gate_id = "tests") {
    w.Must(Hub("coordinator"), BeginOperation{pb::Operation::KIND_GATE, gate_id});
    return OperationId(w.state.records().of<tables::Operations>().Last().key());
  }
  // The run ended.
  Decision End(const std::string& operation_id, bool passed, char digit,
               const std::string& gate_id = "tests") {
    Decision decision = w.Must(Hub("operations"), RecordGateRun{.gate_id = gate_id,
                                                                .operation_id = operation_id,
                                                                .commit = Commit(digit),
                                                                .passed = passed,
                                                                .note = "exit code 2"});
    w.Must(Hub("operations"), EndOperation{.operation_id = operation_id,
                                           .state = pb::Operation::STATE_DONE,
                                           .note = "",
                                           .error = ""});
    return decision;
  }
  Decision Run(bool passed, char digit, const std::string& gate_id = "tests") {
    return End(Begin(gate_id), passed, digit, gate_id);
  }
  const pb::Gate& gate(const std::string& gate_id = "tests") const {
    static const pb::Gate& none = *new pb::Gate;
    const auto* found = w.state.records().Find<tables::Gates>(gate_id);
    EXPECT_NE(found, nullptr) << gate_id;
    return found == nullptr ? none : *found;
  }
  // Where git has a branch, compared with all others.
  void Observe(const std::string& name, char digit) {
    pb::Branch branch;
    branch.set_branch(name);
    branch.set_commit(Commit(digit));
    ObserveBranches seen;
    seen.seen.push_back(branch);
    w.Must(Hub("coordinator"), std::move(seen));
    ObserveConflicts compared;
    const auto& all = w.state.records().of<tables::Branches>();
    for (auto known = all.Begin(); known.Valid(); known.Next()) {
      compared.compared.push_back({known->branch(), known->commit()});
    }
    w.Must(Hub("coordinator"), std::move(compared));
  }
  // A round of one branch that nothing but the target's colour could block.
  void OpenRound() {
    Observe("main", 'a');
    Observe("task-1", 'b');
    pb::OpenRoundRequest request;
    request.set_target("main");
    request.add_member_branches("task-1");
    w.Must(Operator(), request);
  }
  const pb::Round& round() const { return *w.state.records().of<tables::Rounds>().Last(); }
};

TEST_F(Gates, AreSetByTheOperatorAlone) {
  const Caller ann = w.Register("ann");
  EXPECT_EQ(ReasonNameOf(w.Do(ann, Setting()).status()), "OPERATOR_REQUIRED");
  const Decision set = w.Must(Operator(), Setting());
  EXPECT_EQ(EventsOf(set), "GATE_SET");
  EXPECT_EQ(set.events[0]->changes(0).gate().SerializeAsString(), gate().SerializeAsString());
  EXPECT_EQ(gate().timeout().seconds(), 600) << "when none is stated";
  EXPECT_EQ(ReasonNameOf(w.Do(ann, Deletion()).status()), "OPERATOR_REQUIRED");
  EXPECT_EQ(ReasonNameOf(w.Do(Operator(), Deletion("none")).status()), "GATE_NOT_FOUND");
  w.Must(Operator(), Deletion());
  EXPECT_TRUE(w.state.records().of<tables::Gates>().empty());
}

TEST_F(Gates, AreAsManyAsTheLimitSays) {
  for (size_t i = 0; i < limits::kGates; ++i) w.Must(Operator(), Setting(absl::StrCat("g", i)));
  EXPECT_EQ(ReasonNameOf(w.Do(Operator(), Setting("more")).status()), "LIMIT_REACHED");
  w.Must(Operator(), Setting("g0", "", "true"));
}

TEST_F(Gates, AreRunByWhoeverTakesPart) {
  const Caller ann = w.Register("ann");
  EXPECT_EQ(ReasonNameOf(w.Do(ann, Running()).status()), "GATE_NOT_FOUND");
  w.Must(Operator(), Setting("tests", ""));
  EXPECT_EQ(ReasonNameOf(w.Do(ann, Running()).status()), "INVALID_FIELD") << "no target";
  w.Must(Operator(), Setting());
  EXPECT_EQ(EventsOf(w.Must(ann, Running())), "OPERATION_STARTED O-1");
  EXPECT_EQ(ReasonNameOf(w.Do(Caller::Observer(), Running()).status()), "OPERATOR_REQUIRED");
}

TEST_F(Gates, OnlyTheHubSaysHowOneRan) {
  w.Must(Operator(), Setting());
  const RecordGateRun run = {
      .gate_id = "tests", .operation_id = "O-1", .commit = Commit('a'), .passed = true};
  EXPECT_EQ(ReasonNameOf(w.Do(Operator(), run).status()), "OPERATOR_REQUIRED");
  EXPECT_EQ(ReasonNameOf(w.Do(w.Register("ann"), run).status()), "OPERATOR_REQUIRED");
}

TEST_F(Gates, ARedTargetIsOneIncidentHoweverManySeeIt) {
  w.Must(Operator(), Setting());
  const Decision first = Run(false, 'a');
  EXPECT_EQ(EventsOf(first), "TICKET_CREATED T-1, GATE_RAN");
  EXPECT_EQ(gate().incident_ticket_id(), "T-1");
  EXPECT_EQ(w.ticket("T-1").title(), "main is red: gate tests fails at aaaaaaaaaaaa");
  EXPECT_EQ(w.ticket("T-1").priority(), 0);
  EXPECT_EQ(w.ticket("T-1").labels(0), "incident");
  for (const char digit : {'a', 'b', 'c'}) EXPECT_EQ(EventsOf(Run(false, digit)), "GATE_RAN");
  EXPECT_EQ(w.state.last_ticket_number(), 1);

  // Eight agents that all see it: one holds it.
  int holders = 0;
  for (int i = 0; i < 8; ++i) {
    const Caller agent = w.Register(absl::StrCat("agent-", i));
    if (w.Do(agent, DecidingWorkspace::Claiming("T-1")).ok()) ++holders;
  }
  EXPECT_EQ(holders, 1);
  EXPECT_EQ(EventsOf(Run(false, 'd')), "GATE_RAN") << "one that is held is open";
}

TEST_F(Gates, AnIncidentClosesItselfWhenTheTargetIsGreenAgain) {
  w.Must(Operator(), Setting());
  Run(false, 'a');
  const Caller ann = w.Register("ann");
  const int64_t fence = w.Claim("T-1", ann);
  EXPECT_EQ(EventsOf(Run(true, 'b')), "TICKET_CANCELLED T-1, GATE_RAN");
  EXPECT_EQ(w.ticket("T-1").outcome().reason(), "main is green again at bbbbbbbbbbbb");
  EXPECT_FALSE(w.ticket("T-1").has_claim());
  EXPECT_EQ(w.ticket("T-1").last_fence(), fence);
  EXPECT_EQ(gate().incident_ticket_id(), "");
  EXPECT_EQ(gate().verdict(), pb::Gate::VERDICT_GREEN);
  EXPECT_EQ(EventsOf(Run(false, 'c')), "TICKET_CREATED T-2, GATE_RAN") << "the next one";
}

TEST_F(Gates, AnIncidentThatSomebodyFinishedIsNotTheNextOne) {
  w.Must(Operator(), Setting());
  Run(false, 'a');
  w.ClaimAndComplete("T-1", w.Register("ann"));
  EXPECT_EQ(EventsOf(Run(false, 'b')), "TICKET_CREATED T-2, GATE_RAN");
  EXPECT_EQ(gate().incident_ticket_id(), "T-2");
}

TEST_F(Gates, AnIncidentEndsWithWhatWouldHaveClosedIt) {
  w.Must(Operator(), Setting());
  Run(false, 'a');
  EXPECT_EQ(EventsOf(w.Must(Operator(), Setting("tests", "main", "true"))), "GATE_SET")
      << "another command still sees the same target";
  EXPECT_EQ(w.StateOf("T-1"), "OPEN");
  EXPECT_EQ(EventsOf(w.Must(Operator(), Setting("tests", "release", "true"))),
            "GATE_SET, TICKET_CANCELLED T-1");
  EXPECT_EQ(gate().incident_ticket_id(), "");
  Run(false, 'a');
  EXPECT_EQ(EventsOf(w.Must(Operator(), Deletion())), "GATE_DELETED, TICKET_CANCELLED T-2");
}

TEST_F(Gates, WhatAnotherCommandFoundSaysNothing) {
  w.Must(Operator(), Setting());
  Run(true, 'a');
  w.Must(Operator(), Setting("tests", "main", "make"));
  EXPECT_EQ(gate().verdict(), pb::Gate::VERDICT_GREEN) << "nothing changed";
  const std::string under_way = Begin();
  w.Must(Operator(), Setting("tests", "main", "ninja"));
  EXPECT_EQ(gate().verdict(), pb::Gate::VERDICT_UNSPECIFIED);
  EXPECT_EQ(gate().commit(), "");
  EXPECT_EQ(EventsOf(End(under_way, false, 'a')), "") << "it ran the former command";
  EXPECT_EQ(gate().verdict(), pb::Gate::VERDICT_UNSPECIFIED);
  EXPECT_EQ(EventsOf(Run(true, 'a')), "GATE_RAN");
  EXPECT_EQ(gate().verdict(), pb::Gate::VERDICT_GREEN);
}

TEST_F(Gates, TheRunOfOneThatIsGoneSaysNothing) {
  w.Must(Operator(), Setting());
  const std::string under_way = Begin();
  w.Must(Operator(), Deletion());
  EXPECT_EQ(EventsOf(End(under_way, false, 'a')), "");
  EXPECT_EQ(w.state.last_ticket_number(), 0);
}

TEST_F(Gates, ARoundShowsARedTargetAndWhoMendsIt) {
  w.Must(Operator(), Setting());
  OpenRound();
  ASSERT_EQ(round().state(), pb::Round::STATE_READY);
  EXPECT_EQ(EventsOf(Run(false, 'a')), "TICKET_CREATED T-1, GATE_RAN, ROUND_REOPENED");
  ASSERT_EQ(round().blockers_size(), 1);
  EXPECT_EQ(round().blockers(0).kind(), pb::RoundBlocker::KIND_TARGET_RED);
  EXPECT_EQ(round().blockers(0).ticket_id(), "T-1");
  EXPECT_EQ(round().blockers(0).agent_id(), "") << "nobody yet";
  // Who is no member may mend it as well.
  const Caller ann = w.Register("ann");
  w.Claim("T-1", ann);
  EXPECT_EQ(round().blockers(0).agent_id(), "ann");
  w.Release("T-1", ann);
  EXPECT_EQ(round().blockers(0).agent_id(), "");
  EXPECT_EQ(EventsOf(Run(true, 'c')), "TICKET_CANCELLED T-1, GATE_RAN, ROUND_READY");
  EXPECT_EQ(round().blockers_size(), 0);
}

TEST_F(Gates, OneThatAnActiveRoundAsksForStays) {
  w.Must(Operator(), Setting("tests", ""));
  Observe("main", 'a');
  Observe("task-1", 'b');
  pb::OpenRoundRequest request;
  request.set_target("main");
  request.add_member_branches("task-1");
  request.mutable_policy()->set_gate("tests");
  w.Must(Operator(), request);
  EXPECT_EQ(ReasonNameOf(w.Do(Operator(), Deletion()).status()), "ROUND_STATE");
  w.Must(Operator(), pb::CancelRoundRequest());
  w.Must(Operator(), Deletion());
}

}  // namespace
}  // namespace coordhub::core
