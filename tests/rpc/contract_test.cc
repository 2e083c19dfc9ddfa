// What holds for all methods of the contract alike.
#include "tests/rpc/contract.h"

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/rpc/bad_input_rows.h"
#include "tests/rpc/hub_fixture.h"
#include "tests/rpc/raw_call.h"

namespace coordhub::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

bool HasNumber(const google::protobuf::Descriptor& message, const char* field) {
  const FieldDescriptor* found = message.FindFieldByName(field);
  return found != nullptr && found->type() == FieldDescriptor::TYPE_INT64;
}

TEST(ContractTest, EveryReadCanAskForARevisionAndSaysWhichItShows) {
  for (const MethodDescriptor* method : AllMethods()) {
    if (AccessOf(*method) != pb::ACCESS_READER || method->server_streaming()) continue;
    // Of the hub rather than of a workspace's log.
    if (method->name() == "ListWorkspaces") continue;
    EXPECT_TRUE(HasNumber(*method->input_type(), "min_revision")) << method->full_name();
    // GetHub says it of the workspace.
    if (method->name() == "GetHub") continue;
    EXPECT_TRUE(HasNumber(*method->output_type(), "revision")) << method->full_name();
  }
}

TEST(ContractTest, EveryChangeSaysItsRevision) {
  for (const MethodDescriptor* method : AllMethods()) {
    if (AccessOf(*method) == pb::ACCESS_READER || method->client_streaming()) continue;
    EXPECT_TRUE(HasNumber(*method->output_type(), "revision")) << method->full_name();
  }
}

// None of them answers from a view that is older than what was asked for.
TEST(ContractTest, AReadOfARevisionThatDoesNotComeIsRefused) {
  TestHub hub;
  const Client client = hub.OnSocket();
  std::atomic<bool> done{false};
  std::thread time([&] {
    while (!done) hub.Age(absl::Milliseconds(500));
  });
  std::set<std::string> tried;
  for (const BadInputMethod& row : BadInputMethods()) {
    const MethodDescriptor& method = MethodNamed(row.name);
    const FieldDescriptor* field = method.input_type()->FindFieldByName("min_revision");
    if (field == nullptr) continue;
    tried.insert(row.name);
    const std::unique_ptr<Message> request = NewRequest(method);
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(row.base, request.get()));
    request->GetReflection()->SetInt64(request.get(), field, 1'000'000);
    const grpc::Status status = CallRaw(client, method, request->SerializeAsString()).status;
    EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_REVISION_NOT_REACHED)
        << row.name << " " << FromGrpc(status);
  }
  done = true;
  time.join();
  EXPECT_GE(tried.size(), 11u);
}

}  // namespace
}  // namespace coordhub::rpc
