// SHA-256, HMAC-SHA-256, hexadecimal, and a comparison that does not tell by its time.
//
// OpenSSL's, and nobody else includes OpenSSL. Free functions are thread-safe. Out of memory
// aborts.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace coordhub::base {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest Sha256(std::string_view bytes);
Sha256Digest HmacSha256(std::string_view key, std::string_view bytes);

// Lowercase.
std::string HexEncode(std::string_view bytes);
std::string HexEncode(const Sha256Digest& digest);

// The bytes that `hex` stands for; digits of both cases; nullopt for anything else, odd lengths
// included.
std::optional<std::string> HexDecode(std::string_view hex);

// Whether `a` and `b` are equal, in a time that depends on their lengths alone. For secrets.
bool ConstantTimeEqual(std::string_view a, std::string_view b);

// Hashes a sequence of pieces as if they were one string. Not thread-safe.
class Sha256Hasher {
 public:
  Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) = default;
  Sha256Hasher& operator=(Sha256Hasher&&) = default;
  ~Sha256Hasher() = default;

  void Update(std::string_view bytes);

  // The digest of all that was given since construction or the last Finish; begins anew.
  Sha256Digest Finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace coordhub::base
