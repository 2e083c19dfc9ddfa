// What a line that someone else wrote says.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "coordhub/v1/ticket.pb.h"

namespace coordhub::mirror {

enum class LineForm {
  // Lines of the mirror, as people and scripts imitate them; list items; plain text.
  kText,
  // One JSON object a line: the fields of v1.TicketSpec in protobuf's JSON.
  kJson,
};

struct ForeignLine {
  enum class Kind {
    // Nothing but space.
    kBlank,
    // The hub's own line of a ticket that it knows, perhaps edited: the next write restores it.
    kOwn,
    kTicket,
    // No ticket: `why` says so to people.
    kUnreadable,
  };
  Kind kind = Kind::kBlank;
  // Valid for creation; a title that is too long goes on in the body.
  v1::TicketSpec spec;
  std::string why;
  // The text does not fit into title and body: they hold its beginning.
  bool cut = false;
};

// Reads one line, without its newline. Tickets up to `last_ticket_number` are known. All of these
// are the ticket "Mend the fence":
//
//   Mend the fence
//   * Mend the fence                  also - + 1. 1) and "- [ ]"
//   - [2025-07-29 12:00:00] ticket: Mend the fence
//   - [2025-07-29 12:00:00] ticket: OPEN p1 Mend the fence
//
// A heading, a rule, a comment, a ticked box, "DONE p1 …" and bytes that are no text are no
// tickets. Pure; any thread.
ForeignLine ReadForeignLine(std::string_view line, LineForm form, int64_t last_ticket_number);

}  // namespace coordhub::mirror
