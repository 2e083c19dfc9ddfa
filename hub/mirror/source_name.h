// The names of files that wait for import. A name says all that a later hub has to know.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hub/mirror/foreign_line.h"

namespace coordhub::mirror {

// Digits of a generation: time, then chance; lowercase hex. Sorts by time.
inline constexpr size_t kGenerationDigits = 32;

struct SourceName {
  std::string generation;
  // `file:tickets.md`, `file:inbox/<name>`.
  std::string actor;
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
