#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coordhub::core {

// "O-17" -> 17; 0 when malformed (not "O-" + 1 to 18 digits without a leading zero).
int64_t OperationNumber(std::string_view operation_id);
std::string OperationId(int64_t number);

}  // namespace coordhub::core
