// The ticket that is open while the target of a gate is red.

#pragma once

#include <string>
#include <string_view>

#include "coordhub/v1/convergence.pb.h"
#include "coordhub/v1/ticket.pb.h"
#include "hub/core/decide/context.h"

namespace coordhub::core {

// Null: none is open, or it was finished.
const v1::Ticket* FindIncident(const Context& context, const v1::Gate& gate);

// Opens one for the gate, if none is open and there is room for a ticket; the gate then names it.
// `note` is its body.
void OpenIncident(Context& context, const std::string& commit, std::string_view note,
                  v1::Gate* gate);

// Cancels the gate's incident, whoever holds it, if one is open. The gate's record, which is the
// caller's to change, names none any more.
void CloseIncident(Context& context, const v1::Gate& gate, const std::string& reason);

}  // namespace coordhub::core
