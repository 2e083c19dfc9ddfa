// What is durable of a view, in one order: for snapshots and for the digest over the same records.

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/base/sha256.h"
#include "hub/core/digest.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

// Calls `visit(Tag<T>(), record)` with every durable record, in key order, table by table; stops
// early on false.
template <class Visit>
void ForEachRecord(const Records& records, Visit&& visit) {
  AllTables::ForEach([&]<class T>(Tag<T> tag) {
    return records.of<T>().ForEach(
        [&](const auto&, const RecordPtr<T>& record) { return visit(tag, *record); });
  });
}

// The record as the digest sees it.
template <class T>
decltype(auto) ForDigest(const typename T::Record& record) {
  if constexpr (requires { T::ForDigest(record); }) {
    return T::ForDigest(record);
  } else {
    return (record);
  }
}

// Bytes that are hashed at a time: a call of the hasher costs as much as a short record.
constexpr size_t kHashedAtOnce = 16 << 10;

// Its ByteSizeLong was called just before. Not through a stream into the string, which would fill
// all that the string has room for, for each record: once one was large, that takes longer than
// everything else.
void AppendDeterministic(const google::protobuf::MessageLite& message, std::string* bytes) {
  const size_t before = bytes->size();
  const int size = message.GetCachedSize();
  bytes->resize(before + static_cast<size_t>(size));
  google::protobuf::io::ArrayOutputStream stream(bytes->data() + before, size);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&coded);
}

}  // namespace

std::string Digest(const View& view) { return Digest(view, nullptr); }

std::string Digest(const View& view, const std::function<void()>& rest) {
  base::Sha256Hasher hasher;
  hasher.Update(
      absl::StrCat("revision ", view.revision, " last ticket ", view.last_ticket_number, "\n"));
  std::string bytes;
  int64_t done = 0;
  ForEachRecord(view.records, [&]<class T>(Tag<T>, const typename T::Record& whole) {
    const auto& record = ForDigest<T>(whole);
    if (rest && ++done % kRecordsAtOnce == 0) rest();
    // The frame keeps records of different kinds, and neighbours, apart.
    absl::StrAppend(&bytes, record.GetDescriptor()->full_name(), " ", record.ByteSizeLong(), "\n");
    AppendDeterministic(record, &bytes);
    if (bytes.size() >= kHashedAtOnce) {
      hasher.Update(bytes);
      bytes.clear();
    }
    return true;
  });
  hasher.Update(bytes);
  return base::HexEncode(hasher.Finish());
}

jpb::SnapshotHeader MakeSnapshotHeader(const View& view) {
  jpb::SnapshotHeader header;
  header.set_revision(view.revision);
  header.set_last_ticket_number(view.last_ticket_number);
  *header.mutable_last_event_time() = ToProto(view.last_event_time);
  int64_t count = 0;
  AllTables::ForEach([&]<class T>(Tag<T>) {
    count += static_cast<int64_t>(view.records.of<T>().size());
    return true;
  });
  header.set_record_count(count);
  return header;
}

void ForEachSnapshotRecord(const View& view,
                           const std::function<bool(const jpb::SnapshotRecord&)>& fn) {
  jpb::SnapshotRecord snapshot_record;
  ForEachRecord(view.records, [&]<class T>(Tag<T>, const typename T::Record& record) {
    snapshot_record.Clear();
    // Lent rather than copied.
    T::Lend(record, &snapshot_record);
    const bool go_on = fn(snapshot_record);
    T::TakeBack(&snapshot_record);
    return go_on;
  });
}

}  // namespace coordhub::core
