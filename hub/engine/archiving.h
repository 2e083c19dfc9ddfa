#pragma once

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "hub/core/command.h"
#include "hub/core/state.h"

namespace coordhub::engine {

// When finished tickets leave the state, and how many at a time. Writer's thread only.
class Archiving {
 public:
  struct Rules {
    // Since its last change.
    absl::Duration retention = absl::Hours(24 * 30);
    int64_t keep_at_most = 50'000;
  };

  // Between commands while there is more to archive, so that other work comes between; and after
  // one that found only tickets that others wait for.
  static constexpr absl::Duration kPause = absl::Milliseconds(20);
  static constexpr absl::Duration kRest = absl::Minutes(1);

  // `state` outlives this.
  Archiving(const core::State* state, const Rules& rules) : state_(*state), rules_(rules) {}

  // When there may be something to do; nullopt: not before something else changes.
  std::optional<base::MonoTime> NextDue(const base::Now& now) const;
  // What is to be done now; nullopt: nothing.
  std::optional<core::ArchiveTickets> Due(const base::Now& now) const;
  // It was done, and archived something or found nothing.
  void Done(bool archived, const base::Now& now) {
    not_before_ = now.mono + (archived ? kPause : kRest);
  }

 private:
  // Of the oldest finished ticket; nullopt: there is none.
  std::optional<absl::Time> Oldest() const;
  bool TooMany() const;

  const core::State& state_;
  const Rules rules_;
  base::MonoTime not_before_;
};

}  // namespace coordhub::engine
