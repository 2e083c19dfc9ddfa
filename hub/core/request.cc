#include "hub/core/request.h"

#include <algorithm>
#include <memory>
#include <set>

#include "agent/base/sha256.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/ticket_service.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "hub/core/limits.h"

namespace coordhub::core {
namespace {

namespace pb = coordhub::v1;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Fields of all requests that say how it is asked and not what for.
void ClearManner(Message* request) {
  for (const char* name : {"request_id", "workspace_id", "wait"}) {
    const FieldDescriptor* field = request->GetDescriptor()->FindFieldByName(name);
    if (field != nullptr) request->GetReflection()->ClearField(request, field);
  }
}

// Labels, and the fields of a mask: sorted, each once.
void MakeSet(google::protobuf::RepeatedPtrField<std::string>* list) {
  const std::set<std::string> items(list->begin(), list->end());
  *list = {items.begin(), items.end()};
}

void Normalize(pb::TicketSpec* spec) {
  MakeSet(spec->mutable_labels());
  if (spec->priority() == limits::kPriorityDefault) spec->clear_priority();
  if (spec->max_attempts() == limits::kMaxAttemptsDefault) spec->clear_max_attempts();
  for (pb::Dependency& dependency : *spec->mutable_dependencies()) {
    if (dependency.until() == pb::Dependency::UNTIL_DONE) dependency.clear_until();
  }
}

void Normalize(Message* message) {
  ClearManner(message);
  if (auto* create = dynamic_cast<pb::CreateTicketRequest*>(message)) {
    Normalize(create->mutable_spec());
  } else if (auto* batch = dynamic_cast<pb::BatchCreateTicketsRequest*>(message)) {
    for (pb::NewTicket& ticket : *batch->mutable_tickets()) Normalize(ticket.mutable_spec());
  } else if (auto* update = dynamic_cast<pb::UpdateTicketRequest*>(message)) {
    Normalize(update->mutable_spec());
    MakeSet(update->mutable_update_mask()->mutable_paths());
  } else if (auto* next = dynamic_cast<pb::ClaimNextTicketRequest*>(message)) {
    MakeSet(next->mutable_labels());
  } else if (auto* agent = dynamic_cast<pb::RegisterAgentRequest*>(message)) {
    MakeSet(agent->mutable_labels());
  }
}

}  // namespace

std::string Fingerprint(std::string_view method, const Message& message) {
  std::string bytes(method);
  bytes.push_back('\0');  // ends the name: no method's name and content are another's
  {
    google::protobuf::io::StringOutputStream stream(&bytes);  // appends
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  const base::Sha256Digest digest = base::Sha256(bytes);
  return std::string(digest.begin(), digest.end());
}

std::string RequestFingerprint(std::string_view method, const Message& request) {
  const std::unique_ptr<Message> normal(request.New());
  normal->CopyFrom(request);
  Normalize(normal.get());
  return Fingerprint(method, *normal);
}

}  // namespace coordhub::core
