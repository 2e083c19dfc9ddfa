// Sessions: registration, resume, takeover, sub-agents, ends, and the bounds of the agents' table.

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "hub/core/limits.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

struct Sessions : testing::Test {
  DecidingWorkspace w;
};

TEST_F(Sessions, ANewAgentHasItsParticularsAndAFence) {
  RegisterAgent command = w.Registration("conversation-42");
  command.request.set_branch("conversation-42");
  command.request.set_worktree("/trees/42");
  command.request.set_program("agent 1.0");
  for (const char* label : {"rust", "cpp", "rust"}) command.request.add_labels(label);
  const Decision decision = w.Must(Operator(), command);
  EXPECT_EQ(EventsOf(decision), "AGENT_REGISTERED conversation-42");
  EXPECT_FALSE(decision.resumed);

  const pb::Agent& agent = w.agent("conversation-42");
  EXPECT_EQ(agent.state(), pb::Agent::STATE_ACTIVE);
  EXPECT_EQ(agent.branch(), "conversation-42");
  EXPECT_EQ(agent.worktree(), "/trees/42");
  EXPECT_EQ(agent.program(), "agent 1.0");
  ASSERT_EQ(agent.labels_size(), 2);
  EXPECT_EQ(agent.labels(0), "cpp");
  EXPECT_EQ(FromProto(agent.ttl()), absl::Seconds(60));
  EXPECT_EQ(agent.session_uid(), command.new_session_uid);
  EXPECT_EQ(agent.fence(), w.state.revision());
  EXPECT_EQ(agent.create_revision(), agent.fence());
  EXPECT_EQ(agent.parent_agent_id(), "");
  EXPECT_EQ(FromProto(agent.register_time()), w.now.wall);
}

TEST_F(Sessions, ALiveNameIsRefusedWithoutItsToken) {
  w.Register("ann");
  const absl::Status status = w.Do(Operator(), w.Registration("ann")).status();
  EXPECT_EQ(ReasonNameOf(status), "AGENT_ACTIVE");
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(base::MetadataOf(status, "agent_id"), "ann");
}

TEST_F(Sessions, TheTokenResumesSessionClaimsAndFence) {
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  const int64_t fence = w.Claim(id, ann);
  const pb::Agent before = w.agent("ann");
  const Decision decision = w.Must(ann, w.Registration("ann"));
  EXPECT_TRUE(decision.resumed);
  EXPECT_EQ(EventsOf(decision), "");
  EXPECT_EQ(w.agent("ann").SerializeAsString(), before.SerializeAsString());
  EXPECT_TRUE(w.Do(ann, w.Fenced<pb::CompleteTicketRequest>(id, fence)).ok());
}

TEST_F(Sessions, TheTokenResumesEvenWhenItAsksToTakeOver) {
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  w.Claim(id, ann);
  EXPECT_TRUE(w.Must(ann, w.Registration("ann", /*takeover=*/true)).resumed);
  EXPECT_EQ(w.StateOf(id), "CLAIMED");
}

TEST_F(Sessions, AResumeWithOtherParticularsIsAnEvent) {
  const Caller ann = w.Register("ann");
  const pb::Agent before = w.agent("ann");
  RegisterAgent command = w.Registration("ann");
  command.request.set_branch("task-7");
  *command.request.mutable_ttl() = ToProto(absl::Seconds(90));
  const Decision decision = w.Must(ann, command);
  EXPECT_TRUE(decision.resumed);
  EXPECT_EQ(EventsOf(decision), "AGENT_RESUMED ann");
  EXPECT_EQ(w.agent("ann").branch(), "task-7");
  EXPECT_EQ(FromProto(w.agent("ann").ttl()), absl::Seconds(90));
  EXPECT_EQ(w.agent("ann").fence(), before.fence());
  EXPECT_EQ(w.agent("ann").session_uid(), before.session_uid());
}

