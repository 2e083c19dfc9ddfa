// Randomness, and the one place that may ask for it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"

namespace coordhub::base {

// Where unique ids, jitter and secrets come from. Injected at the composition root; all methods
// are thread-safe.
class IdSource {
 public:
  virtual ~IdSource() = default;

  // 64 random bits.
  virtual uint64_t NextRandom() = 0;

  // 128 random bits as 32 lowercase hexadecimal digits.
  std::string NewUid() { return NewHex(2); }

  // 256 random bits as 64 lowercase hexadecimal digits: a key or a token's secret part.
  std::string NewSecret() { return NewHex(4); }

 private:
  std::string NewHex(size_t words);
};

// The kernel's generator. Fit for secrets.
class SystemIdSource final : public IdSource {
 public:
  uint64_t NextRandom() override;
};

// The same sequence for the same seed, on every machine; no word repeats within 2^64 calls, so ids
// of one source are unique. Never for secrets outside tests.
class SequenceIdSource final : public IdSource {
 public:
  explicit SequenceIdSource(uint64_t seed) : state_(seed) {}
  uint64_t NextRandom() override;

 private:
  Mutex mu_;
  uint64_t state_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::base
