#include "agent/coordctl/import_item.h"

#include "absl/strings/str_cat.h"
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

std::string TooMany(const char* what, int64_t limit) {
  return absl::StrCat("more than ", limit, " ", what);
}

std::string WhyBadTitle(const std::string& title) {
  if (title.empty()) return "no title";
  if (title.size() > kTitleBytes) return TooMany("bytes of title", kTitleBytes);
  if (!base::IsValidUtf8(title)) return "the title is not UTF-8";
  if (base::HasControlOrBidi(title)) return "the title has control or invisible characters";
  return "";
}

std::string WhyBadLabels(const pb::TicketSpec& spec) {
  if (spec.labels_size() > kLabels) return TooMany("labels", kLabels);
  for (const std::string& label : spec.labels()) {
    if (label.empty()) return "an empty label";
    if (label.size() > kLabelBytes) return TooMany("bytes of label", kLabelBytes);
  }
  return "";
}

std::string WhyBadLocalId(const std::string& id) {
  static constexpr char kAllowed[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (id.size() > kLocalIdBytes) return TooMany("bytes of local_id", kLocalIdBytes);
  if (id.find_first_not_of(kAllowed) != std::string::npos) {
    return "local_id may have letters, digits, '.', '_' and '-' only";
  }
  return "";
}

std::string WhyBad(const ImportItem& item) {
  const pb::TicketSpec& spec = item.spec;
  std::string why = WhyBadTitle(spec.title());
  if (why.empty()) why = WhyBadLabels(spec);
  if (why.empty()) why = WhyBadLocalId(item.local_id);
  if (!why.empty()) return why;
  if (spec.body().size() > kBodyBytes) return TooMany("bytes of body", kBodyBytes);
  if (!base::IsValidUtf8(spec.body())) return "the body is not UTF-8";
  if (spec.priority() < 0 || spec.priority() > kLastPriority) return "priority is 0 to 4";
  if (spec.dependencies_size() > kDependencies) return TooMany("dependencies", kDependencies);
  if (spec.paths_size() > kPaths) return TooMany("paths", kPaths);
  for (const std::string& path : spec.paths()) {
    if (path.empty() || path.size() > kPathBytes) return "a path has 1 to 512 bytes";
  }
  return "";
}

}  // namespace

absl::Status BadLine(int line, const std::string& why) {
  return base::MakeFieldError(absl::StrCat("line ", line), why);
}

absl::Status CheckItem(const ImportItem& item) {
  const std::string why = WhyBad(item);
  return why.empty() ? absl::OkStatus() : BadLine(item.line, why);
}

}  // namespace coordhub::coordctl
