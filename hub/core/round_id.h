#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coordhub::core {

// "C-17" -> 17; 0 when malformed (not "C-" + 1 to 18 digits without a leading zero).
int64_t RoundNumber(std::string_view round_id);
std::string RoundId(int64_t number);

}  // namespace coordhub::core
