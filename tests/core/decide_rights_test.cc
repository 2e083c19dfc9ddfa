// Who may do what, and in which order refusals come.

#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "gtest/gtest.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

// T-1 is held by "holder" and made by "maker"; T-2 is DONE, made by "maker" and was done by
// "holder"; T-3 is BURIED, made by "maker"; T-4 is OPEN, made by the operator.
struct Cast : DecidingWorkspace {
  Caller maker = Register("maker");
  Caller holder = Register("holder");
  Caller other = Register("other");
  int64_t fence = 0;

  Cast() {
    for (int i = 0; i < 3; ++i) Create({}, "", maker);
    Create();
    ClaimAndComplete("T-2", holder);
    Bury("T-3", holder);
    fence = Claim("T-1", holder);
  }

  Caller Named(const std::string& name) const {
    static const auto& callers = *new std::map<std::string, std::function<Caller(const Cast&)>>{
        {"Operator", [](const Cast&) { return Operator(); }},
        {"Hub", [](const Cast&) { return Hub("coordinator"); }},
        {"File", [](const Cast&) { return File(); }},
        {"Observer", [](const Cast&) { return Caller::Observer(); }},
        {"Maker", [](const Cast& cast) { return cast.maker; }},
        {"Holder", [](const Cast& cast) { return cast.holder; }},
        {"Other", [](const Cast& cast) { return cast.other; }},
    };
    return callers.at(name)(*this);
  }
};

template <class Request>
Request About(const std::string& ticket_id) {
  Request request;
  request.set_ticket_id(ticket_id);
  return request;
}

CommandBody Retitle(const std::string& ticket_id) {
  auto request = About<pb::UpdateTicketRequest>(ticket_id);
  request.mutable_update_mask()->add_paths("title");
  request.mutable_spec()->set_title("better");
  return request;
}

CommandBody Force(const std::string& ticket_id) {
  auto request = About<pb::ReleaseTicketRequest>(ticket_id);
  request.set_force(true);
  return request;
}

CommandBody OneOf(const pb::CreateTicketRequest& creation) {
  pb::BatchCreateTicketsRequest request;
  *request.add_tickets()->mutable_spec() = creation.spec();
  return request;
}

const std::map<std::string, std::function<CommandBody(const Cast&)>>& Deeds() {
  static const auto& deeds = *new std::map<std::string, std::function<CommandBody(const Cast&)>>{
      {"Create", [](const Cast&) { return Cast::Creation(); }},
      {"CreateBatch", [](const Cast&) { return OneOf(Cast::Creation()); }},
      {"Comment", [](const Cast&) { return About<pb::AddCommentRequest>("T-1"); }},
      {"Update", [](const Cast&) { return Retitle("T-1"); }},
      {"Cancel", [](const Cast&) { return About<pb::CancelTicketRequest>("T-1"); }},
      {"CancelBuried", [](const Cast&) { return About<pb::CancelTicketRequest>("T-3"); }},
      {"ReopenDone", [](const Cast&) { return About<pb::ReopenTicketRequest>("T-2"); }},
      {"ReopenBuried", [](const Cast&) { return About<pb::ReopenTicketRequest>("T-3"); }},
      {"ForceRelease", [](const Cast&) { return Force("T-1"); }},
      {"Release",
       [](const Cast& cast) { return Cast::Fenced<pb::ReleaseTicketRequest>("T-1", cast.fence); }},
      {"Complete",
       [](const Cast& cast) { return Cast::Fenced<pb::CompleteTicketRequest>("T-1", cast.fence); }},
      {"Fail",
       [](const Cast& cast) { return Cast::Fenced<pb::FailTicketRequest>("T-1", cast.fence); }},
      {"Claim", [](const Cast&) { return Cast::Claiming("T-4"); }},
      {"ClaimNext", [](const Cast&) { return pb::ClaimNextTicketRequest(); }},
  };
  return deeds;
}

struct RightsCase {
  std::string deed;
  std::string caller;
  std::string expected;
};

struct RightsRow {
  std::string deed;
  std::string by_operator, by_hub, by_file, by_maker, by_holder, by_other;
};

std::vector<RightsCase> RightsCases() {
  const std::string op = "OPERATOR_REQUIRED";
  const std::string session = "SESSION_REQUIRED";
  const std::string owner = "NOT_TICKET_OWNER";
  const std::string old = "CLAIM_SUPERSEDED";
  // clang-format off
  const std::vector<RightsRow> rows = {
      // deed          Operator Hub      File  Maker Holder Other
      {"Create",       "OK",    "OK",    "OK", "OK", "OK",  "OK"},
      {"CreateBatch",  "OK",    "OK",    "OK", "OK", "OK",  "OK"},
      {"Comment",      "OK",    "OK",    op,   "OK", "OK",  "OK"},
      {"Update",       "OK",    "OK",    op,   "OK", "OK",  owner},
      {"Cancel",       "OK",    "OK",    op,   "OK", "OK",  owner},
      {"CancelBuried", "OK",    "OK",    op,   "OK", owner, owner},
      {"ReopenDone",   "OK",    "OK",    op,   "OK", owner, owner},
      {"ReopenBuried", "OK",    "OK",    op,   op,   op,    op},
      {"ForceRelease", "OK",    "OK",    op,   op,   op,    op},
      {"Release",      session, session, op,   old,  "OK",  old},
      {"Complete",     session, session, op,   old,  "OK",  old},
      {"Fail",         session, session, op,   old,  "OK",  old},
      {"Claim",        session, session, op,   "OK", "OK",  "OK"},
      {"ClaimNext",    session, session, op,   "OK", "OK",  "OK"},
  };
  // clang-format on
  std::vector<RightsCase> cases;
  for (const RightsRow& row : rows) {
    cases.push_back({row.deed, "Operator", row.by_operator});
    cases.push_back({row.deed, "Hub", row.by_hub});
    cases.push_back({row.deed, "File", row.by_file});
    cases.push_back({row.deed, "Maker", row.by_maker});
    cases.push_back({row.deed, "Holder", row.by_holder});
    cases.push_back({row.deed, "Other", row.by_other});
    cases.push_back({row.deed, "Observer", op});
  }
  return cases;
}

