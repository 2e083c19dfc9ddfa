// Why a JSON object is none of a message, in the words of its fields.

#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "google/protobuf/descriptor.h"

namespace coordhub::coordctl {

// Empty if `json` can be read as a message of `type`; else the first thing wrong, with the field's
// path: `labels[2] is no text`, `no field "titel"; did you mean "title"?`. Names may be written
// ticket_id or ticketId. Knows what the contract uses: texts, whole numbers, truth values, enums,
// lists, messages and timestamps.
std::string WhyNot(const nlohmann::json& json, const google::protobuf::Descriptor& type);

}  // namespace coordhub::coordctl