TEST_F(Sessions, AResumeThatStatesNoTtlKeepsTheOldOneAndANewSessionDoesNot) {
  RegisterAgent command = w.Registration("ann");
  *command.request.mutable_ttl() = ToProto(absl::Minutes(10));
  w.Must(Operator(), command);
  const Caller ann = Session(w.agent("ann").session_uid());
  RegisterAgent again = w.Registration("ann");
  again.request.clear_ttl();
  EXPECT_EQ(EventsOf(w.Must(ann, again)), "");
  EXPECT_EQ(FromProto(w.agent("ann").ttl()), absl::Minutes(10));

  again = w.Registration("ann", /*takeover=*/true);
  again.request.clear_ttl();
  w.Must(Operator(), again);
  EXPECT_EQ(FromProto(w.agent("ann").ttl()), absl::Minutes(1));
}

TEST_F(Sessions, ATakeoverRequeuesTheClaimsAndRaisesTheFence) {
  const Caller old_ann = w.Register("ann");
  const std::string id = w.Create();
  const int64_t fence = w.Claim(id, old_ann);
  const int64_t old_session_fence = w.agent("ann").fence();
  const Decision decision = w.Must(Operator(), w.Registration("ann", /*takeover=*/true));
  EXPECT_EQ(EventsOf(decision), "TICKET_CLAIM_LOST T-1, AGENT_LEFT ann, AGENT_REGISTERED ann");
  EXPECT_GT(w.agent("ann").fence(), old_session_fence);
  EXPECT_EQ(w.ticket(id).attempt(), 1);
  EXPECT_EQ(w.agent("ann").end_reason(), "");
  EXPECT_FALSE(w.agent("ann").has_end_time());

  const absl::Status refused =
      w.Do(old_ann, w.Fenced<pb::CompleteTicketRequest>(id, fence)).status();
  EXPECT_EQ(ReasonNameOf(refused), "SESSION_ENDED");
}

TEST_F(Sessions, AnEndedNameMayComeBackWithTheSameCreateRevision) {
  w.Register("ann");
  const int64_t created = w.agent("ann").create_revision();
  w.Expire("ann");
  EXPECT_EQ(w.AgentStateOf("ann"), "EXPIRED");
  EXPECT_EQ(FromProto(w.agent("ann").silent_for()), absl::Seconds(61));
  w.Register("ann");
  EXPECT_EQ(w.AgentStateOf("ann"), "ACTIVE");
  EXPECT_EQ(w.agent("ann").create_revision(), created);
  EXPECT_EQ(w.agent("ann").fence(), w.state.revision());
  EXPECT_FALSE(w.agent("ann").has_silent_for());
}

// ---- ended sessions ----

TEST_F(Sessions, AnEndedSessionIsToldWhoHoldsTheTicketItNames) {
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  w.Claim(id, ann);
  w.Expire("ann");
  const Caller ben = w.Register("ben");
  const int64_t bens = w.Claim(id, ben);
  const absl::Status status = w.Do(ann, w.Fenced<pb::CompleteTicketRequest>(id, 3)).status();
  EXPECT_EQ(ReasonNameOf(status), "SESSION_ENDED");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(base::MetadataOf(status, "agent_id"), "ann");
  EXPECT_EQ(base::MetadataOf(status, "holder"), "ben");
  EXPECT_EQ(base::MetadataOf(status, "current_fence"), absl::StrCat(bens));
}

