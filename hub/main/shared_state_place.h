// Where the mirror lies, as git names it.

#pragma once

#include <string>
#include <string_view>

namespace coordhub::hub {

// `directory` as seen from `top`; empty: it lies elsewhere.
std::string RelativeTo(const std::string& top, const std::string& directory);

// The line of info/exclude for just this path. Without a trailing slash: in linked worktrees it is
// a symbolic link.
std::string ExcludePattern(std::string_view path);

}  // namespace coordhub::hub
