// Protobuf's JSON, as grpcurl prints it too.

#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "google/protobuf/message.h"

namespace coordhub::coordctl {

// Field names in lowerCamelCase, 64-bit numbers as strings, enums by name; fields that are at their
// default are there, too. `pretty`: over several lines, for a terminal; else one line. Without a
// newline at the end.
std::string ToJson(const google::protobuf::Message& message, bool pretty);

// JSON of our own, which anybody's text may be in: whatever is not ASCII is escaped, so that it is
// harmless on a terminal, and what is no UTF-8 is replaced. Without a newline at the end.
std::string DumpJson(const nlohmann::ordered_json& json, bool pretty);

// One array; `pretty` as above, else one line for each element. Ends with a newline.
template <class Messages>
std::string ToJsonArray(const Messages& messages, bool pretty) {
  std::string out = "[";
  for (const auto& message : messages) {
    out += out.size() == 1 ? "\n" : ",\n";
    out += ToJson(message, pretty);
  }
  return out + (out.size() == 1 ? "]\n" : "\n]\n");
}

}  // namespace coordhub::coordctl
