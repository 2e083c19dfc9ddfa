#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/sha256.h"
#include "hub/journal/entry.h"

namespace coordhub::journal {

// The first bytes of a SHA-256. FORMAT.md says over what.
using Checksum = std::array<uint8_t, 8>;

// What stands before the first event.
inline constexpr Checksum kGenesis{};

inline std::string_view BytesOf(const Checksum& checksum) {
  return {reinterpret_cast<const char*>(checksum.data()), checksum.size()};
}

// Nullopt when `bytes` has another size.
std::optional<Checksum> ChecksumFrom(std::string_view bytes);

// The checksum of an event that follows one with the checksum `previous`.
struct ChainLink {
  const Checksum& previous;
  int64_t revision;
  int64_t commit_revision;
  std::string_view event_bytes;
  std::string_view private_bytes;
};

// Computes checksums of events; allocates nothing once made. Not thread-safe.
class ChainHasher {
 public:
  Checksum Next(const ChainLink& link);

 private:
  base::Sha256Hasher hasher_;
};

// A row of the store, with the revision of the event that put it there.
struct StoreContent {
  int64_t revision;
  Space space;
  std::string_view key;
  std::string_view value;
};

// The checksum of a row of the store.
Checksum StoreChecksum(const StoreContent& content);

// `digest`, shortened.
Checksum Shorten(const base::Sha256Digest& digest);

// Appends `value` to `bytes`, 8 bytes, big endian.
void AppendBigEndian(uint64_t value, std::string* bytes);

}  // namespace coordhub::journal
