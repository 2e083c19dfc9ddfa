#include "agent/coordctl/json_check.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "agent/base/text.h"
#include "agent/coordctl/suggest.h"

namespace coordhub::coordctl {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using Json = nlohmann::json;

std::string WhyNotAt(const std::string& path, const Json& json, const Descriptor& type);

std::string WhyNoEnum(const Json& json, const EnumDescriptor& type) {
  if (json.is_number_integer()) return "";
  if (json.is_string() && type.FindValueByName(json.get<std::string>()) != nullptr) return "";
  std::vector<std::string> names;
  for (int i = 1; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
  return absl::StrCat("is none of ", absl::StrJoin(names, ", "));
}

std::string WhyNoNumber(const Json& json) {
  int64_t number = 0;
  const bool is_whole =
      json.is_number_integer() ||
      (json.is_number_float() && json.get<double>() == std::trunc(json.get<double>())) ||
      (json.is_string() && absl::SimpleAtoi(json.get<std::string>(), &number));
  return is_whole ? "" : "is no whole number";
}

std::string WhyNoTime(const Json& json) {
  absl::Time time;
  std::string ignored;
  const bool is_time =
      json.is_string() &&
      absl::ParseTime(absl::RFC3339_full, json.get<std::string>(), &time, &ignored);
  return is_time ? "" : "is no time such as \"2025-08-01T12:00:00Z\"";
}

// What is wrong with one value (not a list), with its path.
std::string WhyNotValue(const std::string& path, const Json& json, const FieldDescriptor& field) {
  const auto said = [&path](const std::string& why) {
    return why.empty() ? "" : absl::StrCat(path, " ", why);
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return said(json.is_string() ? "" : "is no text");
    case FieldDescriptor::CPPTYPE_BOOL:
      return said(json.is_boolean() ? "" : "is neither true nor false");
    case FieldDescriptor::CPPTYPE_ENUM:
      return said(WhyNoEnum(json, *field.enum_type()));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (field.message_type()->full_name() == "google.protobuf.Timestamp") {
        return said(WhyNoTime(json));
      }
      return WhyNotAt(path, json, *field.message_type());
    default:
      return said(WhyNoNumber(json));
  }
}

std::string WhyNotField(const std::string& path, const Json& json, const FieldDescriptor& field) {
  if (json.is_null()) return "";  // protobuf's JSON: not set
  if (!field.is_repeated()) return WhyNotValue(path, json, field);
  if (!json.is_array()) return absl::StrCat(path, " is no list");
  for (size_t i = 0; i < json.size(); ++i) {
    const std::string why = WhyNotValue(absl::StrCat(path, "[", i, "]"), json[i], field);
    if (!why.empty()) return why;
  }
  return "";
}

const FieldDescriptor* FindField(const Descriptor& type, const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->name() == name || type.field(i)->json_name() == name) return type.field(i);
  }
  return nullptr;
}

std::string UnknownField(const std::string& path, const std::string& name, const Descriptor& type) {
  std::vector<std::string> known;
  for (int i = 0; i < type.field_count(); ++i) known.push_back(type.field(i)->name());
  const std::string nearest = Nearest(name, known);
  return absl::StrCat(path.empty() ? "" : path + " has ", "no field \"", base::OneLine(name, 64),
                      "\"; ",
                      nearest.empty() ? "there are: " + absl::StrJoin(known, ", ")
                                      : absl::StrCat("did you mean \"", nearest, "\"?"));
}

std::string WhyNotAt(const std::string& path, const Json& json, const Descriptor& type) {
  if (!json.is_object()) return absl::StrCat(path.empty() ? "it" : path, " is no JSON object");
  for (const auto& [name, value] : json.items()) {
    const FieldDescriptor* field = FindField(type, name);
    if (field == nullptr) return UnknownField(path, name, type);
    const std::string below = path.empty() ? field->name() : path + "." + field->name();
    if (std::string why = WhyNotField(below, value, *field); !why.empty()) return why;
  }
  return "";
}

}  // namespace

std::string WhyNot(const Json& json, const Descriptor& type) { return WhyNotAt("", json, type); }

}  // namespace coordhub::coordctl
