// Bad input over the wire: every field of every request, at its limit and beyond it, empty,
// negative, in the wrong state, naming what does not exist, and not UTF-8. Each gets the documented
// code, reason and field, and changes nothing.
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/base/error_table.h"
#include "coordhub/v1/repository_service.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/rpc/bad_input_table.h"
#include "tests/rpc/hub_fixture.h"
#include "tests/rpc/raw_call.h"

namespace coordhub::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

const MethodDescriptor& MethodNamed(const std::string& name) {
  for (const auto* file :
       {pb::RegisterAgentRequest::descriptor()->file(),
        pb::CreateTicketRequest::descriptor()->file(), pb::ListEventsRequest::descriptor()->file(),
        pb::GetHubRequest::descriptor()->file(), pb::ListBranchesRequest::descriptor()->file()}) {
    if (const auto* method = file->service(0)->FindMethodByName(name)) return *method;
  }
  ADD_FAILURE() << "no method " << name;
  std::abort();
}

std::unique_ptr<Message> NewRequest(const MethodDescriptor& method) {
  const Message* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input_type());
  return std::unique_ptr<Message>(prototype->New());
}

// A hub in which there is something to be wrong about: T-1 is open, T-2 held by conversation-1, T-3
// done, T-4 made by conversation-2.
class BadInputTest : public ::testing::TestWithParam<BadInput> {
 protected:
  void SetUp() override {
    holder_.Register("conversation-1");
    other_.Register("conversation-2");
    for (int i = 0; i < 3; ++i) operator_.Create("ticket");
    held_ = holder_.Claim("T-2");
    done_ = holder_.Complete(holder_.Claim("T-3"));
    other_.Create("theirs");
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
  const grpc::Status status = CallRaw(CallerOf(row.who), method, Parse(method, row.request)).status;
  if (row.reason == pb::ERROR_REASON_UNSPECIFIED) {
    EXPECT_TRUE(status.ok()) << FromGrpc(status);
    return;
  }
  ExpectRefusal(status, row.reason, row.field);
  const pb::Workspace after = operator_.GetHub(/*with_digest=*/true).workspace();
  EXPECT_EQ(after.head_revision(), before.head_revision());
  EXPECT_EQ(after.digest(), before.digest());
}

INSTANTIATE_TEST_SUITE_P(Table, BadInputTest, ::testing::ValuesIn(BadInputTable()),
                         [](const auto& row) {
                           return absl::StrCat(row.index, "_", row.param.method);
                         });

// Every field of every implemented request is in the table, or needs no row of its own.
TEST(BadInputTableTest, NamesEveryField) {
  // Truth values have no bad ones; a sequence is any number.
  const std::set<std::string> free = {"with_digest", "with_paths", "takeover",
                                      "force",       "final",      "sequence"};
  std::set<std::string> rows;
  std::set<std::string> methods;
  for (const BadInput& row : BadInputTable()) {
    const MethodDescriptor& method = MethodNamed(row.method);
    methods.insert(method.name());
    const std::unique_ptr<Message> request = NewRequest(method);
    ASSERT_TRUE(google::protobuf::TextFormat::MergeFromString(
        absl::StrReplaceAll(row.request, {{"$HELD", "1"}, {"$OLD", "1"}}), request.get()))
        << row.request;
    const std::string first = row.field.substr(0, row.field.find_first_of(".["));
    rows.insert(absl::StrCat(row.method, ".", first.empty() ? row.about : first));
  }
  for (const std::string& name : methods) {
    const Descriptor& type = *MethodNamed(name).input_type();
    for (int i = 0; i < type.field_count(); ++i) {
      const std::string& field = type.field(i)->name();
      if (free.contains(field)) continue;
      EXPECT_TRUE(rows.contains(absl::StrCat(name, ".", field))) << name << "." << field;
    }
  }
  EXPECT_EQ(methods.size(), 34u);  // all but KeepAlive and MutateTickets: see their tests
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
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && depth < 4) {
      Message* child = field->is_repeated() ? reflection->AddMessage(at, field)
                                            : reflection->MutableMessage(at, field);
      ForEachText(root, child, path + ".", depth + 1, visit);
      reflection->ClearField(at, field);
    }
  }
}

TEST_F(BadInputTest, TextThatIsNotUtf8IsRefusedInEveryFieldOfEveryRequest) {
  const pb::Workspace before = operator_.GetHub(/*with_digest=*/true).workspace();
  std::set<std::string> methods;
  for (const BadInput& row : BadInputTable()) methods.insert(row.method);
  int fields = 0;
  for (const std::string& name : methods) {
    const MethodDescriptor& method = MethodNamed(name);
    const std::unique_ptr<Message> request = NewRequest(method);
    ForEachText(
        request.get(), request.get(), "", 0, [&](const std::string& path, const Message& marked) {
          SCOPED_TRACE(absl::StrCat(name, " ", path));
          ++fields;
          ExpectRefusal(CallRaw(holder_, method, Spoil(marked.SerializeAsString())).status,
                        OperatorsOnly(name) ? pb::ERROR_REASON_OPERATOR_REQUIRED
                                            : pb::ERROR_REASON_INVALID_FIELD,
                        OperatorsOnly(name) ? "" : path);
          if (!OperatorsOnly(name)) return;
          ExpectRefusal(CallRaw(operator_, method, Spoil(marked.SerializeAsString())).status,
                        pb::ERROR_REASON_INVALID_FIELD, path);
        });
  }
  EXPECT_GT(fields, 100);
  const pb::Workspace after = operator_.GetHub(/*with_digest=*/true).workspace();
  EXPECT_EQ(after.digest(), before.digest());
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
