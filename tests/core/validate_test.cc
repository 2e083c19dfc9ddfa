// Every field of every request has a stated limit, and its refusal names the field and the limit.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/base/error.h"
#include "gtest/gtest.h"
#include "hub/core/limits.h"
#include "tests/core/validate_rows.h"

namespace coordhub::core {
namespace {

// ---- what many requests have ----

FieldTable TicketCall() {
  return Mutation() + FieldTable{{"ticket_id", TicketName(Need::kRequired)}};
}
FieldTable FencedCall() { return TicketCall() + FieldTable{{"fence", Fence()}}; }
FieldTable Labels() { return {{"labels", Lines(32, 64)}}; }
FieldTable ClaimTimeout() {
  return {{"claim_timeout", Duration(absl::Seconds(1), absl::Hours(24 * 7))}};
}

FieldTable Spec(Need title) {
  return Labels() + FieldTable{{"title", Line(512, title)},
                               {"body", LongText(65536)},
                               {"priority", Between(0, 4)},
                               {"paths", Lines(64, 512)},
                               {"dependencies.ticket_id", TicketName(Need::kRequired)},
                               {"dependencies.until",
                                {Number("Unspecified", 0, true), Number("Done", 1, true),
                                 Number("Integrated", 2, true), Number("OneBeyond", 3, false),
                                 Number("Negative", -1, false)}},
                               {"parent_ticket_id", TicketName()},
                               {"assignee_agent_id", AgentName()},
                               {"not_before", Timestamp()},
                               {"max_attempts", Between(0, 100)}};
}

FieldTable Filter() {
  return Labels() + FieldTable{{"kinds", SomeOfEnum(pb::EVENT_KIND_TICKET_CLAIMED, 64)},
                               {"ticket_ids", Names("T-1", "T-0", 64)},
                               {"agent_ids", Names("ann", "a b", 64)},
                               {"ticket_states", SomeOfEnum(pb::Ticket::STATE_OPEN, 8)}};
}

template <class Request>
void AboutTicket(Request& request) {
  request.set_ticket_id("T-17");
}

template <class Request>
void AboutClaim(Request& request) {
  request.set_ticket_id("T-17");
  request.set_fence(3);
}

// ---- all requests ----

std::vector<RequestRow> AgentRequests() {
  const FieldValues states = SomeOfEnum(pb::Agent::STATE_ACTIVE, 8);
  return {
      Row<pb::RegisterAgentRequest>(
          [](auto& request) { request.set_agent_id("ann"); },
          Mutation() + Labels() +
              FieldTable{{"agent_id", AgentName(Need::kRequired)},
                         {"branch", Line(255)},
                         {"worktree", AbsolutePath()},
                         {"program", Line(128)},
                         {"ttl", Duration(absl::Seconds(5), absl::Hours(24))},
                         {"takeover", Anything()},
                         {"share_worktree", Anything()}}),
      Row<pb::DeregisterAgentRequest>(
          Mutation() + FieldTable{{"agent_id", AgentName()}, {"reason", LongText(4096)}}),
      Row<pb::GetAgentRequest>(Workspace() + MinRevision() + FieldTable{{"agent_id", AgentName()}}),
      Row<pb::ListAgentsRequest>(
          Workspace() + Page() + MinRevision() +
          FieldTable{{"states", states},
                     {"order_by", OneOfEnum(pb::ListAgentsRequest::ORDER_REGISTRATION)},
                     {"descending", Anything()}}),
      Row<pb::KeepAliveRequest>(Workspace() + FieldTable{{"sequence", Anything()}}),
  };
}

std::vector<RequestRow> TicketQueries() {
  const FieldValues states = SomeOfEnum(pb::Ticket::STATE_OPEN, 8);
  return {
      Row<pb::GetTicketRequest>(AboutTicket<pb::GetTicketRequest>,
                                Workspace() + MinRevision() +
                                    FieldTable{{"ticket_id", TicketName(Need::kRequired)},
                                               {"comment_page_size", Between(0, 200)},
                                               {"comments_before", NotNegative()}}),
      Row<pb::ListTicketsRequest>(Workspace() + Page() + MinRevision() + Labels() +
                                  FieldTable{{"states", states},
                                             {"holder_agent_id", AgentName()},
                                             {"assignee_agent_id", AgentName()},
                                             {"parent_ticket_id", TicketName()},
                                             {"archived", Anything()},
                                             {"descending", Anything()}}),
  };
}

std::vector<RequestRow> TicketMaking() {
  return {
      Row<pb::CreateTicketRequest>([](auto& request) { request.mutable_spec()->set_title("work"); },
                                   Mutation() + Prefixed("spec.", Spec(Need::kRequired))),
      Row<pb::BatchCreateTicketsRequest>(
          [](auto& request) { request.add_tickets()->mutable_spec()->set_title("work"); },
          Mutation() + FieldTable{{"tickets.local_id", Token(64, "")}} +
              Prefixed("tickets.spec.", Spec(Need::kRequired))),
      Row<pb::UpdateTicketRequest>(
          [](auto& request) {
            request.set_ticket_id("T-17");
            request.mutable_update_mask()->add_paths("labels");
          },
          TicketCall() + Prefixed("spec.", Spec(Need::kOptional)) +
              FieldTable{{"expected_revision", NotNegative()},
                         {"update_mask", Anything()}}),  // its own tests are below
  };
}

std::vector<RequestRow> TicketVerbs() {
  const FieldTable reason = {{"reason", LongText(4096)}};
  return {
      Row<pb::ClaimTicketRequest>(AboutTicket<pb::ClaimTicketRequest>,
                                  TicketCall() + ClaimTimeout()),
      Row<pb::ClaimNextTicketRequest>(
          Mutation() + Labels() + ClaimTimeout() +
          FieldTable{{"max_priority", Between(0, 4)},
                     {"wait", Duration(absl::ZeroDuration(), absl::Hours(1))}}),
      Row<pb::RenewClaimRequest>(AboutClaim<pb::RenewClaimRequest>, FencedCall()),
      Row<pb::ReleaseTicketRequest>(AboutClaim<pb::ReleaseTicketRequest>,
                                    FencedCall() + reason + FieldTable{{"force", Anything()}}),
      Row<pb::CompleteTicketRequest>(
          AboutClaim<pb::CompleteTicketRequest>,
          FencedCall() + FieldTable{{"commit", CommitName()}, {"summary", LongText(4096)}}),
      Row<pb::FailTicketRequest>(
          [](auto& request) {
            AboutClaim(request);
            request.set_reason("does not build");
          },
          FencedCall() +
              FieldTable{{"reason", LongText(4096, Need::kRequired)},
                         {"final", Anything()},
                         {"retry_delay", Duration(absl::ZeroDuration(), absl::Hours(24))}}),
      Row<pb::CancelTicketRequest>(AboutTicket<pb::CancelTicketRequest>, TicketCall() + reason),
      Row<pb::ReopenTicketRequest>(AboutTicket<pb::ReopenTicketRequest>, TicketCall() + reason),
      Row<pb::AddCommentRequest>(
          [](auto& request) {
            AboutTicket(request);
            request.set_text("well");
          },
          TicketCall() + FieldTable{{"text", LongText(65536, Need::kRequired)}}),
      Row<pb::UpdateProgressRequest>(
          AboutClaim<pb::UpdateProgressRequest>,
          FencedCall() + FieldTable{{"note", Line(512)}, {"percent", Between(0, 100)}}),
  };
}

template <class Request>
RequestRow LoopRow() {
  return Row<Request>([](auto& request) { request.set_loop_id("monitor"); },
                      Mutation() + FieldTable{{"loop_id", Line(64, Need::kRequired)}});
}

std::vector<RequestRow> OtherRequests() {
  const FieldTable log = {{"after_revision", NotNegative()}, {"log_id", Line(64)}};
  return {
      Row<pb::WatchEventsRequest>(
          Workspace() + log + Prefixed("filter.", Filter()) +
          FieldTable{{"start", OneOfEnum(3)},
                     {"bookmark_interval", Duration(absl::Seconds(1), absl::Hours(1))}}),
      Row<pb::ListEventsRequest>(Workspace() + Page() + MinRevision() + log +
                                 Prefixed("filter.", Filter()) +
                                 FieldTable{{"descending", Anything()}}),
      Row<pb::GetHubRequest>(Workspace() + MinRevision() + FieldTable{{"with_digest", Anything()}}),
      Row<pb::ListWorkspacesRequest>(Page()),
      Row<pb::ListLoopsRequest>(Workspace() + Page() + MinRevision()),
      LoopRow<pb::StepLoopRequest>(),
      LoopRow<pb::PauseLoopRequest>(),
      LoopRow<pb::ResumeLoopRequest>(),
      Row<pb::GetRepositoryStatusRequest>(Workspace() + MinRevision()),
      Row<pb::ListBranchesRequest>(Workspace() + Page() + MinRevision() +
                                   FieldTable{{"with_paths", Anything()}}),
      Row<pb::ListWorktreesRequest>(Workspace() + Page() + MinRevision()),
      Row<pb::CompactWorkspaceRequest>(Mutation() + FieldTable{{"revision", NotNegative()}}),
      Row<pb::BackupWorkspaceRequest>(
          [](auto& request) { request.set_directory("/backups/1"); },
          Mutation() + FieldTable{{"directory", AbsolutePath(Need::kRequired)}}),
      Row<pb::VerifyWorkspaceRequest>(Workspace() + MinRevision()),
      Row<pb::DrainHubRequest>(
          FieldTable{{"request_id", Token(64, ":")}, {"reason", LongText(4096)}}),
  };
}

const std::vector<RequestRow>& AllRequests() {
  static const auto& all = *new std::vector<RequestRow>([] {
    std::vector<RequestRow> rows;
    for (const auto& part : {AgentRequests(), TicketQueries(), TicketMaking(), TicketVerbs(),
                             OtherRequests(), ConvergenceRequests()}) {
      rows.insert(rows.end(), part.begin(), part.end());
    }
    return rows;
  }());
  return all;
}

// Those of the services whose requests are looked at here.
std::vector<const google::protobuf::MethodDescriptor*> Methods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const Descriptor* request :
       {pb::RegisterAgentRequest::descriptor(), pb::CreateTicketRequest::descriptor(),
        pb::ListEventsRequest::descriptor(), pb::GetHubRequest::descriptor(),
        pb::ListBranchesRequest::descriptor(), pb::OpenRoundRequest::descriptor()}) {
    const auto& service = *request->file()->service(0);
    for (int i = 0; i < service.method_count(); ++i) methods.push_back(service.method(i));
  }
  return methods;
}

