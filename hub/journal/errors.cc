#include "hub/journal/errors.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/string_view.h"
#include "hub/journal/sqlite_journal.h"

namespace coordhub::journal {

absl::Status Damaged(const std::string& file, std::string_view what) {
  return base::MakeError(base::pb::ERROR_REASON_JOURNAL_DAMAGED,
                         absl::StrCat("the journal is damaged: ", file, ": ", base::ToAbsl(what)),
                         {{"file", file}});
}

absl::Status DamagedAt(const std::string& file, int64_t revision, std::string_view what) {
  return base::MakeError(base::pb::ERROR_REASON_JOURNAL_DAMAGED,
                         absl::StrCat("the journal is damaged: ", file, ", revision ", revision,
                                      ": ", base::ToAbsl(what)),
                         {{"file", file}, {"revision", absl::StrCat(revision)}});
}

absl::Status DamagedRow(const std::string& file, int64_t revision, Space space,
                        std::string_view key, std::string_view what) {
  const std::string name =
      absl::StrCat("row ", absl::BytesToHexString(base::ToAbsl(key)), " of space ",
                   static_cast<int>(space), " of the store: ", base::ToAbsl(what));
  return revision > 0 ? DamagedAt(file, revision, name) : Damaged(file, name);
}

absl::Status TooNew(const std::string& file, int64_t format, const std::string& written_by) {
  return base::MakeError(
      base::pb::ERROR_REASON_JOURNAL_TOO_NEW,
      absl::StrCat(file, " has format ", format, " of coordhub ", written_by,
                   "; this build reads up to format ", kFormatVersion),
      {{"file", file}, {"format", absl::StrCat(format)}, {"written_by", written_by}});
}

absl::Status Compacted(int64_t compact_revision, int64_t head_revision) {
  return base::MakeError(
      base::pb::ERROR_REASON_REVISION_COMPACTED,
      absl::StrCat("events up to revision ", compact_revision, " were compacted away"),
      {{"compact_revision", absl::StrCat(compact_revision)},
       {"head_revision", absl::StrCat(head_revision)}});
}

absl::Status Refused(const std::string& file) {
  return base::MakeError(base::pb::ERROR_REASON_IO_FAILED,
                         absl::StrCat(file, " failed earlier; only a restart can use it again"),
                         {{"operation", "journal"}, {"path", file}});
}

absl::Status Fenced(const std::string& path, std::string_view why) {
  return base::MakeError(
      base::pb::ERROR_REASON_STATE_DIR_LOST,
      absl::StrCat(path, " ", base::ToAbsl(why), "; this hub must not write any more"),
      {{"path", path}});
}

absl::Status Unusable(const std::string& path, std::string_view why) {
  return base::MakeError(base::pb::ERROR_REASON_STATE_DIR_UNUSABLE,
                         absl::StrCat(path, " ", base::ToAbsl(why)), {{"path", path}});
}

bool IsDiskFull(const absl::Status& status) {
  return base::ReasonOf(status) == base::pb::ERROR_REASON_DISK_FULL;
}

}  // namespace coordhub::journal
