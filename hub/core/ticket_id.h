#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coordhub::core {

// "T-17" -> 17; 0 when malformed (not "T-" + 1 to 18 digits without a leading zero).
int64_t TicketNumber(std::string_view ticket_id);
std::string TicketId(int64_t number);

}  // namespace coordhub::core
