// Bad input over the wire: every field of every request, at its limit and beyond it, empty,
// negative, in the wrong state, naming what does not exist, and not UTF-8. Each gets the documented
// code, reason and field, and changes nothing.
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/base/error_table.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/rpc/bad_input_table.h"
#include "tests/rpc/contract.h"
#include "tests/rpc/hub_fixture.h"
#include "tests/rpc/raw_call.h"

namespace coordhub::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

constexpr char kStream[] = "MutateTickets";

// A hub in which there is something to be wrong about: T-1 is open, T-2 held by conversation-1, T-3
// done, T-4 made by conversation-2, O-1 the operator's, C-1 a round of branch task-1, and two
// gates.
class BadInputTest : public ::testing::TestWithParam<BadInput> {
 protected:
  void SetUp() override {
    holder_.Register("conversation-1");
    pb::RegisterAgentRequest theirs;
    theirs.set_agent_id("conversation-2");
    theirs.set_branch("task-2");
    pb::RegisterAgentResponse registered;
    ASSERT_TRUE(operator_.Call(&pb::AgentService::Stub::RegisterAgent, theirs, &registered).ok());
    other_.set_session(registered.session_token());
    for (int i = 0; i < 3; ++i) operator_.Create("ticket");
    held_ = holder_.Claim("T-2");
    done_ = holder_.Complete(holder_.Claim("T-3"));
    other_.Create("theirs");
    hub_.BeginOperation("/somewhere");
    for (const char* branch : {"main", "task-1", "task-2", "task-new"}) hub_.Observe(branch, '1');
    hub_.CompareAll();
    pb::OpenRoundRequest round;
    round.set_target("main");
    round.add_member_branches("task-1");
    hub_.Submit(core::Caller::Operator(), round);
    for (const char* target : {"main", ""}) {
      pb::SetGateRequest gate;
      gate.set_gate_id(*target == '\0' ? "untargeted" : "lint");
      gate.add_command("true");
      gate.set_target(target);
      hub_.Submit(core::Caller::Operator(), gate);
    }
    request_vars_ = {{"$HELD", absl::StrCat(held_.claim().fence())},
                     {"$OLD", absl::StrCat(done_.last_fence())}};
  }

  const Client& CallerOf(BadInput::Who who) const {
    switch (who) {
      case BadInput::kOperator:
        return operator_;
      case BadInput::kHolder:
        return holder_;
      case BadInput::kOther:
        return other_;
    }
    return operator_;
  }

  std::string Parse(const MethodDescriptor& method, const std::string& text) const {
    const std::unique_ptr<Message> request = NewRequest(method);
    const std::string filled = absl::StrReplaceAll(text, request_vars_);
    // What comes later in the text prevails.
    EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(filled, request.get())) << text;
    return request->SerializeAsString();
  }

  void ExpectRefusal(const grpc::Status& status, pb::ErrorReason reason, const std::string& field) {
    EXPECT_EQ(pb::ErrorReason_Name(ReasonOf(status)), pb::ErrorReason_Name(reason))
        << FromGrpc(status);
    EXPECT_EQ(static_cast<int>(status.error_code()), static_cast<int>(base::CodeOf(reason)));
    EXPECT_EQ(MetadataOf(status, "field"), field) << FromGrpc(status);
  }

  // Where the contract has a place for it, the answer says its revision.
  static void ExpectRevision(const MethodDescriptor& method, const std::string& response) {
    const FieldDescriptor* field = method.output_type()->FindFieldByName("revision");
    if (field == nullptr) return;
    const std::unique_ptr<Message> message = NewResponse(method);
    ASSERT_TRUE(message->ParseFromString(response)) << method.name();
    EXPECT_GT(message->GetReflection()->GetInt64(*message, field), 0) << method.name();
  }

  void ExpectUnchanged(const pb::Workspace& before) const {
    const pb::Workspace after = operator_.GetHub(/*with_digest=*/true).workspace();
    EXPECT_EQ(after.head_revision(), before.head_revision());
    EXPECT_EQ(after.digest(), before.digest());
  }

  TestHub hub_;
  Client operator_ = hub_.OnSocket();
  Client holder_ = hub_.OnSocket();
  Client other_ = hub_.OnSocket();
  pb::Ticket held_;
  pb::Ticket done_;
  std::vector<std::pair<std::string, std::string>> request_vars_;
};

