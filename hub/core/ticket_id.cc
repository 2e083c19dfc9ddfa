#include "hub/core/ticket_id.h"

#include "absl/strings/str_cat.h"

namespace coordhub::core {
namespace {

constexpr std::string_view kTicketPrefix = "T-";
// What fits into an int64_t whatever the digits.
constexpr size_t kTicketDigitsMax = 18;

}  // namespace

int64_t TicketNumber(std::string_view ticket_id) {
  if (ticket_id.substr(0, kTicketPrefix.size()) != kTicketPrefix) return 0;
  const std::string_view digits = ticket_id.substr(kTicketPrefix.size());
  if (digits.empty() || digits.size() > kTicketDigitsMax || digits.front() == '0') return 0;
  int64_t number = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return 0;
    number = number * 10 + (digit - '0');
  }
  return number;
}

std::string TicketId(int64_t number) { return absl::StrCat("T-", number); }

}  // namespace coordhub::core
