#include "hub/mirror/names.h"

namespace coordhub::mirror {
namespace {

std::string_view WithoutPrefix(std::string_view name) {
  constexpr std::string_view kPrefix = "STATE_";
  if (name.substr(0, kPrefix.size()) == kPrefix) name.remove_prefix(kPrefix.size());
  return name;
}

}  // namespace

std::string_view StateName(v1::Ticket::State state) {
  return WithoutPrefix(v1::Ticket::State_Name(state));
}

std::string_view StateName(v1::Agent::State state) {
  return WithoutPrefix(v1::Agent::State_Name(state));
}

std::string LocalTime(absl::Time time, absl::TimeZone zone) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, zone);
}

}  // namespace coordhub::mirror