TEST_P(BadInputTest, GetsTheDocumentedAnswerAndChangesNothing) {
  const BadInput& row = GetParam();
  const MethodDescriptor& method = MethodNamed(row.method);
  const pb::Workspace before = operator_.GetHub(/*with_digest=*/true).workspace();
  const RawAnswer answer = CallRaw(CallerOf(row.who), method, Parse(method, row.request));
  if (row.reason == pb::ERROR_REASON_UNSPECIFIED) {
    EXPECT_TRUE(answer.status.ok()) << FromGrpc(answer.status);
    ExpectRevision(method, answer.response);
    return;
  }
  ExpectRefusal(answer.status, row.reason, row.field);
  ExpectUnchanged(before);
}

INSTANTIATE_TEST_SUITE_P(Table, BadInputTest, ::testing::ValuesIn(BadInputTable()),
                         [](const auto& row) {
                           return absl::StrCat(row.index, "_", row.param.method);
                         });

// The mutation of a stream that carries requests of this type; null: none does.
const FieldDescriptor* MutationOf(const Descriptor& request) {
  const Descriptor& mutation = *pb::TicketMutation::descriptor();
  for (int i = 0; i < mutation.field_count(); ++i) {
    if (mutation.field(i)->message_type() == &request) return mutation.field(i);
  }
  return nullptr;
}

pb::TicketMutationResult OnlyResult(const RawAnswer& answer) {
  pb::MutateTicketsResponse response;
  EXPECT_TRUE(answer.status.ok()) << FromGrpc(answer.status);
  EXPECT_TRUE(response.ParseFromString(answer.response));
  EXPECT_EQ(response.results_size(), 1);
  return response.results_size() == 1 ? response.results(0) : pb::TicketMutationResult();
}

grpc::Status ErrorOf(const pb::TicketMutationResult& result) {
  return {static_cast<grpc::StatusCode>(result.error().code()), result.error().message(),
          result.error().SerializeAsString()};
}

TEST_F(BadInputTest, GetsTheSameAnswerInAStreamOfMutationsAndChangesNothing) {
  const pb::Workspace before = operator_.GetHub(/*with_digest=*/true).workspace();
  std::set<std::string> kinds;
  for (const BadInput& row : BadInputTable()) {
    if (row.reason == pb::ERROR_REASON_UNSPECIFIED) continue;
    const MethodDescriptor& method = MethodNamed(row.method);
    const FieldDescriptor* kind = MutationOf(*method.input_type());
    if (kind == nullptr) continue;
    SCOPED_TRACE(absl::StrCat(row.method, " ", row.request.substr(0, 200)));
    kinds.insert(kind->name());
    pb::MutateTicketsRequest request;
    pb::TicketMutation* mutation = request.add_mutations();
    ASSERT_TRUE(mutation->GetReflection()
                    ->MutableMessage(mutation, kind)
                    ->ParseFromString(Parse(method, row.request)));
    const RawAnswer answer =
        CallRaw(CallerOf(row.who), MethodNamed(kStream), request.SerializeAsString());
    ExpectRefusal(ErrorOf(OnlyResult(answer)), row.reason, row.field);
  }
  EXPECT_EQ(static_cast<int>(kinds.size()), pb::TicketMutation::descriptor()->field_count());
  ExpectUnchanged(before);
}

TEST_F(BadInputTest, AMutationOfNoKindIsRefusedInItsPlace) {
  const pb::Workspace before = operator_.GetHub(/*with_digest=*/true).workspace();
  pb::MutateTicketsRequest request;
  request.add_mutations();
  const RawAnswer answer = CallRaw(operator_, MethodNamed(kStream), request.SerializeAsString());
  ExpectRefusal(ErrorOf(OnlyResult(answer)), pb::ERROR_REASON_INVALID_FIELD, "request");
  ExpectUnchanged(before);
}

bool IsOurs(const FieldDescriptor& field) {
  return field.message_type() != nullptr &&
         field.message_type()->file()->package() == "coordhub.v1";
}

// The paths of all fields that hold no message of ours.
void CollectLeaves(const Descriptor& type, const std::string& prefix,
                   std::vector<std::pair<std::string, const FieldDescriptor*>>* leaves) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string path = prefix + field.name();
    if (IsOurs(field)) {
      CollectLeaves(*field.message_type(), path + ".", leaves);
    } else {
      leaves->emplace_back(path, &field);
    }
  }
}

// Of those, the ones that `message` sets.
void CollectSet(const Message& message, const std::string& prefix, std::set<std::string>* paths) {
  std::vector<const FieldDescriptor*> fields;
  const auto* reflection = message.GetReflection();
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string path = prefix + field->name();
    if (!IsOurs(*field)) {
      paths->insert(path);
    } else if (field->is_repeated()) {
      CollectSet(reflection->GetRepeatedMessage(message, field, 0), path + ".", paths);
    } else {
      CollectSet(reflection->GetMessage(message, field), path + ".", paths);
    }
  }
}

