#include "hub/engine/archiving.h"

#include <algorithm>

#include "hub/core/proto_time.h"

namespace coordhub::engine {

std::optional<absl::Time> Archiving::Oldest() const {
  if (state_.finished().empty()) return std::nullopt;
  const int64_t number = state_.finished().begin()->second;
  return core::FromProto(state_.FindTicket(number)->update_time());
}

bool Archiving::TooMany() const {
  return static_cast<int64_t>(state_.finished().size()) > rules_.keep_at_most;
}

std::optional<base::MonoTime> Archiving::NextDue(const base::Now& now) const {
  const std::optional<absl::Time> oldest = Oldest();
  if (!oldest.has_value()) return std::nullopt;
  const absl::Duration left =
      TooMany() ? absl::ZeroDuration()
                : std::max(absl::ZeroDuration(), *oldest + rules_.retention - now.wall);
  return std::max(not_before_, now.mono + left);
}

std::optional<core::ArchiveTickets> Archiving::Due(const base::Now& now) const {
  if (now.mono < not_before_) return std::nullopt;
  const std::optional<absl::Time> oldest = Oldest();
  if (!oldest.has_value()) return std::nullopt;
  if (!TooMany() && *oldest > now.wall - rules_.retention) return std::nullopt;
  return core::ArchiveTickets{now.wall - rules_.retention, rules_.keep_at_most};
}

}  // namespace coordhub::engine
