#include "hub/mirror/names.h"

#include "agent/base/text.h"

namespace coordhub::mirror {
namespace {

constexpr std::string_view kState = "STATE_";

}  // namespace

std::string_view WithoutPrefix(std::string_view name, std::string_view prefix) {
  if (name.substr(0, prefix.size()) == prefix) name.remove_prefix(prefix.size());
  return name;
}

std::string_view StateName(v1::Ticket::State state) {
  return WithoutPrefix(v1::Ticket::State_Name(state), kState);
}

std::string_view StateName(v1::Agent::State state) {
  return WithoutPrefix(v1::Agent::State_Name(state), kState);
}

std::string_view StateName(v1::Round::State state) {
  return WithoutPrefix(v1::Round::State_Name(state), kState);
}

std::string_view StateName(v1::Loop::State state) {
  return WithoutPrefix(v1::Loop::State_Name(state), kState);
}

std::string Harmless(std::string_view text, size_t max_bytes) {
  return base::EscapeMarkdown(base::OneLine(text, max_bytes));
}

std::string LocalTime(absl::Time time, absl::TimeZone zone) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, zone);
}

}  // namespace coordhub::mirror