// "tickets[0].spec.labels[1]" is tickets.spec.labels.
std::string WithoutIndexes(std::string path) {
  for (size_t open = path.find('['); open != std::string::npos; open = path.find('[')) {
    path.erase(open, path.find(']') - open + 1);
  }
  return path;
}

// What the rows of the table are about, as METHOD.PATH.
struct Covered {
  std::set<std::string> good;
  std::set<std::string> bad;
  std::set<std::string> unknown;

  static Covered Of(const std::vector<BadInput>& rows) {
    Covered covered;
    for (const BadInput& row : rows) {
      const std::string prefix = row.method + ".";
      const std::string about = WithoutIndexes(row.field.empty() ? row.about : row.field);
      if (row.unknown_id) covered.unknown.insert(prefix + about);
      if (row.reason != pb::ERROR_REASON_UNSPECIFIED) {
        covered.bad.insert(prefix + about);
        continue;
      }
      const std::unique_ptr<Message> request = NewRequest(MethodNamed(row.method));
      EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(
          absl::StrReplaceAll(row.request, {{"$HELD", "1"}, {"$OLD", "1"}}), request.get()))
          << row.request;
      CollectSet(*request, prefix, &covered.good);
    }
    return covered;
  }
};

// Of something that may exist or not, and is not made by the call.
bool NamesSomething(const std::string& method, const std::string& field) {
  const bool id = field.ends_with("_id") || field.ends_with("_ids");
  const bool made = (method == "RegisterAgent" && field == "agent_id") ||
                    (method == "SetGate" && field == "gate_id");
  return id && !made && field != "request_id" && field != "local_id";
}

// Every field of every implemented request, however deep, is in the table: at its limit, beyond it,
// and, where it names something, naming nothing that exists.
TEST(BadInputTableTest, NamesEveryField) {
  // Backups are of journals on disk: see tests/main. Merges and integrations are of repositories:
  // see merges_test.cc and tests/e2e.
  const std::set<std::string> good_elsewhere = {
      "BackupWorkspace.workspace_id", "BackupWorkspace.request_id",   "BackupWorkspace.directory",
      "PlanIntegration.workspace_id", "PlanIntegration.min_revision", "PlanIntegration.round_id",
      "PreviewMerge.workspace_id",    "PreviewMerge.min_revision",    "PreviewMerge.ours",
      "PreviewMerge.theirs",          "IntegrateRound.round_id"};
  const Covered covered = Covered::Of(BadInputTable());
  for (const MethodDescriptor* method : ImplementedMethods()) {
    std::vector<std::pair<std::string, const FieldDescriptor*>> leaves;
    CollectLeaves(*method->input_type(), method->name() + ".", &leaves);
    for (const auto& [path, field] : leaves) {
      if (method->name() == kStream) break;  // see below
      // Truth values have no bad ones; a sequence is any number.
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL || field->name() == "sequence")
        continue;
      // A mask's paths are its own.
      const bool mask = covered.bad.contains(path + ".paths");
      EXPECT_TRUE(mask || covered.bad.contains(path)) << "nothing bad in " << path;
      // A good page token is one that a page gave: see paging_test.cc.
      EXPECT_TRUE(covered.good.contains(path) || good_elsewhere.contains(path) ||
                  field->name() == "page_token")
          << "nothing good in " << path;
      if (NamesSomething(method->name(), field->name())) {
        EXPECT_TRUE(covered.unknown.contains(path)) << "nothing that does not exist in " << path;
      }
    }
  }
  // A mutation's fields are those of the call of the same name, whose rows it is tried with.
  EXPECT_TRUE(covered.bad.contains("MutateTickets.mutations"));
  std::set<const Descriptor*> requests;
  for (const MethodDescriptor* method : ImplementedMethods()) requests.insert(method->input_type());
  const Descriptor& mutation = *pb::TicketMutation::descriptor();
  for (int i = 0; i < mutation.field_count(); ++i) {
    EXPECT_TRUE(requests.contains(mutation.field(i)->message_type())) << mutation.field(i)->name();
  }
}

