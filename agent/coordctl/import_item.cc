#include "agent/coordctl/import_item.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/error.h"
#include "agent/base/text.h"

namespace coordhub::coordctl {
namespace {

// As the contract states them (ticket.proto, ticket_service.proto).
constexpr size_t kTitleBytes = 512;
constexpr size_t kBodyBytes = 65536;
constexpr int kLabels = 32;
constexpr size_t kLabelBytes = 64;
constexpr int kDependencies = 100;
constexpr int kPaths = 64;
constexpr size_t kPathBytes = 512;
constexpr size_t kLocalIdBytes = 64;
constexpr int kLastPriority = 4;
constexpr int kMaxAttempts = 100;
constexpr size_t kAgentIdBytes = 128;
constexpr size_t kAgentIdSegments = 4;
constexpr size_t kTicketDigits = 18;
// The years 1 to 9999.
constexpr int64_t kFirstSecond = -62'135'596'800;
constexpr int64_t kLastSecond = 253'402'300'799;

constexpr char kNameCharacters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

std::string TooMany(const std::string& what, size_t limit) {
  return absl::StrCat("more than ", limit, " ", what);
}

bool IsBlank(const std::string& text) {
  return text.find_first_not_of(" \n\t") == std::string::npos;
}

// A text on one line; `what` calls it.
std::string WhyBadText(const std::string& text, const std::string& what, size_t max_bytes) {
  if (text.size() > max_bytes) return TooMany("bytes of " + what, max_bytes);
  if (!base::IsValidUtf8(text)) return "the " + what + " is not UTF-8";
  if (base::HasControlOrBidi(text)) return "the " + what + " has control or invisible characters";
  return "";
}

std::string WhyBadLine(const std::string& text, const std::string& what, size_t max_bytes) {
  return IsBlank(text) ? "an empty " + what : WhyBadText(text, what, max_bytes);
}

// Newlines and tabs are fine here.
std::string WhyBadBody(const std::string& body) {
  std::string why = body.size() > kBodyBytes ? TooMany("bytes of body", kBodyBytes) : "";
  for (const absl::string_view line : absl::StrSplit(body, absl::ByAnyChar("\n\t"))) {
    if (why.empty()) why = WhyBadText(std::string(line), "body", kBodyBytes);
  }
  return why;
}

std::string WhyBadLines(const google::protobuf::RepeatedPtrField<std::string>& lines,
                        const std::string& what, int max_count, size_t max_bytes) {
  if (lines.size() > max_count) return TooMany(what + "s", static_cast<size_t>(max_count));
  for (const std::string& line : lines) {
    if (std::string why = WhyBadLine(line, what, max_bytes); !why.empty()) return why;
  }
  return "";
}

std::string WhyBadLocalId(const std::string& id) {
  if (id.size() > kLocalIdBytes) return TooMany("bytes of local_id", kLocalIdBytes);
  if (id.find_first_not_of(kNameCharacters) != std::string::npos) {
    return "local_id may have letters, digits, '.', '_' and '-' only";
  }
  return "";
}

// A ticket's id, or `@` and a local id, which the plan looks for.
std::string WhyBadReference(const std::string& id, const char* field) {
  if (id[0] == '@' && id.size() > 1) return "";
  if (IsTicketId(id)) return "";
  return absl::StrCat(field, " \"", base::OneLine(id, 64),
                      "\" is neither a ticket such as T-17 nor @ and the local_id of one here");
}

std::string WhyBadDependencies(const pb::TicketSpec& spec) {
  if (spec.dependencies_size() > kDependencies) return TooMany("dependencies", kDependencies);
  std::set<std::string> seen;
  for (const pb::Dependency& dependency : spec.dependencies()) {
    const std::string& id = dependency.ticket_id();
    if (id.empty()) return "a dependency without ticket_id";
    if (std::string why = WhyBadReference(id, "dependency"); !why.empty()) return why;
    if (!seen.insert(id).second) return absl::StrCat("the dependency ", id, " is there twice");
    if (!pb::Dependency::Until_IsValid(dependency.until())) {
      return "until is neither UNTIL_DONE nor UNTIL_INTEGRATED";
    }
  }
  return "";
}

bool IsName(absl::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_not_of(kNameCharacters) == absl::string_view::npos;
}

std::string WhyBadAssignee(const std::string& id) {
  if (id.empty()) return "";
  if (id.size() > kAgentIdBytes) return TooMany("bytes of assignee_agent_id", kAgentIdBytes);
  const std::vector<absl::string_view> names = absl::StrSplit(id, '/');
  const bool is_agent = names.size() <= kAgentIdSegments && id != "operator" &&
                        std::all_of(names.begin(), names.end(), IsName);
  if (is_agent) return "";
  return "assignee_agent_id is up to 4 names of letters, digits, '.', '_' and '-', joined by '/'";
}

std::string WhyBadTime(const pb::TicketSpec& spec) {
  const int64_t seconds = spec.not_before().seconds();
  const int32_t nanos = spec.not_before().nanos();
  const bool is_time =
      seconds >= kFirstSecond && seconds <= kLastSecond && nanos >= 0 && nanos < 1'000'000'000;
  return is_time ? "" : "not_before is no time of the years 1 to 9999";
}

std::string WhyBadNumber(const pb::TicketSpec& spec) {
  if (spec.priority() < 0 || spec.priority() > kLastPriority) return "priority is 0 to 4";
  if (spec.max_attempts() < 0 || spec.max_attempts() > kMaxAttempts) {
    return "max_attempts is 1 to 100";
  }
  return "";
}

std::string WhyBad(const ImportItem& item) {
  const pb::TicketSpec& spec = item.spec;
  if (IsBlank(spec.title())) return "no title";
  for (const std::string& why :
       {WhyBadLine(spec.title(), "title", kTitleBytes), WhyBadBody(spec.body()),
        WhyBadLines(spec.labels(), "label", kLabels, kLabelBytes),
        WhyBadLines(spec.paths(), "path", kPaths, kPathBytes), WhyBadLocalId(item.local_id),
        WhyBadNumber(spec), WhyBadDependencies(spec),
        spec.parent_ticket_id().empty()
            ? ""
            : WhyBadReference(spec.parent_ticket_id(), "parent_ticket_id"),
        WhyBadAssignee(spec.assignee_agent_id()), WhyBadTime(spec)}) {
    if (!why.empty()) return why;
  }
  return "";
}

}  // namespace

absl::Status BadLine(int line, const std::string& why) {
  return base::MakeFieldError(absl::StrCat("line ", line), why);
}

bool IsTicketId(const std::string& id) {
  return id.size() > 2 && id.size() <= 2 + kTicketDigits && id.compare(0, 2, "T-") == 0 &&
         id[2] != '0' && id.find_first_not_of("0123456789", 2) == std::string::npos;
}

absl::Status CheckItem(const ImportItem& item) {
  const std::string why = WhyBad(item);
  return why.empty() ? absl::OkStatus() : BadLine(item.line, why);
}

}  // namespace coordhub::coordctl
