// How what a caller states of a ticket becomes a ticket's fields.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "coordhub/v1/event.pb.h"
#include "coordhub/v1/ticket.pb.h"
#include "hub/core/decide/context.h"

namespace coordhub::core {

// Sorted, each once.
std::vector<std::string> NormalLabels(
    const google::protobuf::RepeatedPtrField<std::string>& labels);

// Whether `path` names a field of TicketSpec (as update masks do).
bool IsTicketField(std::string_view path);
// Whether the field decides when and by whom a ticket is claimed, and so is settled once the ticket
// is finished.
bool IsQueueField(std::string_view path);
// Sets one field of the ticket from the spec; one that is unset there is cleared or gets its
// default. All but `body`, which is a record of its own.
void SetTicketField(std::string_view path, const v1::TicketSpec& spec, v1::Ticket* ticket);
// Sets all of them, and what the ticket says of its body.
void SetTicketFields(const v1::TicketSpec& spec, v1::Ticket* ticket);

// How many tickets that are being made depend on one, by its id.
using GainedDependents = absl::flat_hash_map<std::string, int64_t>;

// Whether the state knows every ticket that the spec names, and those that it depends on have room
// for `number` (0: a new ticket) among what depends on them. `gained` counts the members of a batch
// and may be null. Errors: TICKET_NOT_FOUND, LIMIT_REACHED.
absl::Status RequireReferences(const Context& context, const v1::TicketSpec& spec,
                               int64_t number = 0, GainedDependents* gained = nullptr);

// Whether a finished ticket has room among the unfinished ones that depend on its dependencies.
// Errors: LIMIT_REACHED.
absl::Status RequireRoomForUnfinished(const Context& context, const v1::Ticket& ticket);

// Whether `count` more tickets have room. Errors: LIMIT_REACHED.
absl::Status RequireRoomForTickets(const Context& context, int count);

// The ticket `number` as the caller makes it from a spec, whose references are ids. The queue state
// is what its dependencies and the children in the draft say.
v1::Ticket MakeTicket(const Context& context, int64_t number, const v1::TicketSpec& spec);

// Sets what the ticket says of its body.
void SetBody(const std::string& text, v1::Ticket* ticket);
// Adds the ticket's body to the event that changes it, if there is one or was one. `before`: the
// ticket as it was; null: a new one.
void PutBody(Context& context, v1::Event& event, const std::string& ticket_id,
             const v1::Ticket* before, const std::string& text);

}  // namespace coordhub::core
