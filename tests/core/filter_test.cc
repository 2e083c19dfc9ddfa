#include "hub/core/filter.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace coordhub::core {
namespace {

// T-1 was claimed by alice and labelled `cc`; carol is its assignee. Now bob holds it, it is
// labelled `docs`, and dave is its assignee.
v1::Event ChangedTicket() {
  v1::Event event;
  event.set_kind(v1::EVENT_KIND_TICKET_UPDATED);
  v1::RecordChange& change = *event.add_changes();
  v1::Ticket& ticket = *change.mutable_ticket();
  ticket.set_ticket_id("T-1");
  ticket.set_state(v1::Ticket::STATE_CLAIMED);
  ticket.add_labels("docs");
  ticket.add_labels("slow");
  ticket.mutable_claim()->set_agent_id("bob");
  ticket.set_assignee_agent_id("dave");
  v1::RecordFacets& previous = *change.mutable_previous();
  previous.set_ticket_state(v1::Ticket::STATE_OPEN);
  previous.add_labels("cc");
  previous.set_holder_agent_id("alice");
  previous.set_assignee_agent_id("carol");
  return event;
}

v1::Event NewTicketWithBody() {
  v1::Event event;
  event.set_kind(v1::EVENT_KIND_TICKET_CREATED);
  v1::Ticket& ticket = *event.add_changes()->mutable_ticket();
  ticket.set_ticket_id("T-2");
  ticket.set_state(v1::Ticket::STATE_OPEN);
  event.add_changes()->mutable_ticket_body()->set_ticket_id("T-2");
  return event;
}

v1::Event AgentForgotten() {
  v1::Event event;
  event.set_kind(v1::EVENT_KIND_AGENT_FORGOTTEN);
  v1::RecordChange& change = *event.add_changes();
  change.mutable_agent()->set_agent_id("alice");
  change.mutable_agent()->add_labels("never-looked-at");
  change.set_erased(true);
  change.mutable_previous()->add_labels("linux");
  change.mutable_previous()->set_agent_state(v1::Agent::STATE_LEFT);
  return event;
}

v1::Event CommentAdded() {
  v1::Event event;
  event.set_kind(v1::EVENT_KIND_COMMENT_ADDED);
  event.add_changes()->mutable_comment()->set_ticket_id("T-3");
  return event;
}

struct FilterCase {
  std::string name;
  std::function<void(v1::EventFilter&)> filter;
  std::function<v1::Event()> event;
  bool admits;
};

class FilterAdmits : public testing::TestWithParam<FilterCase> {};

TEST_P(FilterAdmits, AsTabled) {
  v1::EventFilter filter;
  GetParam().filter(filter);
  const v1::Event event = GetParam().event();
  EXPECT_EQ(Filter(filter).Admits(event), GetParam().admits) << filter.ShortDebugString();
}

INSTANTIATE_TEST_SUITE_P(
    Event, FilterAdmits,
    testing::ValuesIn<FilterCase>({
        {"EverythingWhenEmpty", [](auto&) {}, ChangedTicket, true},
        {"ItsKind", [](auto& f) { f.add_kinds(v1::EVENT_KIND_TICKET_UPDATED); }, ChangedTicket,
         true},
        {"NoOtherKind", [](auto& f) { f.add_kinds(v1::EVENT_KIND_TICKET_CLAIMED); }, ChangedTicket,
         false},
        {"OneOfSeveralKinds",
         [](auto& f) {
           f.add_kinds(v1::EVENT_KIND_TICKET_CLAIMED);
           f.add_kinds(v1::EVENT_KIND_TICKET_UPDATED);
         },
         ChangedTicket, true},
        {"ItsTicket", [](auto& f) { f.add_ticket_ids("T-1"); }, ChangedTicket, true},
        {"NoOtherTicket", [](auto& f) { f.add_ticket_ids("T-2"); }, ChangedTicket, false},
        {"NoPrefixOfItsTicket", [](auto& f) { f.add_ticket_ids("T-"); }, ChangedTicket, false},
        {"CommentsOfItsTicket", [](auto& f) { f.add_ticket_ids("T-3"); }, CommentAdded, true},
        {"LabelsAsTheyAre", [](auto& f) { f.add_labels("docs"); }, ChangedTicket, true},
        {"LabelsAsTheyWere", [](auto& f) { f.add_labels("cc"); }, ChangedTicket, true},
        {"AllLabelsOfOneMoment",
         [](auto& f) {
           f.add_labels("docs");
           f.add_labels("slow");
         },
         ChangedTicket, true},
        {"NotLabelsOfTwoMoments",
         [](auto& f) {
           f.add_labels("cc");
           f.add_labels("docs");
         },
         ChangedTicket, false},
        {"TheStateItEnters", [](auto& f) { f.add_ticket_states(v1::Ticket::STATE_CLAIMED); },
         ChangedTicket, true},
        {"TheStateItLeaves", [](auto& f) { f.add_ticket_states(v1::Ticket::STATE_OPEN); },
         ChangedTicket, true},
        {"NoOtherState", [](auto& f) { f.add_ticket_states(v1::Ticket::STATE_DONE); },
         ChangedTicket, false},
        {"NoStateOfANewTicketBefore",
         [](auto& f) { f.add_ticket_states(v1::Ticket::STATE_CLAIMED); }, NewTicketWithBody, false},
        {"ItsHolder", [](auto& f) { f.add_agent_ids("bob"); }, ChangedTicket, true},
        {"ItsHolderBefore", [](auto& f) { f.add_agent_ids("alice"); }, ChangedTicket, true},
        {"ItsAssignee", [](auto& f) { f.add_agent_ids("dave"); }, ChangedTicket, true},
        {"ItsAssigneeBefore", [](auto& f) { f.add_agent_ids("carol"); }, ChangedTicket, true},
        {"NoOtherAgent", [](auto& f) { f.add_agent_ids("eve"); }, ChangedTicket, false},
        {"NoAgentByAnEmptyName", [](auto& f) { f.add_agent_ids("eve"); }, NewTicketWithBody, false},
        {"ConditionsOfOneMoment",
         [](auto& f) {
           f.add_agent_ids("alice");
           f.add_ticket_states(v1::Ticket::STATE_OPEN);
         },
         ChangedTicket, true},
        {"NotConditionsOfTwoMoments",
         [](auto& f) {
           f.add_agent_ids("alice");
           f.add_ticket_states(v1::Ticket::STATE_CLAIMED);
         },
         ChangedTicket, false},
        {"NotConditionsOfTwoRecords",
         [](auto& f) {
           f.add_ticket_ids("T-2");
           f.add_labels("cc");
         },
         NewTicketWithBody, false},
        {"KindAndRecordTogether",
         [](auto& f) {
           f.add_kinds(v1::EVENT_KIND_TICKET_UPDATED);
           f.add_ticket_ids("T-2");
         },
         ChangedTicket, false},
        {"AnErasedRecordAsItWas", [](auto& f) { f.add_labels("linux"); }, AgentForgotten, true},
        {"NotAnErasedRecordAsItIs", [](auto& f) { f.add_labels("never-looked-at"); },
         AgentForgotten, false},
        {"AnErasedAgentByItsId", [](auto& f) { f.add_agent_ids("alice"); }, AgentForgotten, true},
        {"NoAgentByATicketState", [](auto& f) { f.add_ticket_states(v1::Ticket::STATE_OPEN); },
         AgentForgotten, false},
    }),
    [](const auto& tested) { return tested.param.name; });

TEST(Filter, KnowsThatItAdmitsAll) {
  EXPECT_TRUE(Filter().admits_all());
  EXPECT_TRUE(Filter(v1::EventFilter()).admits_all());
  v1::EventFilter filter;
  filter.add_kinds(v1::EVENT_KIND_TICKET_CLAIMED);
  EXPECT_FALSE(Filter(filter).admits_all());
}

TEST(Filter, LooksAtRecordsOfASnapshotWithoutTheirKind) {
  v1::EventFilter filter;
  filter.add_kinds(v1::EVENT_KIND_TICKET_CLAIMED);
  const v1::RecordChange record = ChangedTicket().changes(0);
  EXPECT_TRUE(Filter(filter).AdmitsRecord(record));
  filter.add_labels("docs");
  EXPECT_TRUE(Filter(filter).AdmitsRecord(record));
  // A snapshot shows what is, not what was.
  filter.clear_labels();
  filter.add_labels("cc");
  EXPECT_FALSE(Filter(filter).AdmitsRecord(record));
}

}  // namespace
}  // namespace coordhub::core
