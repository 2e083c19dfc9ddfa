// Deliberate defects, to prove that a test catches them.
//
// A build with COORDHUB_MUTANTS defined contains them all and the environment variable
// COORDHUB_MUTANT picks the one that is active. In every other build `MutantActive` is a constant
// false, and the compiler removes the defect:
//
//   if (!base::MutantActive("fence_not_checked") && fence != claim.fence()) return Superseded();

#pragma once

#include <string_view>

#ifdef COORDHUB_MUTANTS
#include <cstdlib>
#include <string>
#endif

namespace coordhub::base {

#ifdef COORDHUB_MUTANTS

// True if the mutant `name` was picked. The environment is read once. Thread-safe.
inline bool MutantActive(std::string_view name) {
  static const std::string picked = [] {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment.
    const char* value = std::getenv("COORDHUB_MUTANT");
    return std::string(value == nullptr ? "" : value);
  }();
  return !name.empty() && picked == name;
}

#else

constexpr bool MutantActive(std::string_view) { return false; }

#endif

}  // namespace coordhub::base
