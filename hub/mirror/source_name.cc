#include "hub/mirror/source_name.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/sha256.h"
#include "agent/base/string_view.h"

namespace coordhub::mirror {
namespace {

using base::ToAbsl;

constexpr std::string_view kTickets = ".tickets.md.";
constexpr std::string_view kInbox = ".inbox.";
constexpr size_t kNameBytes = 64;
constexpr size_t kTimeDigits = 14;
constexpr size_t kLogDigits = 8;

std::string LogDigits(std::string_view log_id) {
  return base::HexEncode(base::Sha256(log_id)).substr(0, kLogDigits);
}

bool StartsWith(std::string_view s, std::string_view prefix) {
  return s.substr(0, prefix.size()) == prefix;
}

bool EndsWith(std::string_view s, std::string_view suffix) {
  return s.size() >= suffix.size() && s.substr(s.size() - suffix.size()) == suffix;
}

bool IsGeneration(std::string_view s) {
  return s.size() == kGenerationDigits &&
         s.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool IsPlain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
         c == '-' || c == '_';
}

}  // namespace

std::string MakeGeneration(absl::Time time, std::string_view log_id, uint64_t chance) {
  constexpr uint64_t kTimeMask = (uint64_t{1} << (4 * kTimeDigits)) - 1;
  constexpr size_t kChanceDigits = kGenerationDigits - kTimeDigits - kLogDigits;
  constexpr uint64_t kChanceMask = (uint64_t{1} << (4 * kChanceDigits)) - 1;
  return absl::StrFormat("%014x%s%010x",
                         static_cast<uint64_t>(absl::ToUnixMicros(time)) & kTimeMask,
                         LogDigits(log_id), chance & kChanceMask);
}

bool IsOfLog(std::string_view generation, std::string_view log_id) {
  return generation.substr(kTimeDigits, kLogDigits) == LogDigits(log_id);
}

std::string RetiredTicketsName(std::string_view generation) {
  return absl::StrCat(ToAbsl(kTickets), ToAbsl(generation));
}

std::string TakenInboxName(std::string_view generation, std::string_view name) {
  // The end of a long name tells more: it says what kind of file it is.
  if (name.size() > kNameBytes) name.remove_prefix(name.size() - kNameBytes);
  std::string plain(name);
  for (char& c : plain) {
    if (!IsPlain(c)) c = '_';
  }
  return absl::StrCat(ToAbsl(kInbox), ToAbsl(generation), ".", plain);
}

std::optional<SourceName> ParseSourceName(std::string_view name) {
  SourceName parsed;
  if (StartsWith(name, kTickets)) {
    const std::string_view generation = name.substr(kTickets.size());
    if (!IsGeneration(generation)) return std::nullopt;
    parsed.generation = std::string(generation);
    parsed.retired = true;
    parsed.file = "tickets.md";
    parsed.kept_name = absl::StrCat("tickets.md-", parsed.generation);
    return parsed;
  }
  if (!StartsWith(name, kInbox)) return std::nullopt;
  const std::string_view generation = name.substr(kInbox.size(), kGenerationDigits);
  const std::string_view rest =
      name.substr(std::min(kInbox.size() + kGenerationDigits, name.size()));
  if (!IsGeneration(generation) || rest.size() < 2 || rest[0] != '.') return std::nullopt;
  const std::string_view original = rest.substr(1);
  parsed.generation = std::string(generation);
  parsed.file = absl::StrCat("inbox/", ToAbsl(original));
  parsed.kept_name = absl::StrCat("inbox-", ToAbsl(original), "-", parsed.generation);
  for (const std::string_view suffix : {".json", ".jsonl", ".ndjson"}) {
    if (EndsWith(original, suffix)) parsed.form = LineForm::kJson;
  }
  return parsed;
}

std::string WithGeneration(std::string_view name, std::string_view generation) {
  const std::string_view prefix = StartsWith(name, kInbox) ? kInbox : kTickets;
  const std::string_view rest = name.substr(prefix.size() + kGenerationDigits);
  return absl::StrCat(ToAbsl(prefix), ToAbsl(generation), ToAbsl(rest));
}

}  // namespace coordhub::mirror