TEST_F(Sessions, AnEndedSessionIsRefusedEverything) {
  const Caller ann = w.Register("ann");
  const std::string id = w.Create({}, "", ann);
  w.Must(ann, pb::DeregisterAgentRequest());
  pb::UpdateTicketRequest update;
  update.set_ticket_id(id);
  pb::CancelTicketRequest cancel;
  cancel.set_ticket_id(id);
  pb::ReopenTicketRequest reopen;
  reopen.set_ticket_id(id);
  pb::AddCommentRequest comment;
  comment.set_ticket_id(id);
  const std::vector<CommandBody> bodies = {
      w.Registration("ann"),
      w.Registration("ann/sub"),
      pb::DeregisterAgentRequest(),
      w.Creation(),
      pb::BatchCreateTicketsRequest(),
      update,
      w.Claiming(id),
      w.Claiming("T-99"),
      pb::ClaimNextTicketRequest(),
      w.Fenced<pb::ReleaseTicketRequest>(id, 1),
      w.Fenced<pb::CompleteTicketRequest>(id, 1),
      w.Fenced<pb::FailTicketRequest>(id, 1),
      cancel,
      reopen,
      comment,
  };
  for (const CommandBody& body : bodies) {
    EXPECT_EQ(ReasonNameOf(w.Do(ann, body).status()), "SESSION_ENDED") << body.index();
    EXPECT_EQ(ReasonNameOf(w.Do(Session("uid-never"), body).status()), "SESSION_ENDED");
  }
}

// ---- leaving ----

TEST_F(Sessions, LeavingGivesClaimsBackBeforeTheSessionEnds) {
  const Caller ann = w.Register("ann");
  w.Create();
  w.Create();
  w.Claim("T-1", ann);
  w.Claim("T-2", ann);
  pb::DeregisterAgentRequest request;
  request.set_reason("done for today");
  EXPECT_EQ(EventsOf(w.Must(ann, request)),
            "TICKET_RELEASED T-1, TICKET_RELEASED T-2, AGENT_LEFT ann");
  EXPECT_EQ(w.AgentStateOf("ann"), "LEFT");
  EXPECT_EQ(w.agent("ann").end_reason(), "done for today");
  EXPECT_EQ(w.ticket("T-1").attempt(), 0);
}

struct EndCase {
  std::string name;
  // Who asks: the operator or ann.
  bool by_operator;
  std::string agent_id;
  std::string expected;
};

class Deregister : public testing::TestWithParam<EndCase> {};

TEST_P(Deregister, IsAnsweredAsTabled) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  w.Register("ann/sub", ann);
  w.Register("ben");
  w.Register("gone");
  w.Expire("gone");
  pb::DeregisterAgentRequest request;
  request.set_agent_id(GetParam().agent_id);
  const absl::Status status = w.Do(GetParam().by_operator ? Operator() : ann, request).status();
  EXPECT_EQ(ReasonNameOf(status), GetParam().expected) << status;
}

INSTANTIATE_TEST_SUITE_P(Of, Deregister,
                         testing::ValuesIn<EndCase>({
                             {"ItselfUnnamed", false, "", "OK"},
                             {"ItselfByName", false, "ann", "OK"},
                             {"AnotherAgent", false, "ben", "OPERATOR_REQUIRED"},
                             {"ItsSubAgent", false, "ann/sub", "OPERATOR_REQUIRED"},
                             {"AnEndedAgent", false, "gone", "OPERATOR_REQUIRED"},
                             {"AnUnknownAgent", false, "nobody", "AGENT_NOT_FOUND"},
                             {"AnyByTheOperator", true, "ben", "OK"},
                             {"AnEndedOneByTheOperator", true, "gone", "AGENT_ENDED"},
                             {"AnUnknownOneByTheOperator", true, "nobody", "AGENT_NOT_FOUND"},
                             {"NobodyByTheOperator", true, "", "INVALID_FIELD"},
                         }),
                         CaseName());

// ---- sub-agents ----

struct NameCase {
  std::string name;
  std::string agent_id;
  std::string expected;
};

class RegisteredByASession : public testing::TestWithParam<NameCase> {};

TEST_P(RegisteredByASession, IsAnsweredAsTabled) {
  DecidingWorkspace w;
  const Caller caller = w.Register("team/ann");
  w.Register("team/ben");
  const absl::Status status = w.Do(caller, w.Registration(GetParam().agent_id)).status();
  EXPECT_EQ(ReasonNameOf(status), GetParam().expected) << status;
  if (GetParam().expected == "INVALID_FIELD") {
    EXPECT_EQ(base::MetadataOf(status, "field"), "agent_id");
  }
}

