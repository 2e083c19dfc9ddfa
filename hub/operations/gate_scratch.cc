#include "hub/operations/gate_scratch.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/git/scratch_worktree.h"
#include "hub/operations/process_tree.h"

namespace coordhub::operations {
namespace {

namespace fs = std::filesystem;

std::string OperationOf(const std::string& id) { return id.substr(0, id.find('.')); }

std::string LogsDir(const std::string& scratch_dir) { return scratch_dir + "/logs"; }
std::string TemporaryDirs(const std::string& scratch_dir) { return scratch_dir + "/tmp"; }

}  // namespace

std::string GateScratchDir(const std::string& state_dir) { return state_dir + "/gates"; }

std::string GateTreesDir(const std::string& scratch_dir) { return scratch_dir + "/trees"; }

std::string GateTree(const std::string& scratch_dir, const std::string& id) {
  return absl::StrCat(GateTreesDir(scratch_dir), "/", id);
}

std::string GateTemporaryDir(const std::string& scratch_dir, const std::string& id) {
  return absl::StrCat(TemporaryDirs(scratch_dir), "/", id);
}

std::string GateLogPath(const std::string& scratch_dir, const std::string& id) {
  return absl::StrCat(LogsDir(scratch_dir), "/", OperationOf(id));
}

std::string GateMark(const std::string& scratch_dir, const std::string& id) {
  return "COORDHUB_GATE_TREE=" + GateTree(scratch_dir, id);
}

absl::Status PrepareGateScratch(const std::string& scratch_dir) {
  for (const std::string& directory :
       {scratch_dir, GateTreesDir(scratch_dir), TemporaryDirs(scratch_dir), LogsDir(scratch_dir)}) {
    COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(directory));
  }
  return absl::OkStatus();
}

absl::Status RemoveGateLeftovers(const std::string& common_dir, const std::string& scratch_dir,
                                 const std::string& operation_id) {
  absl::Status status;
  for (const std::string& tree : git::ListScratchWorktrees(common_dir, GateTreesDir(scratch_dir))) {
    const std::string id = fs::path(tree).filename().string();
    if (OperationOf(id) != operation_id) continue;
    if (!EndMarked(GateMark(scratch_dir, id))) {
      status.Update(base::MakeError(v1::ERROR_REASON_IO_FAILED,
                                    absl::StrCat("processes of gate run ", id, " cannot be ended"),
                                    {{"operation", "end"}, {"path", tree}}));
    }
    status.Update(git::RemoveScratchWorktree(common_dir, tree));
    std::error_code ignored;  // it is nobody's any more, and small
    fs::remove_all(GateTemporaryDir(scratch_dir, id), ignored);
  }
  return status;
}

void PruneGateLogs(const std::string& scratch_dir, const std::set<std::string>& operation_ids) {
  std::error_code error;
  for (fs::directory_iterator it(LogsDir(scratch_dir), error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    // With a dot it is one that is being written.
    if (name.front() == '.' || operation_ids.contains(name)) continue;
    std::error_code ignored;
    fs::remove(it->path(), ignored);
  }
}

}  // namespace coordhub::operations
