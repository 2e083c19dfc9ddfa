// coordhub restore: a journal out of a backup.

#include <cstdio>
#include <memory>

#include "agent/base/error.h"
#include "agent/base/ids.h"
#include "agent/base/status_macros.h"
#include "hub/journal/sqlite_journal.h"
#include "hub/main/commands.h"
#include "hub/main/exit_code.h"
#include "hub/main/given_up_log.h"
#include "hub/main/options.h"
#include "hub/main/repository_lock.h"
#include "hub/main/state_origin.h"
#include "hub/main/state_pointer.h"

namespace coordhub::hub {
namespace {

struct RestoreFlags {
  HubOptions hub;
  std::string backup;
};

absl::StatusOr<std::string> Restore(const RestoreFlags& flags) {
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<WorkspacePlan> plans, PlanWorkspaces(flags.hub));
  // Until the end of this function. A file system that cannot lock a directory is no hindrance: the
  // state directory has a lock, too.
  const auto lock = RepositoryLock::Acquire(plans.front().common_dir);
  if (base::ReasonOf(lock.status()) == v1::ERROR_REASON_WORKSPACE_LOCKED) return lock.status();
  base::SystemIdSource ids;
  std::string state_dir = plans.front().state.dir();
  COORDHUB_RETURN_IF_ERROR(journal::RestoreBackup(
      flags.backup, {.state_dir = state_dir, .version = COORDHUB_VERSION, .ids = &ids}));
  // The next start goes on with it, wherever it is.
  COORDHUB_RETURN_IF_ERROR(PointToState(plans.front().common_dir, plans.front().state));
  COORDHUB_RETURN_IF_ERROR(ForgetOwnLines(plans.front()));
  COORDHUB_RETURN_IF_ERROR(RememberOrigin(plans.front().state, plans.front().common_dir));
  return state_dir;
}

int RunRestore(const RestoreFlags& flags) {
  const absl::StatusOr<std::string> state_dir = Restore(flags);
  if (!state_dir.ok()) {
    std::fprintf(stderr, "coordhub: %s\n", std::string(state_dir.status().message()).c_str());
    return ExitCodeOf(state_dir.status());
  }
  std::printf(
      "restored %s into %s under a new log id; agents will have to register anew\n"
      "next: coordhub start\n",
      flags.backup.c_str(), state_dir->c_str());
  return kOk;
}

}  // namespace

void AddRestoreCommand(CLI::App* app, int* exit_code) {
  CLI::App* const command = app->add_subcommand(
      "restore", "Make a repository's journal out of a backup (coordctl hub backup)");
  const auto flags = std::make_shared<RestoreFlags>();
  command->add_option("backup", flags->backup, "The backup's directory")->required();
  AddRepositoryOptions(command, &flags->hub);
  AddMirrorOptions(command, &flags->hub);
  command->get_option("--mirror-dir")
      ->description(
          "Where the old hub wrote tickets.md: its lines of the log that is given up are taken out "
          "(default: shared_state/ in the main worktree)");
  command->get_option("--no-mirror")->description("Leave tickets.md as it is");
  command->footer(
      "The repository must have no journal: move an old state directory away first, nothing is "
      "overwritten.\nA hub that was started with --mirror-dir is restored with the same.");
  command->callback([flags, exit_code] { *exit_code = RunRestore(*flags); });
}

}  // namespace coordhub::hub