INSTANTIATE_TEST_SUITE_P(TheName, RegisteredByASession,
                         testing::ValuesIn<NameCase>({
                             {"ItsOwn", "team/ann", "OK"},
                             {"OneSegmentBelow", "team/ann/sub", "OK"},
                             {"TwoSegmentsBelow", "team/ann/sub/sub", "INVALID_FIELD"},
                             {"ABareSlash", "team/ann/", "INVALID_FIELD"},
                             {"ItsOwnWithMoreLetters", "team/anna", "INVALID_FIELD"},
                             {"ItsOwnWithMoreLettersAndASegment", "team/anna/sub", "INVALID_FIELD"},
                             {"ASibling", "team/ben", "INVALID_FIELD"},
                             {"ItsPrefix", "team", "INVALID_FIELD"},
                             {"Another", "eve", "INVALID_FIELD"},
                         }),
                         CaseName());

TEST_F(Sessions, ASubAgentHasItsParent) {
  const Caller ann = w.Register("ann");
  w.Register("ann/sub", ann);
  EXPECT_EQ(w.agent("ann/sub").parent_agent_id(), "ann");
}

TEST_F(Sessions, TheOperatorMayRegisterANameWithASlashAndMakesNoSubAgent) {
  w.Register("ann");
  w.Register("ann/sub");
  EXPECT_EQ(w.agent("ann/sub").parent_agent_id(), "");
  w.Expire("ann");
  EXPECT_EQ(w.AgentStateOf("ann/sub"), "ACTIVE");
}

TEST_F(Sessions, ALiveSubAgentIsTakenOverLikeAnyOther) {
  const Caller ann = w.Register("ann");
  const Caller old_sub = w.Register("ann/sub", ann);
  EXPECT_EQ(ReasonNameOf(w.Do(ann, w.Registration("ann/sub")).status()), "AGENT_ACTIVE");
  EXPECT_EQ(EventsOf(w.Must(ann, w.Registration("ann/sub", /*takeover=*/true))),
            "AGENT_LEFT ann/sub, AGENT_REGISTERED ann/sub");
  EXPECT_EQ(ReasonNameOf(w.Do(old_sub, w.Creation()).status()), "SESSION_ENDED");
}

// A parent with a sub-agent that has one itself, each with a ticket.
struct Family : Sessions {
  Caller ann = w.Register("ann");
  Caller sub = w.Register("ann/sub", ann);
  Caller subsub = w.Register("ann/sub/sub", sub);

  void SetUp() override {
    for (int i = 0; i < 3; ++i) w.Create();
    w.Claim("T-1", ann);
    w.Claim("T-2", sub);
    w.Claim("T-3", subsub);
  }
};

TEST_F(Family, EndsWithItsHeadInOneCommit) {
  EXPECT_EQ(EventsOf(w.Must(ann, pb::DeregisterAgentRequest())),
            "TICKET_RELEASED T-3, AGENT_LEFT ann/sub/sub, TICKET_RELEASED T-2, "
            "AGENT_LEFT ann/sub, TICKET_RELEASED T-1, AGENT_LEFT ann");
  EXPECT_EQ(w.ticket("T-3").attempt(), 0);
  EXPECT_EQ(w.agent("ann/sub/sub").end_reason(), "its parent ann/sub ended");
}

TEST_F(Family, LosesItsClaimsWithAHeadThatExpires) {
  EXPECT_EQ(EventsOf(w.Expire("ann")),
            "TICKET_CLAIM_LOST T-3, AGENT_LEFT ann/sub/sub, TICKET_CLAIM_LOST T-2, "
            "AGENT_LEFT ann/sub, TICKET_CLAIM_LOST T-1, AGENT_EXPIRED ann");
  EXPECT_EQ(w.ticket("T-3").attempt(), 1);
  EXPECT_FALSE(w.agent("ann/sub").has_silent_for());
}

