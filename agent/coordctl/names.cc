#include "agent/coordctl/names.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "agent/base/error.h"
#include "agent/base/string_view.h"
#include "google/protobuf/descriptor.h"

namespace coordhub::coordctl {
namespace {

using google::protobuf::EnumDescriptor;

// The value's name without the prefix that all values of the enum share; its number if unknown.
std::string ShortName(const EnumDescriptor* type, std::string_view prefix, int number) {
  const auto* value = type->FindValueByNumber(number);
  return value == nullptr ? std::to_string(number) : value->name().substr(prefix.size());
}

std::vector<std::string> AllNames(const EnumDescriptor* type, std::string_view prefix) {
  std::vector<std::string> names;
  for (int i = 1; i < type->value_count(); ++i) {  // 0 is "unspecified"
    names.push_back(absl::AsciiStrToLower(type->value(i)->name().substr(prefix.size())));
  }
  return names;
}

absl::StatusOr<int> Parse(const EnumDescriptor* type, std::string_view prefix,
                          std::string_view name, std::string_view option) {
  const std::string full = std::string(prefix) + absl::AsciiStrToUpper(base::ToAbsl(name));
  const auto* value = type->FindValueByName(full);
  if (value != nullptr && value->number() != 0) return value->number();
  return base::MakeFieldError(option, "\"" + std::string(name) + "\" is none of " +
                                          absl::StrJoin(AllNames(type, prefix), ", "));
}

constexpr std::string_view kState = "STATE_";
constexpr std::string_view kKind = "EVENT_KIND_";

}  // namespace

std::string StateName(pb::Ticket::State state) {
  return ShortName(pb::Ticket::State_descriptor(), kState, state);
}

std::string StateName(pb::Agent::State state) {
  return ShortName(pb::Agent::State_descriptor(), kState, state);
}

std::string StateName(pb::Loop::State state) {
  return ShortName(pb::Loop::State_descriptor(), kState, state);
}

std::string StateName(pb::Round::State state) {
  return ShortName(pb::Round::State_descriptor(), kState, state);
}

std::string StateName(pb::RoundMember::State state) {
  return ShortName(pb::RoundMember::State_descriptor(), kState, state);
}

std::string StateName(pb::Operation::State state) {
  return ShortName(pb::Operation::State_descriptor(), kState, state);
}

std::string KindName(pb::Operation::Kind kind) {
  return absl::AsciiStrToLower(ShortName(pb::Operation::Kind_descriptor(), "KIND_", kind));
}

std::string KindName(pb::RoundBlocker::Kind kind) {
  return absl::AsciiStrToLower(ShortName(pb::RoundBlocker::Kind_descriptor(), "KIND_", kind));
}

std::string KindName(pb::EventKind kind) {
  return absl::AsciiStrToLower(ShortName(pb::EventKind_descriptor(), kKind, kind));
}

std::vector<std::string> TicketStateNames() {
  return AllNames(pb::Ticket::State_descriptor(), kState);
}

std::vector<std::string> AgentStateNames() {
  return AllNames(pb::Agent::State_descriptor(), kState);
}

std::vector<std::string> OperationStateNames() {
  return AllNames(pb::Operation::State_descriptor(), kState);
}

std::vector<std::string> KindNames() { return AllNames(pb::EventKind_descriptor(), kKind); }

absl::StatusOr<pb::Ticket::State> ParseTicketState(std::string_view name, std::string_view option) {
  const auto number = Parse(pb::Ticket::State_descriptor(), kState, name, option);
  if (!number.ok()) return number.status();
  return static_cast<pb::Ticket::State>(*number);
}

absl::StatusOr<pb::Agent::State> ParseAgentState(std::string_view name, std::string_view option) {
  const auto number = Parse(pb::Agent::State_descriptor(), kState, name, option);
  if (!number.ok()) return number.status();
  return static_cast<pb::Agent::State>(*number);
}

absl::StatusOr<pb::Operation::State> ParseOperationState(std::string_view name,
                                                         std::string_view option) {
  const auto number = Parse(pb::Operation::State_descriptor(), kState, name, option);
  if (!number.ok()) return number.status();
  return static_cast<pb::Operation::State>(*number);
}

absl::StatusOr<pb::EventKind> ParseKind(std::string_view name, std::string_view option) {
  const auto number = Parse(pb::EventKind_descriptor(), kKind, name, option);
  if (!number.ok()) return number.status();
  return static_cast<pb::EventKind>(*number);
}

}  // namespace coordhub::coordctl
