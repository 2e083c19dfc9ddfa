// Bridges between std::string_view, which our interfaces take, and absl::string_view, which is a
// type of its own in the packaged Abseil: its StrCat and friends do not take the former.

#pragma once

#include <string_view>

#include "absl/strings/string_view.h"

namespace coordhub::base {

inline absl::string_view ToAbsl(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view ToStd(absl::string_view s) { return {s.data(), s.size()}; }

}  // namespace coordhub::base
