#include "hub/core/field_checks.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"
#include "hub/core/limits.h"
#include "hub/core/operation_id.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"
#include "hub/core/round_id.h"

namespace coordhub::core {
namespace {

using base::ToAbsl;

// What protobuf allows: the years 1 to 9999.
constexpr int64_t kFirstSecond = -62'135'596'800;
constexpr int64_t kLastSecond = 253'402'300'799;
constexpr int32_t kNanosPerSecond = 1'000'000'000;
constexpr size_t kCommitDigitsMin = 7;
constexpr size_t kCommitDigitsMax = 64;

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
}

// What may stand between two "/", or alone.
bool IsName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), IsNameCharacter);
}

// Whether all segments of an agent's id are names, and how many there are.
bool AreNames(std::string_view path, int* count) {
  for (*count = 1;; ++*count) {
    const size_t slash = path.find('/');
    if (!IsName(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

// Whether any line, cut at newlines and tabs, has what no line may have.
bool HasForbiddenCharacter(std::string_view text) {
  for (;;) {
    const size_t end = text.find_first_of("\n\t");
    if (base::HasControlOrBidi(text.substr(0, end))) return true;
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \n\t") == std::string_view::npos;
}

}  // namespace

void FieldChecks::Fail(FieldName name, std::string_view description, std::string limit) {
  if (!status_.ok()) return;
  std::string path = absl::StrCat(prefix_, ToAbsl(name.field));
  if (name.index >= 0) absl::StrAppend(&path, "[", name.index, "]");
  if (!name.member.empty()) absl::StrAppend(&path, ".", ToAbsl(name.member));
  status_ = limit.empty() ? base::MakeFieldError(path, description)
                          : base::MakeFieldError(path, description, {{"limit", std::move(limit)}});
}

void FieldChecks::Include(absl::Status part) {
  if (status_.ok()) status_ = std::move(part);
}

void FieldChecks::AtMost(FieldName name, size_t size, size_t max, std::string_view unit) {
  if (size <= max) return;
  Fail(name, absl::StrCat("must have at most ", max, " ", ToAbsl(unit), ", not ", size),
       absl::StrCat(max));
}

bool FieldChecks::Present(FieldName name, const std::string& value, Presence presence) {
  if (!status_.ok()) return false;
  if (presence == Presence::kRequired && IsBlank(value)) Fail(name, "must not be empty", {});
  return status_.ok() && !value.empty();
}

void FieldChecks::WorkspaceId(const std::string& value) {
  Line("workspace_id", value, limits::kWorkspaceIdBytes);
}

void FieldChecks::RequestId(const std::string& value) {
  if (!Present("request_id", value, Presence::kOptional)) return;
  AtMost("request_id", value.size(), limits::kRequestIdBytes, "bytes");
  if (!std::all_of(value.begin(), value.end(),
                   [](char c) { return IsNameCharacter(c) || c == ':'; })) {
    Fail("request_id", "must consist of letters, digits, '.', '_', ':' and '-'", {});
  }
}

void FieldChecks::Page(int32_t page_size, const std::string& page_token) {
  NotNegative("page_size", page_size);
  Line("page_token", page_token, limits::kPageTokenBytes);
}

void FieldChecks::Labels(const Strings& values) {
  Lines("labels", values, limits::kLabels, limits::kLabelBytes);
}

void FieldChecks::Line(FieldName name, const std::string& value, size_t max_bytes,
                       Presence presence) {
  if (!Present(name, value, presence)) return;
  AtMost(name, value.size(), max_bytes, "bytes");
  if (!base::IsValidUtf8(value)) return Fail(name, "must be valid UTF-8", {});
  if (base::HasControlOrBidi(value)) {
    Fail(name, "must be one line without control or invisible characters", {});
  }
}

void FieldChecks::Text(FieldName name, const std::string& value, size_t max_bytes,
                       Presence presence) {
  if (!Present(name, value, presence)) return;
  AtMost(name, value.size(), max_bytes, "bytes");
  if (!base::IsValidUtf8(value)) return Fail(name, "must be valid UTF-8", {});
  if (HasForbiddenCharacter(value)) {
    Fail(name, "must have no control or invisible characters but newlines and tabs", {});
  }
}

void FieldChecks::Lines(std::string_view name, const Strings& values, int max_count,
                        size_t max_bytes) {
  Count({name, -1}, values.size(), max_count);
  for (int i = 0; i < values.size() && ok(); ++i) {
    Line({name, i}, values[i], max_bytes, Presence::kRequired);
  }
}

void FieldChecks::AbsolutePath(FieldName name, const std::string& value, Presence presence) {
  Line(name, value, limits::kPathBytes, presence);
  if (!value.empty() && value.front() != '/') Fail(name, "must be an absolute path", {});
}

void FieldChecks::Commit(FieldName name, const std::string& value) {
  if (!Present(name, value, Presence::kOptional)) return;
  AtMost(name, value.size(), kCommitDigitsMax, "digits");
  const auto is_digit = [](unsigned char c) { return absl::ascii_isxdigit(c); };
  if (value.size() < kCommitDigitsMin || !std::all_of(value.begin(), value.end(), is_digit)) {
    Fail(name, "must be 7 to 64 hexadecimal digits", {});
  }
}

void FieldChecks::AgentId(FieldName name, const std::string& value, Presence presence) {
  if (!Present(name, value, presence)) return;
  AtMost(name, value.size(), limits::kAgentIdBytes, "bytes");
  int segments = 0;
  if (!AreNames(value, &segments)) {
    Fail(name, "must be names of letters, digits, '.', '_' and '-', joined by '/'", {});
  }
  AtMost(name, static_cast<size_t>(segments), limits::kAgentIdSegments, "segments");
  if (value == "operator") Fail(name, "must not be 'operator', which is no agent", {});
}

void FieldChecks::TicketId(FieldName name, const std::string& value, Presence presence) {
  if (!Present(name, value, presence)) return;
  if (TicketNumber(value) == 0) Fail(name, "must be a ticket id like T-17", {});
}

void FieldChecks::OperationId(FieldName name, const std::string& value, Presence presence) {
  if (!Present(name, value, presence)) return;
  if (OperationNumber(value) == 0) Fail(name, "must be an operation id like O-17", {});
}

void FieldChecks::RoundId(FieldName name, const std::string& value, Presence presence) {
  if (!Present(name, value, presence)) return;
  if (RoundNumber(value) == 0) Fail(name, "must be a round's id like C-3", {});
}

void FieldChecks::GateId(FieldName name, const std::string& value, Presence presence) {
  if (!Present(name, value, presence)) return;
  AtMost(name, value.size(), limits::kGateIdBytes, "bytes");
  const auto allowed = [](char c) { return IsNameCharacter(c) && (c < 'A' || c > 'Z'); };
  if (!std::all_of(value.begin(), value.end(), allowed)) {
    Fail(name, "must consist of small letters, digits, '.', '_' and '-'", {});
  }
}

void FieldChecks::Branch(FieldName name, const std::string& value, Presence presence) {
  Line(name, value, limits::kBranchBytes, presence);
  if (!ok() || value.empty()) return;
  // As `git check-ref-format --branch` has it, but for what only whole names break.
  if (value.find_first_of(" ~^:?*[\\") != std::string::npos ||
      value.find("..") != std::string::npos || value.find("@{") != std::string::npos ||
      value.find("//") != std::string::npos || value.front() == '-' || value.front() == '/' ||
      value.back() == '/' || value.back() == '.') {
    Fail(name, "must be a name that git allows for a branch", {});
  }
}

void FieldChecks::LocalId(FieldName name, const std::string& value) {
  if (!Present(name, value, Presence::kOptional)) return;
  AtMost(name, value.size(), limits::kLocalIdBytes, "bytes");
  if (!std::all_of(value.begin(), value.end(), IsNameCharacter)) {
    Fail(name, "must consist of letters, digits, '.', '_' and '-'", {});
  }
}

void FieldChecks::Range(FieldName name, int64_t value, int64_t min, int64_t max) {
  if (value >= min && value <= max) return;
  Fail(name, absl::StrCat("must be ", min, " to ", max, ", not ", value),
       absl::StrCat(value < min ? min : max));
}

void FieldChecks::NotNegative(FieldName name, int64_t value) {
  if (value < 0) Fail(name, absl::StrCat("must not be negative, as ", value, " is"), "0");
}

void FieldChecks::Count(FieldName name, int count, int max) {
  AtMost(name, static_cast<size_t>(count), static_cast<size_t>(max), "entries");
}

void FieldChecks::Duration(FieldName name, const google::protobuf::Duration* value,
                           absl::Duration min, absl::Duration max) {
  if (value == nullptr) return;
  const bool same_sign = (value->seconds() >= 0 && value->nanos() >= 0) ||
                         (value->seconds() <= 0 && value->nanos() <= 0);
  if (!same_sign || value->nanos() <= -kNanosPerSecond || value->nanos() >= kNanosPerSecond) {
    return Fail(name, "must be a well-formed duration", {});
  }
  const absl::Duration duration = FromProto(*value);
  if (duration >= min && duration <= max) return;
  Fail(name,
       absl::StrCat("must be ", absl::FormatDuration(min), " to ", absl::FormatDuration(max),
                    ", not ", absl::FormatDuration(duration)),
       absl::FormatDuration(duration < min ? min : max));
}

void FieldChecks::Timestamp(FieldName name, const google::protobuf::Timestamp* value) {
  if (value == nullptr) return;
  if (value->seconds() < kFirstSecond || value->seconds() > kLastSecond || value->nanos() < 0 ||
      value->nanos() >= kNanosPerSecond) {
    Fail(name, "must be a time of the years 1 to 9999", {});
  }
}

void FieldChecks::Enum(FieldName name, int value, bool (*is_known)(int)) {
  if (value == 0 || !is_known(value)) {
    Fail(name, absl::StrCat("must be a known value, not ", value), {});
  }
}

void FieldChecks::Enums(std::string_view name, const google::protobuf::RepeatedField<int>& values,
                        bool (*is_known)(int), int max_count) {
  Count({name, -1}, values.size(), max_count);
  for (int i = 0; i < values.size() && ok(); ++i) Enum({name, i}, values[i], is_known);
}

}  // namespace coordhub::core
