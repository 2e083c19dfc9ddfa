#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/import_item.h"
#include "agent/coordctl/json_check.h"
#include "google/protobuf/util/json_util.h"

namespace coordhub::coordctl {
namespace {

using Json = nlohmann::json;

constexpr char kOneALine[] =
    "each line is to be one JSON object (of an array: jq -c '.[]' FILE, of objects over several "
    "lines: jq -c . FILE)";

// The line as an object.
absl::StatusOr<Json> ParseObject(int number, std::string_view line) {
  Json json;
  try {
    json = Json::parse(line);
  } catch (const Json::parse_error& error) {
    return BadLine(number,
                   absl::StrCat("no valid JSON at character ", error.byte, "; ", kOneALine));
  } catch (const Json::out_of_range&) {
    return BadLine(number, "a number is too large");
  }
  if (!json.is_object()) return BadLine(number, absl::StrCat("no JSON object; ", kOneALine));
  return json;
}

absl::StatusOr<ImportItem> ParseLine(int number, std::string_view line) {
  COORDHUB_ASSIGN_OR_RETURN(Json json, ParseObject(number, line));
  ImportItem item;
  item.line = number;
  for (const char* name : {"local_id", "localId"}) {
    const auto it = json.find(name);
    if (it == json.end()) continue;
    if (!it->is_string()) return BadLine(number, "local_id is no text");
    item.local_id = it->get<std::string>();
    json.erase(it);
  }
  const std::string why = WhyNot(json, *pb::TicketSpec::descriptor());
  if (!why.empty()) return BadLine(number, why);
  const std::string spec = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto parsed = google::protobuf::util::JsonStringToMessage(spec, &item.spec);
  // What is left are numbers out of range and fields that are named twice.
  if (!parsed.ok()) return BadLine(number, "a number is too large, or a field is there twice");
  COORDHUB_RETURN_IF_ERROR(CheckItem(item));
  return item;
}

}  // namespace

absl::StatusOr<std::vector<ImportItem>> ParseJsonLines(const std::string& text) {
  std::vector<ImportItem> items;
  int number = 0;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    ++number;
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      COORDHUB_ASSIGN_OR_RETURN(ImportItem item, ParseLine(number, line));
      items.push_back(std::move(item));
    }
    begin = end + 1;
  }
  return items;
}

}  // namespace coordhub::coordctl