// Puts a mark into one text field at a time, wherever the type has one, and calls `visit` with the
// field's path and the message.
template <class Visit>
void ForEachText(Message* root, Message* at, const std::string& prefix, int depth,
                 const Visit& visit) {
  const auto* reflection = at->GetReflection();
  for (int i = 0; i < at->GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = at->GetDescriptor()->field(i);
    const std::string path = absl::StrCat(prefix, field->name(), field->is_repeated() ? "[0]" : "");
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      if (field->is_repeated()) {
        reflection->AddString(at, field, kBadTextMark);
      } else {
        reflection->SetString(at, field, kBadTextMark);
      }
      visit(path, *root);
      reflection->ClearField(at, field);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && depth < 6) {
      Message* child = field->is_repeated() ? reflection->AddMessage(at, field)
                                            : reflection->MutableMessage(at, field);
      ForEachText(root, child, path + ".", depth + 1, visit);
      reflection->ClearField(at, field);
    }
  }
}

TEST_F(BadInputTest, TextThatIsNotUtf8IsRefusedInEveryFieldOfEveryRequest) {
  const pb::Workspace before = operator_.GetHub(/*with_digest=*/true).workspace();
  std::map<std::string, int> fields;
  for (const MethodDescriptor* method : ImplementedMethods()) {
    const std::string& name = method->name();
    const std::unique_ptr<Message> request = NewRequest(*method);
    ForEachText(request.get(), request.get(), "", 0,
                [&](const std::string& path, const Message& marked) {
                  SCOPED_TRACE(absl::StrCat(name, " ", path));
                  ++fields[name];
                  const std::string spoiled = Spoil(marked.SerializeAsString());
                  ExpectRefusal(CallRaw(holder_, *method, spoiled).status,
                                OperatorsOnly(name) ? pb::ERROR_REASON_OPERATOR_REQUIRED
                                                    : pb::ERROR_REASON_INVALID_FIELD,
                                OperatorsOnly(name) ? "" : path);
                  if (!OperatorsOnly(name)) return;
                  ExpectRefusal(CallRaw(operator_, *method, spoiled).status,
                                pb::ERROR_REASON_INVALID_FIELD, path);
                });
    EXPECT_GT(fields[name], 0) << name;
  }
  EXPECT_GT(fields[kStream], 50) << "every text of every kind of mutation";
  ExpectUnchanged(before);
}

TEST_F(BadInputTest, BytesThatAreNoMessageAreRefused) {
  const MethodDescriptor& method = MethodNamed("CreateTicket");
  for (const std::string& bytes : {std::string("\xff"), std::string("\x1a\x05"),
                                   std::string("\x0a\x7fx"), std::string(64, '\x80')}) {
    ExpectRefusal(CallRaw(operator_, method, bytes).status, pb::ERROR_REASON_INVALID_FIELD,
                  "request");
  }
}

TEST_F(BadInputTest, ARequestBeyondAMebibyteIsRefusedWithAReason) {
  const MethodDescriptor& method = MethodNamed("AddComment");
  const grpc::Status status = CallRaw(operator_, method, std::string((1 << 20) + 1, 'x')).status;
  ExpectRefusal(status, pb::ERROR_REASON_LIMIT_REACHED, "");
  EXPECT_EQ(MetadataOf(status, "limit_name"), "request_bytes");
}

// The exceptions to "one ErrorInfo on every error": the hub does not come to see these.
TEST_F(BadInputTest, AMessageThatGrpcRefusesHasACodeOnlyAndTheConnectionGoesOn) {
  const pb::Workspace before = operator_.GetHub(/*with_digest=*/true).workspace();
  const grpc::Status status =
      CallRaw(operator_, MethodNamed("AddComment"), std::string(3 << 20, 'x')).status;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_TRUE(status.error_details().empty());
  ExpectUnchanged(before);
}

// gRPC 1.51 closes the connection that it came on, and no other.
TEST_F(BadInputTest, MetadataThatGrpcRefusesHasACodeOnlyAndOtherConnectionsGoOn) {
  const pb::Workspace before = operator_.GetHub(/*with_digest=*/true).workspace();
  const Client talkative = hub_.OnSocket();
  const auto context = talkative.Context();
  context->AddMetadata("x-padding", std::string(32 << 10, 'x'));
  pb::GetHubResponse response;
  const grpc::Status status = pb::HubService::Stub(talkative.channel())
                                  .GetHub(context.get(), pb::GetHubRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_TRUE(status.error_details().empty());
  ExpectUnchanged(before);
}

TEST_F(BadInputTest, FieldsOfANewerContractAreIgnored) {
  const MethodDescriptor& method = MethodNamed("CreateTicket");
  pb::CreateTicketRequest request;
  request.mutable_spec()->set_title("from the future");
  // Field 1000, text.
  const std::string unknown = std::string("\xc2\x3e\x03new", 6);
  EXPECT_TRUE(CallRaw(operator_, method, request.SerializeAsString() + unknown).status.ok());
}

}  // namespace
}  // namespace coordhub::rpc