class Rights : public testing::TestWithParam<RightsCase> {};

TEST_P(Rights, AreAsTabled) {
  Cast cast;
  const CommandBody body = Deeds().at(GetParam().deed)(cast);
  const int64_t revision = cast.state.revision();
  const absl::Status status = cast.Do(cast.Named(GetParam().caller), body).status();
  EXPECT_EQ(ReasonNameOf(status), GetParam().expected) << status;
  if (!status.ok()) {
    EXPECT_EQ(cast.state.revision(), revision);
  }
}

INSTANTIATE_TEST_SUITE_P(To, Rights, testing::ValuesIn(RightsCases()), [](const auto& tested) {
  return tested.param.deed + "As" + tested.param.caller;
});

// Nobody is the operator by omission: a caller says what it is, or there is none.
TEST(Rights, NoCallerIsMadeWithoutSayingWhatItIs) {
  static_assert(!std::is_default_constructible_v<Caller>);
  EXPECT_EQ(Caller::Observer().kind(), Caller::Kind::kObserver);
  EXPECT_EQ(Caller::Session("").kind(), Caller::Kind::kAgent);
  EXPECT_EQ(Caller::Operator().kind(), Caller::Kind::kOperator);
  EXPECT_EQ(Caller::Hub("").kind(), Caller::Kind::kHub);
  EXPECT_EQ(Caller::File("").kind(), Caller::Kind::kFile);
}

// What lacks a session's uid is no session, and certainly not the operator.
TEST(Rights, ASessionWithoutAUidIsNobody) {
  DecidingWorkspace w;
  EXPECT_EQ(ReasonNameOf(w.Do(Session(""), w.Creation()).status()), "SESSION_ENDED");
}

TEST(Rights, AnObserverRegistersNobody) {
  DecidingWorkspace w;
  EXPECT_EQ(ReasonNameOf(w.Do(Caller::Observer(), w.Registration("ann")).status()),
            "OPERATOR_REQUIRED");
}

TEST(Rights, AFileRegistersNobody) {
  DecidingWorkspace w;
  EXPECT_EQ(ReasonNameOf(w.Do(File(), w.Registration("ann")).status()), "OPERATOR_REQUIRED");
  EXPECT_EQ(ReasonNameOf(w.Do(File(), pb::DeregisterAgentRequest()).status()), "OPERATOR_REQUIRED");
}

TEST(Rights, EventsAndRecordsSayWhoCausedThem) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  w.Create({}, "", ann);
  w.Create({}, "", File());
  w.Create({}, "", Hub("comms"));
  w.Create();
  EXPECT_EQ(w.ticket("T-1").creator(), "ann");
  EXPECT_EQ(w.ticket("T-2").creator(), "file:tickets.md");
  EXPECT_EQ(w.ticket("T-3").creator(), "hub:comms");
  EXPECT_EQ(w.ticket("T-4").creator(), "operator");
  const Decision decision = w.Must(ann, About<pb::AddCommentRequest>("T-4"));
  EXPECT_EQ(decision.events[0]->actor(), "ann");
  EXPECT_EQ(decision.events[0]->changes(0).comment().author(), "ann");
}

// ---- what does not exist comes before rights, rights before state ----

TEST(Order, AnUnknownTicketIsNotFoundWhoeverAsks) {
  Cast cast;
  const std::vector<CommandBody> bodies = {
      About<pb::UpdateTicketRequest>("T-99"),   About<pb::ClaimTicketRequest>("T-99"),
      About<pb::ReleaseTicketRequest>("T-99"),  Force("T-99"),
      About<pb::CompleteTicketRequest>("T-99"), About<pb::FailTicketRequest>("T-99"),
      About<pb::CancelTicketRequest>("T-99"),   About<pb::ReopenTicketRequest>("T-99"),
      About<pb::AddCommentRequest>("T-99"),
  };
  for (const CommandBody& body : bodies) {
    for (const Caller& caller : {Operator(), cast.other}) {
      const absl::Status status = cast.Do(caller, body).status();
      EXPECT_EQ(ReasonNameOf(status), "TICKET_NOT_FOUND") << body.index();
      EXPECT_EQ(base::MetadataOf(status, "ticket_id"), "T-99");
    }
  }
}

TEST(Order, RightsComeBeforeState) {
  Cast cast;
  EXPECT_EQ(ReasonNameOf(cast.Do(cast.other, About<pb::CancelTicketRequest>("T-2")).status()),
            "NOT_TICKET_OWNER");
  EXPECT_EQ(ReasonNameOf(cast.Do(cast.maker, About<pb::CancelTicketRequest>("T-2")).status()),
            "TICKET_STATE");
  EXPECT_EQ(ReasonNameOf(cast.Do(cast.other, About<pb::ReopenTicketRequest>("T-4")).status()),
            "NOT_TICKET_OWNER");
  EXPECT_EQ(ReasonNameOf(cast.Do(cast.maker, About<pb::ReopenTicketRequest>("T-1")).status()),
            "TICKET_STATE");
  EXPECT_EQ(ReasonNameOf(cast.Do(cast.other, Force("T-4")).status()), "OPERATOR_REQUIRED");
  EXPECT_EQ(ReasonNameOf(cast.Do(Operator(), Force("T-4")).status()), "TICKET_STATE");
}

}  // namespace
}  // namespace coordhub::core
