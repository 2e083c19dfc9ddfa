#include "agent/base/ids.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace coordhub::base {

std::string IdSource::NewHex(size_t words) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(16 * words);
  for (size_t i = 0; i < words; ++i) {
    const uint64_t word = NextRandom();
    for (int shift = 60; shift >= 0; shift -= 4) hex += kDigits[(word >> shift) & 0xf];
  }
  return hex;
}

uint64_t SystemIdSource::NextRandom() {
  uint64_t word = 0;
  ssize_t got = 0;
  do {
    got = getrandom(&word, sizeof(word), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof(word))) {
    // Without randomness there are no secrets and no unique ids; nothing sensible can go on.
    std::perror("coordhub: getrandom");
    std::abort();
  }
  return word;
}

// A Weyl sequence through a bijective mixer (Steele, Lea, Flood: "Fast splittable pseudorandom
// number generators", 2014), hence full period without a repeat.
uint64_t SequenceIdSource::NextRandom() {
  uint64_t z = 0;
  {
    MutexLock lock(&mu_);
    z = state_ += 0x9e3779b97f4a7c15;
  }
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace coordhub::base
