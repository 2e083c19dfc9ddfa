// Fields that the contract does not have, such as a client of another version sends, or a stranger.
#include <memory>
#include <set>
#include <string>

#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "hub/rpc/message_codec.h"
#include "tests/rpc/contract.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// No field of the contract's, nor of a well-known type's.
constexpr int kUnknown = 20'001;

void AddUnknown(Message* message, const std::string& content) {
  message->GetReflection()->MutableUnknownFields(message)->AddLengthDelimited(kUnknown, content);
}

// Sets every field that is a message, at every depth, twice where it is repeated, and calls `visit`
// with each message.
template <class Visit>
void FillMessages(Message* message, const Visit& visit, std::set<const Descriptor*> above = {}) {
  visit(message);
  const Descriptor& type = *message->GetDescriptor();
  if (!above.insert(&type).second) return;
  const Reflection& reflection = *message->GetReflection();
  std::set<const google::protobuf::OneofDescriptor*> set;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (field->is_repeated()) {
      FillMessages(reflection.AddMessage(message, field), visit, above);
      FillMessages(reflection.AddMessage(message, field), visit, above);
    } else if (field->real_containing_oneof() == nullptr ||
               set.insert(field->real_containing_oneof()).second) {
      FillMessages(reflection.MutableMessage(message, field), visit, above);
    }
  }
}

TEST(UnknownFieldsTest, AreDroppedAtEveryDepthOfEveryRequest) {
  for (const auto* method : AllMethods()) {
    const std::unique_ptr<Message> known = NewRequest(*method);
    FillMessages(known.get(), [](Message*) {});
    const std::unique_ptr<Message> sent = NewRequest(*method);
    FillMessages(sent.get(), [](Message* message) { AddUnknown(message, "of another version"); });
    ASSERT_GT(sent->ByteSizeLong(), known->ByteSizeLong()) << method->full_name();

    const std::unique_ptr<Message> parsed = NewRequest(*method);
    ASSERT_TRUE(ParseRequest(Encode(*sent), parsed.get()).ok()) << method->full_name();
    EXPECT_EQ(parsed->SerializeAsString(), known->SerializeAsString()) << method->full_name();
  }
}

// Each kind of mutation is one case of a oneof, so that the test above meets one alone.
TEST(UnknownFieldsTest, AreDroppedFromEveryKindOfMutationInAStream) {
  const Descriptor& type = *pb::TicketMutation::descriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    pb::MutateTicketsRequest known;
    pb::TicketMutation* mutation = known.add_mutations();
    Message* request = mutation->GetReflection()->MutableMessage(mutation, type.field(i));
    FillMessages(request, [](Message*) {});
    pb::MutateTicketsRequest sent = known;
    mutation = sent.mutable_mutations(0);
    FillMessages(mutation->GetReflection()->MutableMessage(mutation, type.field(i)),
                 [](Message* message) { AddUnknown(message, "of another version"); });
    // The repeated ones were there already.
    pb::MutateTicketsRequest expected = sent;
    expected.DiscardUnknownFields();
    pb::MutateTicketsRequest parsed;
    ASSERT_TRUE(ParseRequest(Encode(sent), &parsed).ok());
    EXPECT_EQ(parsed.SerializeAsString(), expected.SerializeAsString()) << type.field(i)->name();
  }
}

class UnknownFieldsOfCallsTest : public ServicesTest {
 protected:
  // A ticket with unknown fields wherever a ticket's record takes something over as it is.
  static pb::CreateTicketRequest Creation(const std::string& content) {
    pb::CreateTicketRequest request;
    request.set_request_id("once");
    request.mutable_spec()->set_title("work");
    request.mutable_spec()->mutable_not_before()->set_seconds(4'000'000'000);
    if (content.empty()) return request;
    AddUnknown(&request, content);
    AddUnknown(request.mutable_spec(), content);
    AddUnknown(request.mutable_spec()->mutable_not_before(), content);
    return request;
  }
};

TEST_F(UnknownFieldsOfCallsTest, ReachNeitherRecordsNorFingerprints) {
  const auto created =
      Ok(operator_, &Tickets::CreateTicket, Creation(std::string(100'000, 'x'))).ticket();
  pb::GetTicketRequest get;
  get.set_ticket_id(created.ticket_id());
  const auto kept = Ok(operator_, &Tickets::GetTicket, get);
  EXPECT_LT(kept.ByteSizeLong(), 1'000U) << "the record holds what nobody knows";
  // The same request of a client that does not send them.
  EXPECT_EQ(Ok(operator_, &Tickets::CreateTicket, Creation("")).ticket().ticket_id(),
            created.ticket_id());
}

TEST_F(UnknownFieldsOfCallsTest, OfAnAgentAreInNoEvent) {
  pb::RegisterAgentRequest request;
  request.set_agent_id("conversation-2");
  request.mutable_ttl()->set_seconds(60);
  AddUnknown(request.mutable_ttl(), std::string(100'000, 'x'));
  Ok(operator_, &Agents::RegisterAgent, request);
  const auto events = Ok(operator_, &Events::ListEvents, pb::ListEventsRequest());
  EXPECT_LT(events.ByteSizeLong(), 10'000U);
}

}  // namespace
}  // namespace coordhub::rpc
