// How many tickets are in each state, in a line.

#pragma once

#include <string>

#include "coordhub/v1/hub.pb.h"

namespace coordhub::coordctl {

// "12 OPEN, 3 CLAIMED"; states that no ticket is in are left out. "none" if there are no tickets.
std::string TicketCounts(const ::coordhub::v1::Workspace& workspace);

}  // namespace coordhub::coordctl
