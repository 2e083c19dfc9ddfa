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

// Calls `visit(record)` with every durable record, in key order, table by table; stops early on
// false.
template <class Visit>
void ForEachRecord(const Records& records, Visit&& visit) {
  const auto each = [&](const auto& map) {
    return map.ForEach([&](const auto&, const auto& record) { return visit(*record); });
  };
  (void)(each(records.agents) && each(records.tickets) && each(records.bodies) &&
         each(records.comments) && each(records.requests) && each(records.import_marks) &&
         each(records.branches));
}

void Assign(const pb::Agent& agent, jpb::SnapshotRecord* record) {
  *record->mutable_record()->mutable_agent() = agent;
}
// The many are lent rather than copied; TakeBack ends that. Nobody changes them meanwhile.
void Assign(const pb::Ticket& ticket, jpb::SnapshotRecord* record) {
  record->mutable_record()->unsafe_arena_set_allocated_ticket(const_cast<pb::Ticket*>(&ticket));
}
void Assign(const pb::TicketBody& body, jpb::SnapshotRecord* record) {
  record->mutable_record()->unsafe_arena_set_allocated_ticket_body(
      const_cast<pb::TicketBody*>(&body));
}
void Assign(const pb::Comment& comment, jpb::SnapshotRecord* record) {
  record->mutable_record()->unsafe_arena_set_allocated_comment(const_cast<pb::Comment*>(&comment));
}
void TakeBack(jpb::SnapshotRecord* record) {
  if (!record->has_record()) return;
  pb::RecordChange* change = record->mutable_record();
  // Each gives null unless it is what was lent.
  (void)change->unsafe_arena_release_ticket();
  (void)change->unsafe_arena_release_ticket_body();
  (void)change->unsafe_arena_release_comment();
}
void Assign(const jpb::RememberedRequest& request, jpb::SnapshotRecord* record) {
  *record->mutable_request() = request;
}
void Assign(const pb::Branch& branch, jpb::SnapshotRecord* record) {
  *record->mutable_record()->mutable_branch() = branch;
}
void Assign(const jpb::ImportMark& mark, jpb::SnapshotRecord* record) {
  *record->mutable_import_mark() = mark;
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
  ForEachRecord(view.records, [&](const auto& record) {
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
  const Records& records = view.records;
  jpb::SnapshotHeader header;
  header.set_revision(view.revision);
  header.set_last_ticket_number(view.last_ticket_number);
  *header.mutable_last_event_time() = ToProto(view.last_event_time);
  header.set_record_count(
      static_cast<int64_t>(records.agents.size() + records.tickets.size() + records.bodies.size() +
                           records.comments.size() + records.requests.size() +
                           records.import_marks.size() + records.branches.size()));
  return header;
}

void ForEachSnapshotRecord(const View& view,
                           const std::function<bool(const jpb::SnapshotRecord&)>& fn) {
  jpb::SnapshotRecord snapshot_record;
  ForEachRecord(view.records, [&](const auto& record) {
    snapshot_record.Clear();
    Assign(record, &snapshot_record);
    const bool go_on = fn(snapshot_record);
    TakeBack(&snapshot_record);
    return go_on;
  });
}

}  // namespace coordhub::core
