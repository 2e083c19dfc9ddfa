#include "hub/journal/store_key.h"

#include "hub/journal/checksum.h"

namespace coordhub::journal {

void AppendKeyNumber(int64_t number, std::string* key) {
  AppendBigEndian(static_cast<uint64_t>(number), key);
}

std::string KeyOf(int64_t number) {
  std::string key;
  AppendKeyNumber(number, &key);
  return key;
}

std::string KeyOf(int64_t first, int64_t second) {
  std::string key = KeyOf(first);
  AppendKeyNumber(second, &key);
  return key;
}

std::optional<int64_t> KeyNumberAt(std::string_view key, size_t offset) {
  constexpr size_t kBytes = 8;
  if (offset > key.size() || key.size() - offset < kBytes) return std::nullopt;
  uint64_t number = 0;
  for (const char byte : key.substr(offset, kBytes)) {
    number = number << 8 | static_cast<uint8_t>(byte);
  }
  return static_cast<int64_t>(number);
}

}  // namespace coordhub::journal