TEST(Validate, NoRequestIsForgotten) {
  std::set<std::string> stated;
  for (const RequestRow& row : AllRequests()) stated.insert(row.name());
  std::set<std::string> served;
  for (const auto* method : Methods()) served.insert(method->input_type()->name());
  // Its mutations are requests that stand here; how many there may be is for who reads the stream.
  served.erase("MutateTicketsRequest");
  const Descriptor& mutation = *pb::TicketMutation::descriptor();
  for (int i = 0; i < mutation.field_count(); ++i) {
    served.insert(mutation.field(i)->message_type()->name());
  }
  EXPECT_EQ(stated, served);
}

TEST(Validate, EveryFieldHasAStatedLimit) {
  for (const RequestRow& row : AllRequests()) {
    std::set<std::string> fields;
    CollectFields(*row.valid->GetDescriptor(), "", &fields);
    std::set<std::string> stated;
    for (const auto& [path, values] : row.fields) stated.insert(path);
    EXPECT_EQ(stated, fields) << row.name();
  }
}

TEST(Validate, AcceptsWhatIsComplete) {
  for (const RequestRow& row : AllRequests()) {
    EXPECT_TRUE(row.validate(*row.valid).ok()) << row.name() << row.validate(*row.valid);
  }
}

struct ValueCase {
  std::string name;
  const RequestRow* request;
  std::string path;
  FieldValue value;
};

