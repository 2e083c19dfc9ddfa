#include "hub/operations/backup_kind.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <future>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "coordhub/v1/hub_service.pb.h"
#include "hub/journal/file_system.h"
#include "hub/journal/manifest.h"

namespace coordhub::operations {
namespace {

std::string ParentOf(const std::string& directory) {
  return std::filesystem::path(directory).parent_path().string();
}

absl::Status NotNew(const std::string& directory, int error) {
  return base::MakeFieldError("directory",
                              absl::StrCat("must name a new directory: ", directory, ": ",
                                           std::generic_category().message(error)));
}

// Whether a directory can be made there. What changes meanwhile shows when it is.
absl::Status CheckNew(const std::string& directory) {
  struct stat there;
  if (lstat(directory.c_str(), &there) == 0) return NotNew(directory, EEXIST);
  if (errno != ENOENT) return NotNew(directory, errno);
  if (access(ParentOf(directory).c_str(), W_OK | X_OK) != 0) return NotNew(directory, errno);
  return absl::OkStatus();
}

// Gives what is whole its name. An empty directory that was made meanwhile is replaced, and nothing
// else is.
absl::Status Publish(const std::string& partial, const std::string& directory) {
  if (std::rename(partial.c_str(), directory.c_str()) != 0) return NotNew(directory, errno);
  return journal::SyncParent(directory);
}

// Trailing slashes name the same directory.
std::string DirectoryOf(const v1::Operation& operation) {
  std::string directory = operation.subject();
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  return directory;
}

std::string NoteOf(const journal::BackupInfo& info) {
  return absl::StrCat("up to revision ", info.revision, ", ", info.size_bytes, " bytes");
}

}  // namespace

std::string BackupKind::PartialDirectory(const v1::Operation& operation) const {
  const std::string& id = operation.operation_id();
  return absl::StrCat(ParentOf(DirectoryOf(operation)), "/.coordhub-backup-",
                      workspace_->identity().log_id, "-", id.empty() ? "unrecorded" : id);
}

absl::StatusOr<engine::Workspace::BackupResult> BackupKind::Fill(const std::string& partial,
                                                                 OperationContext& context) {
  using Result = absl::StatusOr<engine::Workspace::BackupResult>;
  // Shared: whoever answers may still be in it when we have the answer.
  const auto filled = std::make_shared<std::promise<Result>>();
  workspace_->Backup(
      partial,
      [&context](int percent) {
        context.Progress(percent, "copies the log");
        return !context.cancelled();
      },
      [filled](Result result) { filled->set_value(std::move(result)); });
  return filled->get_future().get();
}

absl::StatusOr<OperationResult> BackupKind::Run(OperationContext& context) {
  const std::string directory = DirectoryOf(context.operation());
  COORDHUB_RETURN_IF_ERROR(CheckNew(directory));
  const std::string partial = PartialDirectory(context.operation());
  absl::StatusOr<engine::Workspace::BackupResult> backup = Fill(partial, context);
  absl::Status status = backup.status();
  if (status.ok()) status = Publish(partial, directory);
  if (!status.ok()) {
    std::error_code ignored;  // what stays has another name than a backup
    std::filesystem::remove_all(partial, ignored);
    return status;
  }
  auto answer = std::make_shared<v1::BackupWorkspaceResponse>();
  answer->set_revision(backup->info.revision);
  answer->set_size_bytes(backup->info.size_bytes);
  answer->set_digest(backup->digest);
  answer->set_operation_id(context.operation().operation_id());
  return OperationResult{.note = NoteOf(backup->info), .answer = std::move(answer)};
}

Recovery BackupKind::Recover(OperationContext& context) {
  const std::string partial = PartialDirectory(context.operation());
  std::error_code error;
  const bool removed = std::filesystem::remove_all(partial, error) > 0;
  if (error) {
    return {.state = v1::Operation::STATE_RUNNING,
            .note = "",
            .error = absl::StrCat("cannot remove ", partial, ": ", error.message())};
  }
  if (!removed) {
    // It may have got its name just before the end.
    const auto manifest = journal::CheckManifest(DirectoryOf(context.operation()));
    if (manifest.ok() && manifest->log_id == workspace_->identity().log_id &&
        manifest->revision >= context.operation().create_revision()) {
      journal::BackupInfo info;
      info.revision = manifest->revision;
      for (const auto& file : manifest->files) info.size_bytes += file.size_bytes;
      return {.state = v1::Operation::STATE_DONE, .note = NoteOf(info), .error = ""};
    }
  }
  return {.state = v1::Operation::STATE_FAILED,
          .note = "",
          .error = removed ? "the hub ended while it was under way; what there was of it is removed"
                           : "the hub ended, or the log was copied, while it was under way"};
}

}  // namespace coordhub::operations
