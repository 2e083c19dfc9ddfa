// The names of files that wait for import. A name says all that a later hub has to know.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "hub/mirror/foreign_line.h"

namespace coordhub::mirror {

// Digits of a generation: time, log, chance; lowercase hex. Sorts by time.
inline constexpr size_t kGenerationDigits = 32;

// Makes a generation. `chance` makes it unique within a microsecond.
std::string MakeGeneration(absl::Time time, std::string_view log_id, uint64_t chance);
// Whether it was made for this log.
bool IsOfLog(std::string_view generation, std::string_view log_id);

struct SourceName {
  std::string generation;
  // A tickets.md of the hub's; else from the inbox.
  bool retired = false;
  // What it was: `tickets.md`, `inbox/<name>`.
  std::string file;
  // How its lines are read; files called *.json, *.jsonl and *.ndjson hold JSON.
  LineForm form = LineForm::kText;
  // For the files that are kept of it.
  std::string kept_name;
};

// `.tickets.md.<generation>`.
std::string RetiredTicketsName(std::string_view generation);
// `.inbox.<generation>.<name>`, where whatever is no letter, digit, dot, hyphen or underscore is
// replaced, and a long name is cut.
std::string TakenInboxName(std::string_view generation, std::string_view name);
// Nullopt: no such name.
std::optional<SourceName> ParseSourceName(std::string_view name);
// `name` under another generation.
std::string WithGeneration(std::string_view name, std::string_view generation);

}  // namespace coordhub::mirror
