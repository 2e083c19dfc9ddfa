#include "hub/engine/event_codec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "google/protobuf/io/coded_stream.h"

namespace coordhub::engine {
namespace {

// Field 1 of WatchEventsResponse, length-delimited.
constexpr char kEventsTag = (1 << 3) | 2;

std::string FrameHeader(size_t event_bytes) {
  std::string header(1, kEventsTag);
  uint8_t varint[google::protobuf::io::CodedOutputStream::StaticVarintSize32<0xFFFFFFFF>::value];
  const uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(
      static_cast<uint32_t>(event_bytes), varint);
  header.append(reinterpret_cast<const char*>(varint), static_cast<size_t>(end - varint));
  return header;
}

absl::Status Damaged(int64_t revision, std::string_view what) {
  return base::MakeError(v1::ERROR_REASON_JOURNAL_DAMAGED,
                         absl::StrCat("event ", revision, " ", std::string(what)),
                         {{"revision", absl::StrCat(revision)}});
}

}  // namespace

EncodedEvent Encode(std::shared_ptr<const v1::Event> event) {
  const size_t size = event->ByteSizeLong();
  auto frame = std::make_shared<std::string>(FrameHeader(size));
  frame->reserve(frame->size() + size);
  event->AppendToString(frame.get());
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
  auto frame = std::make_shared<std::string>(FrameHeader(entry.event_bytes.size()));
  frame->append(entry.event_bytes);
  return EncodedEvent{std::move(event), std::move(frame)};
}

}  // namespace coordhub::engine
