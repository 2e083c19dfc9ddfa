// What the command line says, and what it means for each repository.

#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/endpoint.h"
#include "agent/base/log.h"

namespace coordhub::hub {

// Times between steps.
struct LoopIntervals {
  static constexpr absl::Duration kMin = absl::Milliseconds(100);
  static constexpr absl::Duration kMax = absl::Hours(24);

  absl::Duration monitor = absl::Seconds(60);
  absl::Duration coordinator = absl::Seconds(30);
  absl::Duration comms = absl::Seconds(15);
};

// As given.
struct HubOptions {
  // Any path inside each repository. Empty: the current directory.
  std::vector<std::string> repos;
  // One for each repository, or none.
  std::vector<std::string> state_dirs;
  std::vector<std::string> mirror_dirs;
  bool no_mirror = false;
  std::string tcp_address;
  // Where background_monitor.pid and its like are written as well; empty: nowhere.
  std::string pid_dir;
  LoopIntervals intervals;
  // Of claims that state none; zero: none.
  absl::Duration claim_timeout = absl::ZeroDuration();
  // Bytes of text that a workspace may have; 0: as many as it likes.
  int64_t text_quota = int64_t{4} << 30;
  // When finished tickets leave the state.
  absl::Duration archive_after = absl::Hours(24 * 30);
  int64_t archive_beyond = 50'000;
  // Globs over names of branches; empty: the hub's defaults.
  std::vector<std::string> branch_patterns;
  // The branch that others are measured against; empty: found out.
  std::string target_branch;
  // How branches of worktrees are named; before the hub's own patterns.
  std::vector<std::string> worktree_branches;
  std::string log_level = "info";
  // Of hub.log and the loops' logs. Empty: <state directory>/logs.
  std::string log_dir;
  // Where the hub's own log is, if not there.
  std::string log_file;
};

// Adds the options that choose repositories: --repo, --state-dir.
void AddRepositoryOptions(CLI::App* app, HubOptions* options);
// Adds those that choose the mirror: --mirror-dir, --no-mirror.
void AddMirrorOptions(CLI::App* app, HubOptions* options);
// Adds both and the others of a serving hub.
void AddServeOptions(CLI::App* app, HubOptions* options);

// The command line that says `options`, for another process in any directory: paths are made
// absolute.
std::vector<std::string> ToArguments(const HubOptions& options);

base::LogLevel LogLevelOf(const std::string& name);

// One repository of the command line, located.
struct WorkspacePlan {
  // Unique in this hub.
  std::string workspace_id;
  std::string common_dir;
  // The top of its main worktree; empty: it has none, or nobody can tell where.
  std::string main_worktree;
  base::StatePaths state{""};
  // By --state-dir.
  bool state_is_named = false;
  // Where clients look: always under the common directory.
  std::string endpoint_file;
  // shared_state/; empty: no mirror.
  std::string mirror_dir;
  // Of the loops' logs.
  std::string log_dir;
  // The hub's own log, the same for all workspaces.
  std::string hub_log;
};

// Locates every repository of `options`. Blocks on the file system. A repository whose state was
// put elsewhere keeps it there unless --state-dir says otherwise: `coordhub stop` finds what `start
// --state-dir` made, and so does the next start. Errors: WORKSPACE_NOT_FOUND (path: no repository,
// or of a kind that cannot be read), INVALID_FIELD (`--repo`: twice the same; `--state-dir`,
// `--mirror-dir`: another number than repositories), IO_FAILED.
absl::StatusOr<std::vector<WorkspacePlan>> PlanWorkspaces(const HubOptions& options);

// Where the hub itself logs: --log-file, else hub.log in --log-dir, else in the directory of logs
// of the first of `plans`.
std::string HubLogFile(const HubOptions& options, const std::vector<WorkspacePlan>& plans);

}  // namespace coordhub::hub
