#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Keys of the store sort bytewise. These make them sort by number. Pure, thread-safe.
namespace coordhub::journal {

// Appends `number` (not negative) to `key`: 8 bytes, big endian.
void AppendKeyNumber(int64_t number, std::string* key);

// A key of one number, or of two: `KeyOf(ticket)` is a prefix of `KeyOf(ticket, comment)`.
std::string KeyOf(int64_t number);
std::string KeyOf(int64_t first, int64_t second);

// The number at `offset` of a key; nullopt: there are not 8 bytes.
std::optional<int64_t> KeyNumberAt(std::string_view key, size_t offset = 0);

}  // namespace coordhub::journal
