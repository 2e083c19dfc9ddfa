#pragma once

#include <string>
#include <vector>

#include "hub/core/command.h"
#include "hub/core/decide/context.h"

namespace coordhub::core {

// Marks those of the tickets that are DONE and not marked yet: their work is on the target.
void MarkTickets(Context& context, const std::string& target,
                 const std::vector<IntegratedTicket>& tickets);

}  // namespace coordhub::core
