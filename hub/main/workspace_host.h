// Everything that one workspace needs in this process.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "hub/core/conflict_changes.h"
#include "hub/engine/workspace.h"
#include "hub/git/observer.h"
#include "hub/git/repository.h"
#include "hub/journal/held_files.h"
#include "hub/journal/journal.h"
#include "hub/journal/lock_file.h"
#include "hub/loops/bell.h"
#include "hub/loops/comms_loop.h"
#include "hub/loops/landed_work.h"
#include "hub/loops/loop_runner.h"
#include "hub/loops/radar_step.h"
#include "hub/main/options.h"
#include "hub/main/repository_lock.h"
#include "hub/operations/workspace_operations.h"
#include "hub/operations/worktree_kinds.h"
#include "hub/operations/worktree_requests.h"

namespace coordhub::hub {

// What all workspaces of a hub share. Pointers are not owned.
struct HostEnvironment {
  std::string version;
  base::Clock* clock = nullptr;
  base::IdSource* ids = nullptr;
  LoopIntervals intervals;
  // Of claims that state none; zero: none.
  absl::Duration claim_timeout = absl::ZeroDuration();
  // As engine::WorkspaceOptions has them.
  int64_t text_quota = 0;
  engine::Archiving::Rules archiving;
  // As git::ObserverOptions has them; no patterns: its defaults.
  std::vector<std::string> branch_patterns;
  std::string target_branch;
  // As operations::WorktreeNaming has them.
  std::vector<std::string> worktree_branches;
  // A journal failed; must not return.
  std::function<void(const absl::Status&)> on_fatal;
};

// One workspace: lock, journal, key, engine, observer of git, loops, and its files for others to
// find. Comes up in three steps, so that a hub of several workspaces starts nothing before it holds
// all of them. Used by one thread; every method blocks.
class WorkspaceHost {
 public:
  // Takes the locks and opens the journal.
  // Errors: those of journal::OpenSqliteJournal, first of all WORKSPACE_LOCKED (pid, lock).
  static absl::StatusOr<std::unique_ptr<WorkspaceHost>> Acquire(const WorkspacePlan& plan,
                                                                const HostEnvironment& environment);
  ~WorkspaceHost();

  // Replays the journal and starts the engine and the loops; writes the pid file.
  // Errors: JOURNAL_DAMAGED and others of engine::Workspace::Open, those of git::Observer::Open,
  // STATE_DIR_UNUSABLE, IO_FAILED, DISK_FULL.
  absl::Status Run();

  // Tells others how the hub is reached, once it listens. `tcp`: empty when it does not. Errors:
  // IO_FAILED, DISK_FULL.
  absl::Status Announce(const std::string& tcp);

  // Whether the hub still has what it holds: the repository's directory, lock, journal and socket
  // are the ones at their paths. A few microseconds.
  // Errors: STATE_DIR_LOST (path). Then the journal is told to look for itself, and
  // `on_fatal` follows at once; if the writer hangs, it is the caller who ends the process.
  absl::Status CheckHeld() const;

  // Before the server stops: its socket is going to be removed, which is no loss then.
  void ReleaseSocket() { held_->Release(socket_path_); }

  // After the server stopped: takes the announcement back, finishes what is queued, and writes the
  // mirror a last time. False: a loop or long work hangs; what it uses is left alone until the
  // process ends.
  // Idempotent. The locks stay held until destruction.
  bool Stop();

  const WorkspacePlan& plan() const { return plan_; }
  const std::string& key() const { return key_; }
  const std::string& socket_path() const { return socket_path_; }
  engine::Workspace* workspace() const { return workspace_.get(); }
  // Null before Run.
  loops::LoopRunner* loops() const { return loops_.get(); }
  // Null before Run.
  operations::WorkspaceOperations* operations() const { return operations_.get(); }
  // Null before Run.
  operations::WorktreeRequests* worktrees() const { return worktrees_.get(); }
  git::Observer* observer() const { return observer_.get(); }
  // What is wrong with shared_state/; empty: nothing, or there is no mirror. Any thread.
  std::string MirrorProblem() const;

 private:
  WorkspaceHost(const WorkspacePlan& plan, const HostEnvironment& environment)
      : plan_(plan), environment_(environment) {}
  absl::Status LockRepository();
  // Under a new id if it is a copy.
  absl::Status OpenJournal();
  absl::Status LockBesideRepository();
  void OnFatal(const absl::Status& status) const;
  absl::Status TellProcess() const;
  void WarnOfVoidTokens() const;
  absl::Status OpenRepository();
  std::string SharedStatePath() const;
  void PrepareRepository();
  void StartLoops();
  bool StopLoops();
  void StartOperations();
  bool StopOperations();
  std::string LogPath(const char* name) const { return plan_.log_dir + "/" + name; }
  std::unique_ptr<loops::Loop> MakeMonitor();
  std::unique_ptr<loops::Loop> MakeCoordinator();
  std::unique_ptr<loops::Loop> MakeComms();
  std::unique_ptr<mirror::Mirror> MakeMirror();
  std::unique_ptr<loops::RadarStep> MakeRadar();
  std::unique_ptr<loops::LandedWork> MakeLandedWork();
  // Begins a run of a gate whose target moved.
  void BeginGate(const std::string& gate_id);
  // The main worktree's, without asking git again if it was observed.
  std::string CurrentBranch() const;
  // On the coordinator's thread: into the log.
  absl::Status Record(const git::ObservationPtr& observation);
  // The same for what comparing branches found.
  absl::Status RecordFound(const core::ComparedBranches& found);
  absl::Status DropLostMembers();

  const WorkspacePlan plan_;
  const HostEnvironment environment_;
  std::string key_;
  std::string socket_path_;
  bool announced_ = false;

  // In order of lifetime.
  std::optional<RepositoryLock> repository_lock_;  // none: the file system has no such locks
  std::optional<journal::LockFile> beside_lock_;   // when the journal is elsewhere
  const std::shared_ptr<journal::HeldFiles> held_ = std::make_shared<journal::HeldFiles>();
  std::unique_ptr<journal::Journal> journal_;  // until Run hands it to workspace_
  std::unique_ptr<git::Repository> repository_;
  std::unique_ptr<engine::Workspace> workspace_;
  std::unique_ptr<operations::WorktreeRequests> worktrees_;
  std::unique_ptr<operations::WorkspaceOperations> operations_;
  loops::Bell git_changed_;
  std::unique_ptr<loops::RadarStep> radar_;
  std::unique_ptr<loops::LandedWork> landed_work_;
  std::unique_ptr<git::Observer> observer_;
  std::unique_ptr<loops::LoopRunner> loops_;
  loops::CommsLoop* comms_ = nullptr;  // one of them
};

}  // namespace coordhub::hub
