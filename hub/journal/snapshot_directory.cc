#include "hub/journal/snapshot_directory.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/journal/errors.h"
#include "hub/journal/file_system.h"

namespace coordhub::journal {
namespace {

constexpr size_t kNewestKept = 2;
constexpr char kSuffix[] = ".snapshot";

std::string NameOf(int64_t revision) { return absl::StrFormat("%020d%s", revision, kSuffix); }

// The revision of a snapshot's file name; 0 for other names.
int64_t RevisionOf(const std::string& name) {
  int64_t revision = 0;
  const absl::string_view digits = absl::StripSuffix(name, kSuffix);
  if (!absl::SimpleAtoi(digits, &revision) || revision <= 0) return 0;
  return name == NameOf(revision) ? revision : 0;
}

bool IsTemporary(const std::string& name) {
  return name.size() > 5 && name.front() == '.' && absl::EndsWith(name, ".tmp");
}

}  // namespace

std::vector<int64_t> SnapshotsToKeep(const std::vector<int64_t>& revisions,
                                     int64_t compact_revision) {
  std::vector<int64_t> kept;
  const size_t newest_from = revisions.size() - std::min(revisions.size(), kNewestKept);
  bool continued = compact_revision == 0;
  for (size_t i = 0; i < revisions.size(); ++i) {
    if (revisions[i] < compact_revision) continue;
    if (i >= newest_from || !continued) kept.push_back(revisions[i]);
    continued = true;
  }
  return kept;
}

absl::Status SnapshotDirectory::Open() {
  COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(directory_));
  std::vector<int64_t> found;
  std::error_code error;
  std::filesystem::directory_iterator it(directory_, error);
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (IsTemporary(name)) {
      COORDHUB_RETURN_IF_ERROR(RemoveFile(it->path().string()));
    } else if (const int64_t revision = RevisionOf(name); revision > 0) {
      found.push_back(revision);
    }
  }
  if (error) return base::MakeIoError("list", directory_, error.value());
  std::sort(found.begin(), found.end());
  base::MutexLock lock(&mu_);
  revisions_ = std::move(found);
  return absl::OkStatus();
}

std::string SnapshotDirectory::PathOf(int64_t revision) const {
  return absl::StrCat(directory_, "/", NameOf(revision));
}

absl::Status SnapshotDirectory::Save(const v1::SnapshotHeader& header, const Checksum& checksum,
                                     const SnapshotSource& source) {
  const std::string temporary = absl::StrCat(directory_, "/.", NameOf(header.revision()), ".tmp");
  absl::Status status = WriteSnapshotFile(temporary, header, checksum, source);
  if (status.ok()) status = RenameFile(temporary, PathOf(header.revision()));
  if (!status.ok()) {
    RemoveFile(temporary).IgnoreError();  // the next start does it otherwise
    return status;
  }
  COORDHUB_RETURN_IF_ERROR(SyncDirectory(directory_));
  base::MutexLock lock(&mu_);
  const auto at = std::lower_bound(revisions_.begin(), revisions_.end(), header.revision());
  if (at == revisions_.end() || *at != header.revision()) revisions_.insert(at, header.revision());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SnapshotFile>> SnapshotDirectory::Load(
    int64_t revision, const Checksum& checksum) const {
  const std::string path = PathOf(revision);
  COORDHUB_ASSIGN_OR_RETURN(std::unique_ptr<SnapshotFile> file, SnapshotFile::Open(path));
  if (file->header().revision() != revision || file->checksum() != checksum) {
    return Damaged(path, "is a snapshot of another log");
  }
  return file;
}

void SnapshotDirectory::Prune(int64_t compact_revision) {
  std::vector<int64_t> dropped;
  {
    base::MutexLock lock(&mu_);
    if (holds_ > 0) return;
    std::vector<int64_t> kept = SnapshotsToKeep(revisions_, compact_revision);
    std::set_difference(revisions_.begin(), revisions_.end(), kept.begin(), kept.end(),
                        std::back_inserter(dropped));
    revisions_ = std::move(kept);
  }
  // What cannot be removed now is found and removed after the next start.
  for (const int64_t revision : dropped) RemoveFile(PathOf(revision)).IgnoreError();
}

void SnapshotDirectory::Hold() {
  base::MutexLock lock(&mu_);
  ++holds_;
}

void SnapshotDirectory::Release() {
  base::MutexLock lock(&mu_);
  --holds_;
}

std::vector<int64_t> SnapshotDirectory::revisions() const {
  base::MutexLock lock(&mu_);
  return revisions_;
}

int64_t SnapshotDirectory::newest() const {
  base::MutexLock lock(&mu_);
  return revisions_.empty() ? 0 : revisions_.back();
}

int64_t SnapshotDirectory::size_bytes() const {
  int64_t size = 0;
  for (const int64_t revision : revisions()) size += FileSize(PathOf(revision));
  return size;
}

}  // namespace coordhub::journal
