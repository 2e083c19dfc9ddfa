#include "agent/base/sha256.h"

// The digest's own functions, beside which OpenSSL 3 would rather see EVP's: see Sha256.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <cstdio>
#include <cstdlib>
#include <limits>

namespace coordhub::base {
namespace {

// OpenSSL's digests fail only when memory or the library itself is broken.
void Require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "coordhub: OpenSSL failed: %s\n", what);
  std::abort();
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Looked up once: what EVP_sha256() names is otherwise searched for at each use.
const EVP_MD* Sha256Method() {
  static const EVP_MD* const method = [] {
    EVP_MD* fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    Require(fetched != nullptr, "EVP_MD_fetch");
    return fetched;
  }();
  return method;
}

}  // namespace

// Without EVP, whose first use reads OpenSSL's configuration and sets up its providers: that takes
// a millisecond, for which a command line that hashes one path does not want to wait.
Sha256Digest Sha256(std::string_view bytes) {
  Sha256Digest digest;
  SHA256_CTX context;
  Require(SHA256_Init(&context) == 1 && SHA256_Update(&context, bytes.data(), bytes.size()) == 1 &&
              SHA256_Final(digest.data(), &context) == 1,
          "SHA256");
  return digest;
}

Sha256Digest HmacSha256(std::string_view key, std::string_view bytes) {
  Require(key.size() <= std::numeric_limits<int>::max(), "HMAC key size");
  Sha256Digest digest;
  unsigned int size = 0;
  // An empty view may have a null pointer, which HMAC() reads as "the previous key".
  const void* key_data = key.empty() ? "" : key.data();
  Require(HMAC(Sha256Method(), key_data, static_cast<int>(key.size()),
               reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(),
               &size) != nullptr,
          "HMAC");
  return digest;
}

std::string HexEncode(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 0xf];
  }
  return hex;
}

std::string HexEncode(const Sha256Digest& digest) {
  return HexEncode(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::optional<std::string> HexDecode(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = HexValue(hex[i]);
    const int low = HexValue(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

bool ConstantTimeEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void Sha256Hasher::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256Hasher::Sha256Hasher() : context_(EVP_MD_CTX_new()) {
  Require(context_ != nullptr, "EVP_MD_CTX_new");
  Require(EVP_DigestInit_ex(context_.get(), Sha256Method(), nullptr) == 1, "EVP_DigestInit_ex");
}

void Sha256Hasher::Update(std::string_view bytes) {
  Require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "EVP_DigestUpdate");
}

Sha256Digest Sha256Hasher::Finish() {
  Sha256Digest digest;
  unsigned int size = 0;
  Require(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1, "EVP_DigestFinal_ex");
  Require(EVP_DigestInit_ex(context_.get(), Sha256Method(), nullptr) == 1, "EVP_DigestInit_ex");
  return digest;
}

}  // namespace coordhub::base
