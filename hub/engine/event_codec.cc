#include "hub/engine/event_codec.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "google/protobuf/io/coded_stream.h"

namespace coordhub::engine {
namespace {

// Field 1 of WatchEventsResponse, length-delimited.
constexpr char kEventsTag = (1 << 3) | 2;

using google::protobuf::io::CodedOutputStream;

// A frame of its exact size, with the header of so many bytes written; `body` points behind it.
std::shared_ptr<std::string> NewFrame(size_t event_bytes, uint8_t** body) {
  const auto size = static_cast<uint32_t>(event_bytes);
  auto frame =
      std::make_shared<std::string>(1 + CodedOutputStream::VarintSize32(size) + event_bytes, '\0');
  auto* bytes = reinterpret_cast<uint8_t*>(frame->data());
  *bytes = static_cast<uint8_t>(kEventsTag);
  *body = CodedOutputStream::WriteVarint32ToArray(size, bytes + 1);
  return frame;
}

absl::Status Damaged(int64_t revision, std::string_view what) {
  return base::MakeError(v1::ERROR_REASON_JOURNAL_DAMAGED,
                         absl::StrCat("event ", revision, " ", std::string(what)),
                         {{"revision", absl::StrCat(revision)}});
}

}  // namespace

EncodedEvent Encode(std::shared_ptr<const v1::Event> event) {
  uint8_t* body = nullptr;
  std::shared_ptr<std::string> frame = NewFrame(event->ByteSizeLong(), &body);
  event->SerializeWithCachedSizesToArray(body);
  return {std::move(event), std::move(frame)};
}

std::string_view EventBytes(const EncodedEvent& encoded) {
  const size_t size = static_cast<size_t>(encoded.event->GetCachedSize());
  return std::string_view(*encoded.frame).substr(encoded.frame->size() - size);
}

absl::StatusOr<EncodedEvent> Decode(const journal::Entry& entry) {
  auto event = std::make_shared<v1::Event>();
  if (!event->ParseFromString(entry.event_bytes))
    return Damaged(entry.revision, "cannot be parsed");
  if (event->revision() != entry.revision || event->commit_revision() != entry.commit_revision) {
    return Damaged(entry.revision, "names another revision");
  }
  if (!v1::EventKind_IsValid(event->kind()) || event->kind() == v1::EVENT_KIND_UNSPECIFIED) {
    return Damaged(entry.revision, absl::StrCat("is of kind ", static_cast<int>(event->kind()),
                                                ", which this version does not know"));
  }
  // Not re-encoded: a stream carries the bytes of the journal.
  uint8_t* body = nullptr;
  std::shared_ptr<std::string> frame = NewFrame(entry.event_bytes.size(), &body);
  std::copy(entry.event_bytes.begin(), entry.event_bytes.end(), body);
  return EncodedEvent{std::move(event), std::move(frame)};
}

}  // namespace coordhub::engine
