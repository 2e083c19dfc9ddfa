#pragma once

#include <string>

#include "absl/status/status.h"
#include "hub/journal/database.h"
#include "hub/journal/journal_file.h"

namespace coordhub::journal {

// Brings the database of an older format to this build's, in one transaction, and `meta` with it;
// does nothing to one of this format. `version`: becomes its writer. FORMAT.md says what changes.
// Errors: those of Database::ErrorOf; nothing was changed then.
absl::Status Migrate(Database* database, const std::string& version, Meta* meta);

}  // namespace coordhub::journal
