// How states and times are written in the files of shared_state/. Private to this folder.

#pragma once

#include <array>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "coordhub/v1/agent.pb.h"
#include "coordhub/v1/convergence.pb.h"
#include "coordhub/v1/hub.pb.h"
#include "coordhub/v1/ticket.pb.h"

namespace coordhub::mirror {

// Tickets in these states are still to be done, by whomever; a buried one waits for an operator.
inline constexpr std::array kUnfinishedStates = {v1::Ticket::STATE_OPEN, v1::Ticket::STATE_CLAIMED,
                                                 v1::Ticket::STATE_BLOCKED,
                                                 v1::Ticket::STATE_BURIED};

inline constexpr std::array kFinishedStates = {v1::Ticket::STATE_DONE, v1::Ticket::STATE_FAILED,
                                               v1::Ticket::STATE_CANCELLED};

// "OPEN" for STATE_OPEN. The text lives as long as the process.
std::string_view StateName(v1::Ticket::State state);
std::string_view StateName(v1::Agent::State state);
std::string_view StateName(v1::Round::State state);
std::string_view StateName(v1::Loop::State state);

// `name` less the prefix that enum values have.
std::string_view WithoutPrefix(std::string_view name, std::string_view prefix);

// Text from an agent, harmless on its line and at most `max_bytes` before it is escaped.
std::string Harmless(std::string_view text, size_t max_bytes);

// "2025-07-29 12:00:00", as `date +"%Y-%m-%d %H:%M:%S"` prints it.
std::string LocalTime(absl::Time time, absl::TimeZone zone);

}  // namespace coordhub::mirror
