// The checks that the fields of requests have in common, and the words of their refusals.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/timestamp.pb.h"

namespace coordhub::core {

enum class Presence { kOptional, kRequired };

// A field of a message: `title`, `labels[0]`, `dependencies[2].until`.
struct FieldName {
  FieldName(const char* name) : field(name) {}  // NOLINT: a name is a name
  FieldName(std::string_view name, int at, std::string_view of_element = {})
      : field(name), index(at), member(of_element) {}

  std::string_view field;
  int index = -1;  // none
  std::string_view member;
};

// Checks the fields of one message, one after the other. The first refusal stays, and what comes
// after it is not looked at. Lives for one validation.
class FieldChecks {
 public:
  using Strings = google::protobuf::RepeatedPtrField<std::string>;

  // `prefix` is what the request calls the message: empty for itself, `spec.`, `tickets[3].spec.`.
  explicit FieldChecks(std::string prefix = {}) : prefix_(std::move(prefix)) {}

  // ---- what many requests have ----
  void WorkspaceId(const std::string& value);
  void RequestId(const std::string& value);
  void MinRevision(int64_t value) { NotNegative("min_revision", value); }
  void Page(int32_t page_size, const std::string& page_token);
  void Labels(const Strings& values);

  // ---- text ----
  // Valid UTF-8 without control, bidirectional or other invisible characters.
  void Line(FieldName name, const std::string& value, size_t max_bytes,
            Presence presence = Presence::kOptional);
  // The same, with newlines and tabs.
  void Text(FieldName name, const std::string& value, size_t max_bytes,
            Presence presence = Presence::kOptional);
  // Each required; at most `max_count`.
  void Lines(std::string_view name, const Strings& values, int max_count, size_t max_bytes);
  // A line that begins with "/".
  void AbsolutePath(FieldName name, const std::string& value,
                    Presence presence = Presence::kOptional);
  // 7 to 64 hexadecimal digits, or nothing.
  void Commit(FieldName name, const std::string& value);

  // ---- ids ----
  // Segments of [A-Za-z0-9._-] joined by "/"; not what the operator is called.
  void AgentId(FieldName name, const std::string& value, Presence presence = Presence::kOptional);
  // "T-" and a number.
  void TicketId(FieldName name, const std::string& value, Presence presence = Presence::kOptional);
  // "O-" and a number.
  void OperationId(FieldName name, const std::string& value,
                   Presence presence = Presence::kOptional);
  // "C-" and a number.
  void RoundId(FieldName name, const std::string& value, Presence presence = Presence::kOptional);
  // [a-z0-9._-].
  void GateId(FieldName name, const std::string& value, Presence presence = Presence::kOptional);
  // A branch's short name, as far as it can be told without git: a line without what no branch has.
  void Branch(FieldName name, const std::string& value, Presence presence = Presence::kOptional);
  // [A-Za-z0-9._-], or nothing.
  void LocalId(FieldName name, const std::string& value);

  // ---- numbers and times ----
  void Range(FieldName name, int64_t value, int64_t min, int64_t max);
  void NotNegative(FieldName name, int64_t value);
  void Count(FieldName name, int count, int max);
  // One that is unset (null) is not looked at.
  void Duration(FieldName name, const google::protobuf::Duration* value, absl::Duration min,
                absl::Duration max);
  void Timestamp(FieldName name, const google::protobuf::Timestamp* value);
  // `is_known` is the enum's `_IsValid`. Zero, which stands for unspecified, is refused.
  void Enum(FieldName name, int value, bool (*is_known)(int));
  void Enums(std::string_view name, const google::protobuf::RepeatedField<int>& values,
             bool (*is_known)(int), int max_count);

  // ---- all else ----
  void Refuse(FieldName name, std::string_view description) { Fail(name, description, {}); }
  // Takes over what the check of a part has found.
  void Include(absl::Status part);

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

 private:
  // `limit` is empty when none was exceeded.
  void Fail(FieldName name, std::string_view description, std::string limit);
  void AtMost(FieldName name, size_t size, size_t max, std::string_view unit);
  // Whether there is something to look at. Refuses what is required and missing or blank.
  bool Present(FieldName name, const std::string& value, Presence presence);

  const std::string prefix_;
  absl::Status status_;
};

}  // namespace coordhub::core