TEST_F(Family, EndsWithAHeadThatIsTakenOver) {
  w.Must(Operator(), w.Registration("ann", /*takeover=*/true));
  EXPECT_EQ(w.AgentStateOf("ann"), "ACTIVE");
  EXPECT_EQ(w.AgentStateOf("ann/sub"), "LEFT");
  EXPECT_EQ(w.AgentStateOf("ann/sub/sub"), "LEFT");
}

TEST_F(Family, KeepsItsHeadWhenAMemberEnds) {
  w.Must(sub, pb::DeregisterAgentRequest());
  EXPECT_EQ(w.AgentStateOf("ann"), "ACTIVE");
  EXPECT_EQ(w.AgentStateOf("ann/sub/sub"), "LEFT");
  EXPECT_EQ(w.StateOf("T-1"), "CLAIMED");
}

// ---- the hub's own commands ----

TEST_F(Sessions, AnOvertakenExpiryDoesNothing) {
  const Caller ann = w.Register("ann");
  const ExpireSession stale = {
      .agent_id = "ann", .session_uid = ann.session_uid(), .silent_for = absl::Seconds(61)};
  w.Register("ann", Operator(), /*takeover=*/true);
  EXPECT_EQ(EventsOf(w.Must(Hub(), stale)), "");
  w.Must(Operator(), [] {
    pb::DeregisterAgentRequest request;
    request.set_agent_id("ann");
    return request;
  }());
  EXPECT_EQ(EventsOf(w.Must(Hub(), stale)), "");
  EXPECT_EQ(w.AgentStateOf("ann"), "LEFT");
}

TEST_F(Sessions, AnOvertakenClaimTimeoutDoesNothing) {
  const Caller ann = w.Register("ann");
  const std::string id = w.Create();
  const ExpireClaim stale = {.ticket_number = 1, .fence = w.Claim(id, ann)};
  w.Release(id, ann);
  EXPECT_EQ(EventsOf(w.Must(Hub(), stale)), "");
  w.Claim(id, ann);
  EXPECT_EQ(EventsOf(w.Must(Hub(), stale)), "");
  EXPECT_EQ(EventsOf(w.Must(Hub(), ExpireClaim{.ticket_number = 99, .fence = 1})), "");
  EXPECT_EQ(w.StateOf(id), "CLAIMED");
}

TEST_F(Sessions, ARestoreEndsAllSessionsInOneEvent) {
  const Caller ann = w.Register("ann");
  w.Register("ann/sub", ann);
  w.Register("gone");
  w.Expire("gone");
  const std::string id = w.Create();
  w.Claim(id, ann);
  const Decision decision = w.Must(Hub(), EndAllSessions{"restored from a backup"});
  EXPECT_EQ(EventsOf(decision), "TICKET_CLAIM_LOST T-1, WORKSPACE_RESTORED ann");
  EXPECT_EQ(decision.events.back()->changes_size(), 2);
  EXPECT_EQ(w.AgentStateOf("ann"), "LEFT");
  EXPECT_EQ(w.AgentStateOf("ann/sub"), "LEFT");
  EXPECT_EQ(w.AgentStateOf("gone"), "EXPIRED");
  EXPECT_EQ(w.ticket(id).attempt(), 1);
  EXPECT_EQ(w.agent("ann").end_reason(), "restored from a backup");
}

TEST_F(Sessions, ARestoreIsAnEventThoughNobodyWasThere) {
  EXPECT_EQ(EventsOf(w.Must(Hub(), EndAllSessions{"restored"})), "WORKSPACE_RESTORED");
}

