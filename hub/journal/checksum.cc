#include "hub/journal/checksum.h"

#include <algorithm>
#include <cstring>

namespace coordhub::journal {
namespace {

void PutBigEndian(uint64_t value, uint8_t* to) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<uint8_t>(value >> (56 - 8 * i));
}

}  // namespace

std::optional<Checksum> ChecksumFrom(std::string_view bytes) {
  Checksum checksum;
  if (bytes.size() != checksum.size()) return std::nullopt;
  std::memcpy(checksum.data(), bytes.data(), checksum.size());
  return checksum;
}

Checksum ChainHasher::Next(const ChainLink& link) {
  std::array<uint8_t, 40> head;
  std::copy(link.previous.begin(), link.previous.end(), head.begin());
  PutBigEndian(static_cast<uint64_t>(link.revision), head.data() + 8);
  PutBigEndian(static_cast<uint64_t>(link.commit_revision), head.data() + 16);
  PutBigEndian(link.event_bytes.size(), head.data() + 24);
  PutBigEndian(link.private_bytes.size(), head.data() + 32);
  hasher_.Update({reinterpret_cast<const char*>(head.data()), head.size()});
  hasher_.Update(link.event_bytes);
  if (!link.private_bytes.empty()) hasher_.Update(link.private_bytes);
  return Shorten(hasher_.Finish());
}

Checksum StoreChecksum(const StoreContent& content) {
  std::array<uint8_t, 32> head;
  PutBigEndian(static_cast<uint64_t>(content.revision), head.data());
  PutBigEndian(static_cast<uint64_t>(content.space), head.data() + 8);
  PutBigEndian(content.key.size(), head.data() + 16);
  PutBigEndian(content.value.size(), head.data() + 24);
  base::Sha256Hasher hasher;
  hasher.Update({reinterpret_cast<const char*>(head.data()), head.size()});
  hasher.Update(content.key);
  hasher.Update(content.value);
  return Shorten(hasher.Finish());
}

Checksum Shorten(const base::Sha256Digest& digest) {
  Checksum checksum;
  std::copy_n(digest.begin(), checksum.size(), checksum.begin());
  return checksum;
}

void AppendBigEndian(uint64_t value, std::string* bytes) {
  uint8_t encoded[8];
  PutBigEndian(value, encoded);
  bytes->append(reinterpret_cast<const char*>(encoded), sizeof(encoded));
}

}  // namespace coordhub::journal
