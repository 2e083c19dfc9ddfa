#include "agent/coordctl/json_output.h"

#include <nlohmann/json.hpp>

#include "google/protobuf/util/json_util.h"

namespace coordhub::coordctl {

std::string ToJson(const google::protobuf::Message& message, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = pretty;
  options.always_print_primitive_fields = true;
  std::string out;
  // Fails only for an Any of an unknown type or a time out of range, which the contract does not
  // have.
  (void)google::protobuf::util::MessageToJsonString(message, &out, options);
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::string DumpJson(const nlohmann::ordered_json& json, bool pretty) {
  return json.dump(pretty ? 1 : -1, ' ', /*ensure_ascii=*/true,
                   nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace coordhub::coordctl
