#include "hub/journal/migration.h"

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/journal/sqlite_journal.h"

namespace coordhub::journal {
namespace {

// Format 1 had commits that were pinned, and no store.
std::string FromFormat1() {
  return absl::StrCat("DROP TABLE pinned;", kAddStoreComplete, kStoreSchema);
}

// Up to format 2 texts stood in events and snapshots: the store is complete once they are in it.
absl::Status ToThisFormat(Database* database, int64_t from, const Meta& meta) {
  const std::string steps = from == 1 ? FromFormat1() : std::string();
  COORDHUB_RETURN_IF_ERROR(
      database->Execute(absl::StrCat(steps, "PRAGMA user_version=", kFormatVersion).c_str()));
  return WriteMeta(database, meta);
}

}  // namespace

absl::Status Migrate(Database* database, const std::string& version, Meta* meta) {
  if (meta->format == kFormatVersion) return absl::OkStatus();
  Meta migrated = *meta;
  migrated.written_by = version;
  migrated.format = kFormatVersion;
  migrated.store_complete = false;
  COORDHUB_RETURN_IF_ERROR(database->Execute("BEGIN IMMEDIATE"));
  absl::Status status = ToThisFormat(database, meta->format, migrated);
  if (status.ok()) status = database->Execute("COMMIT");
  if (!status.ok()) {
    if (database->in_transaction()) database->Execute("ROLLBACK").IgnoreError();
    return status;
  }
  *meta = migrated;
  return absl::OkStatus();
}

}  // namespace coordhub::journal