// What a client of another version sent within its TTL, and a hub before this one kept.
void AddUnknown(size_t bytes, google::protobuf::Message* message) {
  message->GetReflection()->MutableUnknownFields(message)->AddLengthDelimited(
      20'001, std::string(bytes, 'x'));
}

TEST_F(Sessions, ARestoreIsCutByBytesSoThatEveryEventFitsIntoAMessage) {
  w.check_invariants = false;
  for (int64_t i = 0; i < limits::kLiveAgents; ++i) {
    const std::string digits = absl::StrCat(i);
    RegisterAgent command =
        w.Registration(std::string(limits::kAgentIdBytes - digits.size(), 'a') + digits);
    pb::RegisterAgentRequest& request = command.request;
    request.set_branch(std::string(limits::kBranchBytes, 'b'));
    request.set_worktree("/" + std::string(limits::kPathBytes - 1, 'w'));
    request.set_share_worktree(true);
    request.set_program(std::string(limits::kProgramBytes, 'p'));
    for (int label = 0; label < limits::kLabels; ++label) {
      request.add_labels(std::string(limits::kLabelBytes - 2, 'l') + absl::StrCat(10 + label));
    }
    request.mutable_ttl()->set_seconds(60);
    if (i % 50 == 0) AddUnknown(100'000, request.mutable_ttl());
    w.Must(Operator(), std::move(command));
  }
  int64_t ended = 0;
  while (w.state.live_agent_count() > 0) {
    const Decision decision = w.Must(Hub(), EndAllSessions{std::string(limits::kReasonBytes, 'r')});
    for (const auto& event : decision.events) {
      // Together with its frame, what one message of a watch takes.
      EXPECT_LE(event->ByteSizeLong(), size_t{500} << 10);
      ended += event->changes_size();
    }
  }
  EXPECT_EQ(ended, limits::kLiveAgents);
}

// ---- bounds ----

TEST_F(Sessions, BeyondTheLimitTheOldestEndedAgentIsForgotten) {
  w.check_invariants = false;
  for (int64_t i = 0; i < limits::kAgents; ++i) {
    const std::string id = absl::StrCat("agent-", i);
    w.Register(id);
    // Ended in another order than begun.
    if (i % 2 == 1) {
      w.Expire(id);
      w.Expire(absl::StrCat("agent-", i - 1));
    }
  }
  ASSERT_EQ(w.state.agent_count(), static_cast<size_t>(limits::kAgents));
  EXPECT_EQ(EventsOf(w.Must(Operator(), w.Registration("agent-0"))), "AGENT_REGISTERED agent-0");
  EXPECT_EQ(EventsOf(w.Must(Operator(), w.Registration("one-more"))),
            "AGENT_FORGOTTEN agent-1, AGENT_REGISTERED one-more");
  EXPECT_EQ(w.state.agent_count(), static_cast<size_t>(limits::kAgents));
  w.check_invariants = true;
  EXPECT_EQ(EventsOf(w.Must(Operator(), w.Registration("two-more"))),
            "AGENT_FORGOTTEN agent-3, AGENT_REGISTERED two-more");
}

TEST_F(Sessions, NoMoreThanTheLimitAreLive) {
  w.check_invariants = false;
  Caller first = Operator();
  for (int64_t i = 0; i < limits::kLiveAgents; ++i) {
    const Caller caller = w.Register(absl::StrCat("agent-", i));
    if (i == 0) first = caller;
  }
  for (const Caller& by : {Operator(), first}) {
    const absl::Status status = w.Do(by, w.Registration("agent-0/more")).status();
    EXPECT_EQ(ReasonNameOf(status), "LIMIT_REACHED");
    EXPECT_EQ(base::MetadataOf(status, "limit_name"), "live_agents");
    EXPECT_EQ(base::MetadataOf(status, "limit"), absl::StrCat(limits::kLiveAgents));
  }
  EXPECT_TRUE(w.Do(first, w.Registration("agent-0")).ok());
  EXPECT_TRUE(w.Do(Operator(), w.Registration("agent-0", /*takeover=*/true)).ok());
  w.Expire("agent-1");
  EXPECT_TRUE(w.Do(Operator(), w.Registration("one-more")).ok());
}

}  // namespace
}  // namespace coordhub::core
