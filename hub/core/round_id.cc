#include "hub/core/round_id.h"

#include "absl/strings/str_cat.h"
#include "hub/core/ticket_id.h"

namespace coordhub::core {

int64_t RoundNumber(std::string_view round_id) {
  if (round_id.substr(0, 2) != "C-") return 0;
  // Past the prefix, all ids are written alike.
  std::string as_ticket(round_id);
  as_ticket.front() = 'T';
  return TicketNumber(as_ticket);
}

std::string RoundId(int64_t number) { return absl::StrCat("C-", number); }

}  // namespace coordhub::core
