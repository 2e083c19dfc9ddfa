#include "hub/core/operation_id.h"

#include "absl/strings/str_cat.h"
#include "hub/core/ticket_id.h"

namespace coordhub::core {

int64_t OperationNumber(std::string_view operation_id) {
  if (operation_id.substr(0, 2) != "O-") return 0;
  // Past the prefix, both ids are written alike.
  std::string as_ticket(operation_id);
  as_ticket.front() = 'T';
  return TicketNumber(as_ticket);
}

std::string OperationId(int64_t number) { return absl::StrCat("O-", number); }

}  // namespace coordhub::core
