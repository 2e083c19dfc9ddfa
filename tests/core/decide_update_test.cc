// Making and changing tickets, bodies, comments.

#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "hub/core/limits.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {
namespace {

pb::UpdateTicketRequest Update(const std::string& ticket_id, const std::vector<std::string>& mask) {
  pb::UpdateTicketRequest request;
  request.set_ticket_id(ticket_id);
  for (const std::string& path : mask) request.mutable_update_mask()->add_paths(path);
  return request;
}

pb::CreateTicketRequest FullCreation() {
  pb::CreateTicketRequest request = DecidingWorkspace::Creation();
  pb::TicketSpec& spec = *request.mutable_spec();
  spec.set_title("tidy up");
  spec.set_body("all of it");
  spec.set_priority(0);
  for (const char* label : {"b", "a", "b"}) spec.add_labels(label);
  spec.add_paths("hub/");
  spec.set_assignee_agent_id("ann");
  spec.mutable_not_before()->set_seconds(1'900'000'000);
  spec.set_max_attempts(7);
  return request;
}

// What the decision leaves in the store as the body of this ticket.
std::string BodyIn(const Decision& decision, const std::string& ticket_id) {
  for (const StoreRow& row : decision.store) {
    if (row.key != std::vector<int64_t>{TicketNumber(ticket_id)}) continue;
    pb::TicketBody body;
    body.ParseFromString(row.value);
    return body.text();
  }
  return "(none)";
}

TEST(Create, TakesEveryFieldOfTheSpec) {
  DecidingWorkspace w;
  w.Create();
  pb::CreateTicketRequest request = FullCreation();
  request.mutable_spec()->set_parent_ticket_id("T-1");
  const Decision decision = w.Must(Operator(), request);
  const std::string id = "T-2";
  const pb::Ticket& ticket = w.ticket(id);
  EXPECT_EQ(ticket.ticket_id(), "T-2");
  EXPECT_EQ(ticket.title(), "tidy up");
  EXPECT_TRUE(ticket.has_body());
  EXPECT_EQ(ticket.body_bytes(), 9);
  EXPECT_EQ(BodyIn(decision, id), "all of it");
  EXPECT_EQ(ticket.priority(), 0);
  EXPECT_EQ(std::vector<std::string>(ticket.labels().begin(), ticket.labels().end()),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(ticket.paths(0), "hub/");
  EXPECT_EQ(ticket.parent_ticket_id(), "T-1");
  EXPECT_EQ(ticket.assignee_agent_id(), "ann");
  EXPECT_EQ(ticket.not_before().seconds(), 1'900'000'000);
  EXPECT_EQ(ticket.max_attempts(), 7);
  EXPECT_EQ(ticket.attempt(), 0);
  EXPECT_EQ(ticket.creator(), "operator");
  EXPECT_EQ(FromProto(ticket.create_time()), w.now.wall);
  EXPECT_EQ(ticket.create_revision(), ticket.mod_revision());
}

TEST(Create, HasDefaults) {
  DecidingWorkspace w;
  const Decision decision = w.Must(Operator(), DecidingWorkspace::Creation());
  const pb::Ticket& ticket = w.ticket("T-1");
  EXPECT_EQ(ticket.priority(), 2);
  EXPECT_EQ(ticket.max_attempts(), 5);
  EXPECT_FALSE(ticket.has_body());
  EXPECT_EQ(BodyIn(decision, "T-1"), "(none)");
  EXPECT_FALSE(ticket.has_not_before());
}

TEST(Create, RefusesUnknownReferences) {
  DecidingWorkspace w;
  for (const pb::CreateTicketRequest& request :
       {w.Creation({"T-1"}), w.Creation({}, "T-1"), w.Creation({"T-7"})}) {
    const absl::Status status = w.Do(Operator(), request).status();
    EXPECT_EQ(ReasonNameOf(status), "TICKET_NOT_FOUND");
    EXPECT_EQ(w.state.last_ticket_number(), 0);
  }
}

TEST(Create, ARefusalUsesUpNoNumber) {
  DecidingWorkspace w;
  w.Create();
  EXPECT_FALSE(w.Do(Operator(), w.Creation({"T-9"})).ok());
  EXPECT_EQ(w.Create(), "T-2");
}

struct FieldCase {
  std::string name;  // of the field
  std::function<void(pb::TicketSpec&)> set;
  std::function<std::string(const pb::Ticket&)> get;
  std::string value;
  // Where the mask names it and the spec has it not.
  std::string cleared;
  // Whether a finished ticket may still be changed.
  bool when_finished;
};

class UpdateOf : public testing::TestWithParam<FieldCase> {};

// T-3 has its fields set, to see that others stay.
struct Updating : DecidingWorkspace {
  Updating() {
    Create();
    Create();
    pb::CreateTicketRequest request = FullCreation();
    request.mutable_spec()->add_dependencies()->set_ticket_id("T-1");
    Create(request);
  }
};

TEST_P(UpdateOf, TakesOnlyWhatTheMaskNames) {
  const FieldCase& c = GetParam();
  Updating w;
  const pb::Ticket before = w.ticket("T-3");
  pb::UpdateTicketRequest request = Update("T-3", {c.name});
  // What the mask does not name is not looked at.
  request.mutable_spec()->set_title("not this one");
  c.set(*request.mutable_spec());
  w.Advance(absl::Seconds(5));
  const Decision decision = w.Must(Operator(), request);

  const pb::Ticket& after = w.ticket("T-3");
  EXPECT_EQ(c.get(after), c.value);
  EXPECT_EQ(decision.events[0]->kind(), pb::EVENT_KIND_TICKET_UPDATED);
  EXPECT_EQ(FromProto(after.update_time()), w.now.wall);
  EXPECT_EQ(after.create_revision(), before.create_revision());
  if (c.name != "title") {
    EXPECT_EQ(after.title(), before.title());
  }
  if (c.name != "labels") {
    EXPECT_EQ(after.labels_size(), before.labels_size());
  }
}

TEST_P(UpdateOf, ClearsWhatIsUnset) {
  const FieldCase& c = GetParam();
  if (c.name == "title") return;  // required: refused before it gets here
  Updating w;
  pb::UpdateTicketRequest request = Update("T-3", {c.name});
  w.Must(Operator(), request);
  EXPECT_EQ(c.get(w.ticket("T-3")), c.cleared);
}

TEST_P(UpdateOf, AFinishedTicketIsAsTabled) {
  const FieldCase& c = GetParam();
  Updating w;
  w.Cancel("T-3");
  pb::UpdateTicketRequest request = Update("T-3", {"paths", c.name});
  c.set(*request.mutable_spec());
  const absl::Status status = w.Do(Operator(), request).status();
  EXPECT_EQ(ReasonNameOf(status), c.when_finished ? "OK" : "TICKET_STATE") << status;
}

std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& values) {
  std::string text;
  for (const std::string& value : values) absl::StrAppend(&text, value, ";");
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    Field, UpdateOf,
    testing::ValuesIn<FieldCase>({
        {"title", [](auto& s) { s.set_title("other"); },
         [](const pb::Ticket& made) { return made.title(); }, "other", "", true},
        {"body", [](auto& s) { s.set_body("other"); },
         [](const pb::Ticket& made) { return std::string(made.has_body() ? "yes" : "no"); }, "yes",
         "no", true},
        {"priority", [](auto& s) { s.set_priority(4); },
         [](const pb::Ticket& made) { return absl::StrCat(made.priority()); }, "4", "2", true},
        {"labels",
         [](auto& s) {
           s.add_labels("z");
           s.add_labels("y");
         },
         [](const pb::Ticket& made) { return Joined(made.labels()); }, "y;z;", "", true},
        {"paths",
         [](auto& s) {
           s.add_paths("*.cc");
           s.add_paths("!x.cc");
         },
         [](const pb::Ticket& made) { return Joined(made.paths()); }, "*.cc;!x.cc;", "", true},
        {"dependencies", [](auto& s) { s.add_dependencies()->set_ticket_id("T-2"); },
         [](const pb::Ticket& made) {
           return made.dependencies().empty() ? "" : made.dependencies(0).ticket_id();
         },
         "T-2", "", false},
        {"parent_ticket_id", [](auto& s) { s.set_parent_ticket_id("T-2"); },
         [](const pb::Ticket& made) { return made.parent_ticket_id(); }, "T-2", "", false},
        {"assignee_agent_id", [](auto& s) { s.set_assignee_agent_id("ben"); },
         [](const pb::Ticket& made) { return made.assignee_agent_id(); }, "ben", "", false},
        {"not_before", [](auto& s) { s.mutable_not_before()->set_seconds(2'000'000'000); },
         [](const pb::Ticket& made) { return absl::StrCat(made.not_before().seconds()); },
         "2000000000", "0", false},
        {"max_attempts", [](auto& s) { s.set_max_attempts(9); },
         [](const pb::Ticket& made) { return absl::StrCat(made.max_attempts()); }, "9", "5", true},
    }),
    CaseName());

TEST(Update, ChecksTheExpectedRevision) {
  DecidingWorkspace w;
  w.Create();
  pb::UpdateTicketRequest request = Update("T-1", {"priority"});
  request.set_expected_revision(w.ticket("T-1").mod_revision());
  EXPECT_TRUE(w.Do(Operator(), request).ok());
  const absl::Status status = w.Do(Operator(), request).status();
  EXPECT_EQ(ReasonNameOf(status), "REVISION_MISMATCH");
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(base::MetadataOf(status, "expected_revision"), "1");
  EXPECT_EQ(base::MetadataOf(status, "current_revision"), "2");
}

TEST(Update, RefusesUnknownReferencesAndLooksOnlyAtThoseThatItTakes) {
  DecidingWorkspace w;
  w.Create();
  for (const std::string field : {"dependencies", "parent_ticket_id"}) {
    pb::UpdateTicketRequest request = Update("T-1", {field});
    request.mutable_spec()->add_dependencies()->set_ticket_id("T-9");
    request.mutable_spec()->set_parent_ticket_id("T-9");
    EXPECT_EQ(ReasonNameOf(w.Do(Operator(), request).status()), "TICKET_NOT_FOUND") << field;
    *request.mutable_update_mask() = Update("T-1", {"labels"}).update_mask();
    EXPECT_TRUE(w.Do(Operator(), request).ok());
  }
}

TEST(Update, MovesAReadyTicketInTheQueue) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  w.Create();
  w.Create();
  pb::UpdateTicketRequest request = Update("T-2", {"priority"});
  request.mutable_spec()->set_priority(0);
  w.Must(Operator(), request);
  EXPECT_EQ(EventsOf(w.Must(ann, pb::ClaimNextTicketRequest())), "TICKET_CLAIMED T-2");
}

TEST(Update, BodyIsWrittenEmptiedAndWrittenAgain) {
  DecidingWorkspace w;
  w.Create();
  pb::UpdateTicketRequest request = Update("T-1", {"body"});
  Decision decision;
  const auto changes = [&](const std::string& text) {
    request.mutable_spec()->set_body(text);
    decision = w.Must(Operator(), request);
    return decision.events[0]->changes_size();
  };
  EXPECT_EQ(changes(""), 1);  // there was none
  EXPECT_EQ(changes("text"), 2);
  EXPECT_FALSE(decision.events[0]->changes(1).has_previous());
  EXPECT_EQ(BodyIn(decision, "T-1"), "text");
  EXPECT_EQ(w.ticket("T-1").body_bytes(), 4);
  EXPECT_EQ(changes("other"), 2);
  EXPECT_TRUE(decision.events[0]->changes(1).has_previous());
  EXPECT_EQ(changes(""), 2);
  EXPECT_EQ(BodyIn(decision, "T-1"), "");
  EXPECT_FALSE(w.ticket("T-1").has_body());
  EXPECT_EQ(changes("again"), 2);
  EXPECT_TRUE(w.ticket("T-1").has_body());
}

TEST(Update, LeavesAttemptsForThoseThatWait) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  w.Create();
  for (int i = 0; i < 2; ++i) {
    w.Claim("T-1", ann);
    w.Fail("T-1", ann);
    w.Advance(absl::Minutes(5));
  }
  pb::UpdateTicketRequest request = Update("T-1", {"max_attempts"});
  request.mutable_spec()->set_max_attempts(2);
  EXPECT_EQ(ReasonNameOf(w.Do(Operator(), request).status()), "TICKET_STATE");
  request.mutable_spec()->set_max_attempts(3);
  EXPECT_TRUE(w.Do(Operator(), request).ok());
  w.Claim("T-1", ann);
  EXPECT_TRUE(w.Do(Operator(), request).ok());
  w.Fail("T-1", ann);
  EXPECT_EQ(w.StateOf("T-1"), "BURIED");
}

TEST(Update, AssigneeOfAHeldTicketLeavesTheClaimAlone) {
  DecidingWorkspace w;
  const Caller ann = w.Register("ann");
  w.Create();
  w.Claim("T-1", ann);
  pb::UpdateTicketRequest request = Update("T-1", {"assignee_agent_id"});
  request.mutable_spec()->set_assignee_agent_id("ben");
  w.Must(Operator(), request);
  EXPECT_EQ(w.StateOf("T-1"), "CLAIMED");
  w.Release("T-1", ann);
  EXPECT_EQ(ReasonNameOf(w.Do(ann, w.Claiming("T-1")).status()), "TICKET_ASSIGNED");
}

TEST(Comment, IsNumberedWithinItsTicket) {
  DecidingWorkspace w;
  w.Create();
  w.Create();
  Decision last;
  for (const std::string id : {"T-1", "T-2", "T-1"}) {
    pb::AddCommentRequest request;
    request.set_ticket_id(id);
    request.set_text("on " + id);
    last = w.Must(Operator(), request);
    EXPECT_EQ(EventsOf(last), "COMMENT_ADDED " + id);
    EXPECT_EQ(last.events[0]->changes(1).ticket().ticket_id(), id);
  }
  EXPECT_EQ(w.ticket("T-1").comment_count(), 2);
  EXPECT_EQ(w.ticket("T-2").comment_count(), 1);
  EXPECT_EQ(w.ticket("T-1").comment_bytes(), 12);
  ASSERT_EQ(last.store.size(), 1u);
  EXPECT_EQ(last.store[0].key, (std::vector<int64_t>{1, 2}));
  pb::Comment second;
  ASSERT_TRUE(second.ParseFromString(last.store[0].value));
  EXPECT_EQ(second.text(), "on T-1");
  EXPECT_EQ(second.create_revision(), w.state.revision());
  EXPECT_EQ(FromProto(second.create_time()), w.now.wall);
}

TEST(Comment, ATicketTakesNoMoreThanTheLimit) {
  DecidingWorkspace w;
  w.check_invariants = false;
  w.Create();
  pb::AddCommentRequest request;
  request.set_ticket_id("T-1");
  request.set_text("and");
  for (int i = 0; i < limits::kCommentsPerTicket; ++i) w.Must(Operator(), request);
  const absl::Status status = w.Do(Operator(), request).status();
  EXPECT_EQ(ReasonNameOf(status), "LIMIT_REACHED");
  EXPECT_EQ(base::MetadataOf(status, "limit_name"), "comments_per_ticket");
  EXPECT_EQ(base::MetadataOf(status, "limit"), absl::StrCat(limits::kCommentsPerTicket));
}

}  // namespace
}  // namespace coordhub::core
