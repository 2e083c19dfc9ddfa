#include "hub/core/request.h"

#include <array>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "agent/base/sha256.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/ticket_service.pb.h"
#include "google/protobuf/arena.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "hub/core/limits.h"

namespace coordhub::core {
namespace {

namespace pb = coordhub::v1;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Fields of all requests that say how it is asked and not what for; null: it has none of the name.
using Manner = std::array<const FieldDescriptor*, 3>;

const Manner& MannerOf(const google::protobuf::Descriptor* type) {
  // Looked up by name once a type: that takes longer than all the rest.
  thread_local absl::flat_hash_map<const google::protobuf::Descriptor*, Manner> known;
  const auto [manner, is_new] = known.try_emplace(type);
  if (is_new) {
    manner->second = {type->FindFieldByName("request_id"), type->FindFieldByName("workspace_id"),
                      type->FindFieldByName("wait")};
  }
  return manner->second;
}

void ClearManner(Message* request) {
  const google::protobuf::Reflection* reflection = request->GetReflection();
  for (const FieldDescriptor* field : MannerOf(request->GetDescriptor())) {
    if (field != nullptr) reflection->ClearField(request, field);
  }
}

// The message, if it is of this type; null: it is not. By its descriptor: types are compared by
// their names otherwise.
template <class T>
T* As(Message* message) {
  return message->GetDescriptor() == T::descriptor() ? static_cast<T*>(message) : nullptr;
}

// Labels, and the fields of a mask: sorted, each once.
void MakeSet(google::protobuf::RepeatedPtrField<std::string>* list) {
  if (list->size() < 2) return;
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
  if (auto* create = As<pb::CreateTicketRequest>(message)) {
    Normalize(create->mutable_spec());
  } else if (auto* batch = As<pb::BatchCreateTicketsRequest>(message)) {
    for (pb::NewTicket& ticket : *batch->mutable_tickets()) Normalize(ticket.mutable_spec());
  } else if (auto* update = As<pb::UpdateTicketRequest>(message)) {
    Normalize(update->mutable_spec());
    MakeSet(update->mutable_update_mask()->mutable_paths());
  } else if (auto* next = As<pb::ClaimNextTicketRequest>(message)) {
    MakeSet(next->mutable_labels());
  } else if (auto* agent = As<pb::RegisterAgentRequest>(message)) {
    MakeSet(agent->mutable_labels());
  }
}

}  // namespace

std::string Fingerprint(std::string_view method, const Message& message) {
  // A zero ends the name: no method's name and content are another's.
  const size_t name_bytes = method.size() + 1;
  const size_t message_bytes = message.ByteSizeLong();
  std::string bytes(name_bytes + message_bytes, '\0');
  method.copy(bytes.data(), method.size());
  {
    google::protobuf::io::ArrayOutputStream stream(bytes.data() + name_bytes,
                                                   static_cast<int>(message_bytes));
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeWithCachedSizes(&coded);
  }
  const base::Sha256Digest digest = base::Sha256(bytes);
  return std::string(digest.begin(), digest.end());
}

std::string RequestFingerprint(std::string_view method, const Message& request) {
  // Most fit into the block: their parts then cost no allocation.
  constexpr size_t kBlockBytes = 2048;
  alignas(8) char block[kBlockBytes];
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = sizeof(block);
  google::protobuf::Arena arena(options);
  Message* normal = request.New(&arena);
  normal->CopyFrom(request);
  Normalize(normal);
  return Fingerprint(method, *normal);
}

}  // namespace coordhub::core
