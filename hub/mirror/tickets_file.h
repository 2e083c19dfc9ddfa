// The content of shared_state/tickets.md.

#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "hub/core/records.h"

namespace coordhub::mirror {

// One line for each unfinished ticket, in the order in which they were made, and nothing else:
//
//   - [2025-07-29 12:00:00] ticket: T-17 OPEN p2 Mend the fence
//
// The time is that of the ticket's creation, in `zone`. A title is data: it stays on its line and
// means nothing to Markdown. In proportion to the unfinished tickets. Pure; any thread.
std::string RenderTickets(const core::View& view, absl::TimeZone zone);

// Whether `line`, without its newline, has the form of such a line, so that losing it loses nothing
// that the hub does not know. Lines of people and scripts have not. Pure; any thread.
bool IsTicketLine(std::string_view line);

}  // namespace coordhub::mirror
