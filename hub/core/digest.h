// The digest of a workspace's records, by work that is not urgent.

#pragma once

#include <functional>
#include <string>

#include "hub/core/records.h"

namespace coordhub::core {

// As Digest(view); `rest` is called every kRecordsAtOnce records, some tenths of a millisecond, to
// let others have the processor. Null: nobody is waited for.
std::string Digest(const View& view, const std::function<void()>& rest);

inline constexpr int kRecordsAtOnce = 128;

// Begins the digest that a snapshot's header keeps: another one whenever the same records come to
// another digest, so that what an older build wrote is not taken for damage.
inline constexpr char kDigestScheme[] = "2:";

}  // namespace coordhub::core