std::vector<ValueCase> AllValues() {
  std::vector<ValueCase> cases;
  for (const RequestRow& row : AllRequests()) {
    for (const auto& [path, values] : row.fields) {
      const std::string field = absl::StrReplaceAll(path, {{".", "_"}});
      for (const FieldValue& value : values) {
        cases.push_back({absl::StrCat(row.name(), "_", field, "_", value.name), &row, path, value});
      }
    }
  }
  return cases;
}

class FieldOf : public testing::TestWithParam<ValueCase> {};

TEST_P(FieldOf, IsAnsweredAsStated) {
  const ValueCase& c = GetParam();
  const std::unique_ptr<Message> request(c.request->valid->New());
  request->CopyFrom(*c.request->valid);
  // A dependency that is there must name a ticket, whichever of its fields is looked at.
  if (c.path.find("dependencies.") != std::string::npos) {
    const std::string owner = c.path.substr(0, c.path.rfind('.'));
    FieldRef::Find(request.get(), owner + ".ticket_id").SetString("T-3");
  }
  const FieldRef field = FieldRef::Find(request.get(), c.path);
  ASSERT_NE(field.field, nullptr);
  c.value.set(field);

  const absl::Status status = c.request->validate(*request);

  if (c.value.ok) {
    EXPECT_TRUE(status.ok()) << status;
    return;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(base::ReasonOf(status), pb::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(base::MetadataOf(status, "field"), field.path + c.value.element);
  if (!c.value.limit.empty()) {
    EXPECT_EQ(base::MetadataOf(status, "limit"), c.value.limit);
  }
}

INSTANTIATE_TEST_SUITE_P(Each, FieldOf, testing::ValuesIn(AllValues()),
                         [](const auto& tested) { return tested.param.name; });

// ---- what spans several fields ----

void ExpectRefused(const absl::Status& status, const std::string& field) {
  EXPECT_EQ(base::ReasonOf(status), pb::ERROR_REASON_INVALID_FIELD) << status;
  EXPECT_EQ(base::MetadataOf(status, "field"), field) << status;
}

TEST(Validate, CreationNeedsASpec) {
  ExpectRefused(Validate(pb::CreateTicketRequest()), "spec");
  pb::BatchCreateTicketsRequest batch;
  ExpectRefused(Validate(batch), "tickets");
  batch.add_tickets();
  ExpectRefused(Validate(batch), "tickets[0].spec");
}

TEST(Validate, DependenciesAreCountedAndNamedOnce) {
  pb::CreateTicketRequest request;
  request.mutable_spec()->set_title("work");
  for (int i = 1; i <= limits::kDependencies; ++i) {
    request.mutable_spec()->add_dependencies()->set_ticket_id(absl::StrCat("T-", i));
  }
  EXPECT_TRUE(Validate(request).ok());
  request.mutable_spec()->mutable_dependencies(99)->set_ticket_id("T-1");
  ExpectRefused(Validate(request), "spec.dependencies[99].ticket_id");
  request.mutable_spec()->mutable_dependencies(99)->set_ticket_id("T-100");
  request.mutable_spec()->add_dependencies()->set_ticket_id("T-101");
  ExpectRefused(Validate(request), "spec.dependencies");
  EXPECT_EQ(base::MetadataOf(Validate(request), "limit"), "100");
}

pb::BatchCreateTicketsRequest BatchOf(int count) {
  pb::BatchCreateTicketsRequest request;
  for (int i = 0; i < count; ++i) {
    pb::NewTicket& ticket = *request.add_tickets();
    ticket.set_local_id(absl::StrCat("t", i));
    ticket.mutable_spec()->set_title("work");
  }
  return request;
}

TEST(Validate, ABatchHasAtMostTheLimit) {
  EXPECT_TRUE(Validate(BatchOf(limits::kBatchTickets)).ok());
  const absl::Status status = Validate(BatchOf(limits::kBatchTickets + 1));
  ExpectRefused(status, "tickets");
  EXPECT_EQ(base::MetadataOf(status, "limit"), "500");
}

TEST(Validate, LocalIdsAreUsedOnceAndReferredTo) {
  pb::BatchCreateTicketsRequest request = BatchOf(3);
  request.mutable_tickets(0)->mutable_spec()->add_dependencies()->set_ticket_id("@t2");
  request.mutable_tickets(2)->mutable_spec()->set_parent_ticket_id("@t1");
  EXPECT_TRUE(Validate(request).ok());

  request.mutable_tickets(2)->mutable_spec()->set_parent_ticket_id("@t9");
  ExpectRefused(Validate(request), "tickets[2].spec.parent_ticket_id");
  request.mutable_tickets(2)->mutable_spec()->set_parent_ticket_id("@");
  ExpectRefused(Validate(request), "tickets[2].spec.parent_ticket_id");
  request.mutable_tickets(2)->mutable_spec()->clear_parent_ticket_id();
  request.mutable_tickets(0)->mutable_spec()->mutable_dependencies(0)->set_ticket_id("@t3");
  ExpectRefused(Validate(request), "tickets[0].spec.dependencies[0].ticket_id");
  request.mutable_tickets(0)->mutable_spec()->clear_dependencies();
  request.mutable_tickets(1)->set_local_id("t0");
  ExpectRefused(Validate(request), "tickets[1].local_id");
}

TEST(Validate, LocalReferencesAreForBatchesOnly) {
  pb::CreateTicketRequest request;
  request.mutable_spec()->set_title("work");
  request.mutable_spec()->set_parent_ticket_id("@t1");
  ExpectRefused(Validate(request), "spec.parent_ticket_id");
}

TEST(Validate, TheMaskNamesFieldsOfTheSpecOnce) {
  pb::UpdateTicketRequest request;
  request.set_ticket_id("T-1");
  ExpectRefused(Validate(request), "update_mask");
  for (const char* path : {"title", "body", "priority", "labels", "paths", "dependencies",
                           "parent_ticket_id", "assignee_agent_id", "not_before", "max_attempts"}) {
    request.mutable_update_mask()->add_paths(path);
  }
  request.mutable_spec()->set_title("work");
  EXPECT_TRUE(Validate(request).ok());
  request.mutable_update_mask()->add_paths("title");
  ExpectRefused(Validate(request), "update_mask.paths[10]");
  for (const char* path : {"", "state", "spec.title", "labels.0", "Title", "\xff"}) {
    request.mutable_update_mask()->set_paths(10, path);
    ExpectRefused(Validate(request), "update_mask.paths[10]");
  }
}

TEST(Validate, ATitleMustNotBeCleared) {
  pb::UpdateTicketRequest request;
  request.set_ticket_id("T-1");
  request.mutable_update_mask()->add_paths("title");
  ExpectRefused(Validate(request), "spec.title");
}

TEST(Validate, ADependencyMayWaitForAnIntegration) {
  pb::CreateTicketRequest create;
  create.mutable_spec()->set_title("t");
  create.mutable_spec()->add_dependencies()->set_ticket_id("T-1");
  create.mutable_spec()->mutable_dependencies(0)->set_until(pb::Dependency::UNTIL_INTEGRATED);
  EXPECT_EQ(Validate(create), absl::OkStatus());
}

TEST(Validate, AForcedReleaseNeedsNoFence) {
  pb::ReleaseTicketRequest request;
  request.set_ticket_id("T-1");
  ExpectRefused(Validate(request), "fence");
  request.set_force(true);
  EXPECT_TRUE(Validate(request).ok());
  request.set_fence(-1);
  ExpectRefused(Validate(request), "fence");
}

TEST(Validate, TheFirstRefusalIsTheOneThatIsTold) {
  pb::RegisterAgentRequest request;
  request.set_request_id("no spaces");
  request.set_branch("\x1b");
  ExpectRefused(Validate(request), "request_id");
}

}  // namespace
}  // namespace coordhub::core
