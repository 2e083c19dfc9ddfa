#include "hub/engine/stored_answer.h"

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "hub/core/limits.h"
#include "hub/journal/store_key.h"

namespace coordhub::engine {

std::optional<journal::StoreChange> StoreAnswer(absl::Span<const journal::Entry> commit) {
  size_t bytes = 0;
  for (const journal::Entry& entry : commit) bytes += entry.event_bytes.size();
  // Each event stands behind its length.
  constexpr size_t kLengthBytes = 10;
  if (bytes <= core::limits::kAnswerBytes ||
      bytes + kLengthBytes * commit.size() > journal::kMaxStoreValueBytes) {
    return std::nullopt;
  }
  std::string kept;
  {
    google::protobuf::io::StringOutputStream stream(&kept);
    google::protobuf::io::CodedOutputStream coded(&stream);
    for (const journal::Entry& entry : commit) {
      coded.WriteVarint64(entry.event_bytes.size());
      coded.WriteString(entry.event_bytes);
    }
  }
  return journal::StoreChange{journal::Space::kAnswer,
                              journal::KeyOf(commit.back().commit_revision), std::move(kept)};
}

journal::StoreChange EraseAnswer(int64_t commit_revision) {
  return {journal::Space::kAnswer, journal::KeyOf(commit_revision), std::nullopt};
}

std::optional<std::vector<journal::Entry>> AnswerFrom(const std::string& kept,
                                                      journal::CommitRange range) {
  google::protobuf::io::CodedInputStream coded(reinterpret_cast<const uint8_t*>(kept.data()),
                                               static_cast<int>(kept.size()));
  std::vector<journal::Entry> entries;
  for (int64_t revision = range.first; revision <= range.second; ++revision) {
    journal::Entry& entry = entries.emplace_back();
    entry.revision = revision;
    entry.commit_revision = range.second;
    uint64_t size = 0;
    if (!coded.ReadVarint64(&size) || size > kept.size() ||
        !coded.ReadString(&entry.event_bytes, static_cast<int>(size))) {
      return std::nullopt;
    }
  }
  if (static_cast<size_t>(coded.CurrentPosition()) != kept.size()) return std::nullopt;
  return entries;
}

}  // namespace coordhub::engine
