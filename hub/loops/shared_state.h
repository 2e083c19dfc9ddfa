// What the loops say of shared_state/ and of what it shows. Private to this folder.

#pragma once

#include <cstdint>
#include <string>

#include "hub/core/records.h"

namespace coordhub::loops {

// Both follow links, as `[[ -d … ]]` and `[[ -f … ]]` do, and block on the file system.
bool IsDirectory(const std::string& path);
bool IsRegularFile(const std::string& path);

// As many as tickets.md has lines.
int64_t UnfinishedTickets(const core::View& view);

}  // namespace coordhub::loops
