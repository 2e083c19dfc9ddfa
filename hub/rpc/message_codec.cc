#include "hub/rpc/message_codec.h"

#include <cstdint>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/text.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/slice.h"

namespace coordhub::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageLite;
using google::protobuf::Reflection;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Deeper than any message of the contract.
constexpr int kMaxDepth = 16;

std::string Flatten(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  std::string flat;
  if (!bytes.Dump(&slices).ok()) return flat;
  flat.reserve(bytes.Length());
  for (const grpc::Slice& slice : slices) {
    flat.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return flat;
}

// Walks the fields of one message in the order of its bytes.
class TextSearch {
 public:
  // Stops at the first malformed text and keeps its path, or at bytes that make no sense.
  bool Walk(std::string_view bytes, const Descriptor& type, const std::string& prefix, int depth) {
    CodedInputStream input(reinterpret_cast<const uint8_t*>(bytes.data()),
                           static_cast<int>(bytes.size()));
    std::map<int, int> seen;  // how many elements of a repeated field came before
    while (const uint32_t tag = input.ReadTag()) {
      if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!WireFormatLite::SkipField(&input, tag)) return false;
        continue;
      }
      std::string value;
      uint32_t size = 0;
      if (!input.ReadVarint32(&size) || size > bytes.size() ||
          !input.ReadString(&value, static_cast<int>(size))) {
        return false;
      }
      const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      if (field == nullptr) continue;
      const int index = seen[field->number()]++;
      if (!Check(value, *field, NameOf(prefix, *field, index), depth)) return false;
    }
    return true;
  }

  const std::optional<std::string>& found() const { return found_; }

 private:
  static std::string NameOf(const std::string& prefix, const FieldDescriptor& field, int index) {
    if (!field.is_repeated()) return absl::StrCat(prefix, field.name());
    return absl::StrCat(prefix, field.name(), "[", index, "]");
  }

  bool Check(const std::string& value, const FieldDescriptor& field, const std::string& name,
             int depth) {
    if (field.type() == FieldDescriptor::TYPE_STRING) {
      if (base::IsValidUtf8(value)) return true;
      found_ = name;
      return false;
    }
    if (field.type() != FieldDescriptor::TYPE_MESSAGE || depth == kMaxDepth) return true;
    return Walk(value, *field.message_type(), name + ".", depth + 1);
  }

  std::optional<std::string> found_;
};

}  // namespace

std::optional<std::string> FindMalformedText(std::string_view bytes, const Descriptor& type) {
  TextSearch search;
  search.Walk(bytes, type, "", 0);
  return search.found();
}

// As Message::DiscardUnknownFields, but looks at fields that are messages alone, and makes no list
// of what is set: it runs for every request.
void DropUnknownFields(Message* message) {
  const Reflection& reflection = *message->GetReflection();
  if (!reflection.GetUnknownFields(*message).empty()) {
    reflection.MutableUnknownFields(message)->Clear();
  }
  const Descriptor& type = *message->GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (reflection.HasField(*message, field)) {
        DropUnknownFields(reflection.MutableMessage(message, field));
      }
      continue;
    }
    for (int at = 0; at < reflection.FieldSize(*message, field); ++at) {
      DropUnknownFields(reflection.MutableRepeatedMessage(message, field, at));
    }
  }
}

absl::Status ParseRequest(const grpc::ByteBuffer& bytes, Message* request) {
  if (bytes.Length() > kMaxRequestBytes) {
    return base::MakeError(
        base::pb::ERROR_REASON_LIMIT_REACHED,
        absl::StrCat("the request has ", bytes.Length(), " bytes; at most ", kMaxRequestBytes),
        {{"limit_name", "request_bytes"}, {"limit", absl::StrCat(kMaxRequestBytes)}});
  }
  grpc::ByteBuffer consumed(bytes);  // shares the bytes; parsing empties it
  if (grpc::SerializationTraits<MessageLite>::Deserialize(&consumed, request).ok()) {
    if (!base::MutantActive("unknown_fields_kept")) DropUnknownFields(request);
    return absl::OkStatus();
  }
  const Descriptor& type = *request->GetDescriptor();
  if (const auto field = FindMalformedText(Flatten(bytes), type)) {
    return base::MakeFieldError(*field, "is not valid UTF-8");
  }
  return base::MakeFieldError("request", absl::StrCat("is no well-formed ", type.name()));
}

grpc::ByteBuffer Encode(const Message& message) {
  grpc::ByteBuffer bytes;
  bool owned = false;
  // Fails for messages beyond 2 GiB only.
  (void)grpc::SerializationTraits<MessageLite>::Serialize(message, &bytes, &owned);
  return bytes;
}

}  // namespace coordhub::rpc
