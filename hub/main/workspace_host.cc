#include "hub/main/workspace_host.h"

#include <unistd.h>

#include <cerrno>
#include <list>
#include <set>
#include <utility>
#include <vector>

#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/give_way.h"
#include "agent/base/last_words.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "hub/engine/record_branches.h"
#include "hub/engine/record_conflicts.h"
#include "hub/engine/submit_and_wait.h"
#include "hub/journal/sqlite_journal.h"
#include "hub/loops/coordinator_loop.h"
#include "hub/loops/gate_watch.h"
#include "hub/loops/monitor_loop.h"
#include "hub/loops/round_needs.h"
#include "hub/main/operation_kinds.h"
#include "hub/main/process.h"
#include "hub/main/secrets.h"
#include "hub/main/shared_state_place.h"
#include "hub/main/state_origin.h"
#include "hub/main/state_pointer.h"
#include "hub/operations/gate_scratch.h"

namespace coordhub::hub {
namespace {

constexpr char kSharedState[] = "shared_state";
// What a step under way gets to end in, once the hub stops.
constexpr absl::Duration kLoopGrace = absl::Seconds(3);
// The same for long work, which was told to when the hub began to drain.
constexpr absl::Duration kOperationGrace = absl::Seconds(3);
// Long work at once; and of that, what takes as long as somebody's program likes.
constexpr int kOperationThreads = 6;
constexpr int kLongThreads = 4;

void LogFailure(const char* what, const WorkspacePlan& plan, const absl::Status& status) {
  if (status.ok()) return;
  base::Log(base::LogLevel::kWarning, what,
            {{"workspace", plan.workspace_id}, {"error", status.ToString()}});
}

// The hub is about to end; the next one records it.
absl::Status UnlessDraining(const absl::Status& recorded) {
  return base::ReasonOf(recorded) == v1::ERROR_REASON_HUB_DRAINING ? absl::OkStatus() : recorded;
}

void RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    base::Log(base::LogLevel::kWarning, "cannot remove a file", {{"path", path}});
  }
}

std::vector<v1::Round> ActiveRounds(const core::View& view) {
  std::vector<v1::Round> rounds;
  const auto& active = view.records.active_rounds;
  for (auto round = active.Begin(); round.Valid(); round.Next()) rounds.push_back(*round);
  return rounds;
}

// As far as the mirror shows them: there may be thousands.
std::vector<v1::Conflict> OpenConflicts(const core::View& view) {
  std::vector<v1::Conflict> conflicts;
  const auto& all = view.records.of<core::tables::Conflicts>();
  conflicts.reserve(all.size());
  for (auto open = all.Begin(); open.Valid(); open.Next()) {
    v1::Conflict& conflict = conflicts.emplace_back();
    conflict.set_branch_a(open->branch_a());
    conflict.set_branch_b(open->branch_b());
    conflict.set_path_count(open->path_count());
  }
  return conflicts;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkspaceHost>> WorkspaceHost::Acquire(
    const WorkspacePlan& plan, const HostEnvironment& environment) {
  std::unique_ptr<WorkspaceHost> host(new WorkspaceHost(plan, environment));
  COORDHUB_RETURN_IF_ERROR(host->LockRepository());
  COORDHUB_RETURN_IF_ERROR(host->OpenJournal());
  // While the journal is locked, and before anything is acknowledged that the next start must find.
  COORDHUB_RETURN_IF_ERROR(PointToState(plan.common_dir, plan.state));
  COORDHUB_ASSIGN_OR_RETURN(
      host->socket_path_, base::ChooseSocketPath(plan.state, base::RuntimeDirs::FromEnvironment()));
  return host;
}

// The journal locks its own directory; that can be removed, renamed, or be another one the next
// time. The repository itself is what no two hubs may serve.
absl::Status WorkspaceHost::LockRepository() {
  absl::StatusOr<RepositoryLock> lock = RepositoryLock::Acquire(plan_.common_dir);
  if (base::ReasonOf(lock.status()) == v1::ERROR_REASON_WORKSPACE_LOCKED) return lock.status();
  LogFailure("see to it that no second hub serves this repository: its directory cannot be locked",
             plan_, lock.status());
  if (lock.ok()) {
    repository_lock_ = *std::move(lock);
    COORDHUB_RETURN_IF_ERROR(held_->Add(plan_.common_dir));
  }
  return LockBesideRepository();
}

// Where the journal is elsewhere: for hubs of older versions, and file systems that lock files but
// not directories.
absl::Status WorkspaceHost::LockBesideRepository() {
  const base::StatePaths beside = base::StatePaths::UnderCommonDir(plan_.common_dir);
  if (plan_.state.dir() == beside.dir()) return absl::OkStatus();
  COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(beside.dir()));
  absl::StatusOr<journal::LockFile> lock = journal::LockFile::Acquire(beside.lock());
  if (base::ReasonOf(lock.status()) == v1::ERROR_REASON_WORKSPACE_LOCKED) return lock.status();
  // A file system without locks is one reason to put the state elsewhere.
  LogFailure("see to it that no second hub serves this repository: its lock cannot be taken", plan_,
             lock.status());
  if (!lock.ok()) return absl::OkStatus();
  beside_lock_ = *std::move(lock);
  return held_->Add(beside.lock());
}

absl::Status WorkspaceHost::OpenJournal() {
  const bool beside = plan_.state.dir() == base::StatePaths::UnderCommonDir(plan_.common_dir).dir();
  if (!beside && !plan_.state_is_named) {
    COORDHUB_RETURN_IF_ERROR(CheckBelongsTo(plan_.state, plan_.common_dir));
  }
  bool is_copy = false;
  const auto ask = [this, &is_copy]() -> absl::StatusOr<bool> {
    COORDHUB_ASSIGN_OR_RETURN(is_copy, IsCopy(plan_.state));
    return is_copy;
  };
  COORDHUB_ASSIGN_OR_RETURN(journal_, journal::OpenSqliteJournal({.state_dir = plan_.state.dir(),
                                                                  .version = environment_.version,
                                                                  .ids = environment_.ids,
                                                                  .held = held_,
                                                                  .is_copy = ask}));
  if (is_copy) COORDHUB_RETURN_IF_ERROR(BreakWithOriginal(plan_));
  const absl::Status remembered = RememberOrigin(plan_.state, plan_.common_dir);
  // Who is no copy may serve on a full disk, as it did before.
  if (is_copy || base::ReasonOf(remembered) != v1::ERROR_REASON_DISK_FULL) return remembered;
  LogFailure("what tells a copy of the state directory from it is not kept", plan_, remembered);
  return absl::OkStatus();
}

WorkspaceHost::~WorkspaceHost() { Stop(); }

absl::Status WorkspaceHost::Run() {
  COORDHUB_RETURN_IF_ERROR(TellProcess());
  announced_ = true;
  bool new_key = false;
  COORDHUB_ASSIGN_OR_RETURN(key_, LoadOrMakeSecret(plan_.state.workspace_key(), [this, &new_key] {
                              new_key = true;
                              return environment_.ids->NewSecret();
                            }));
  engine::WorkspaceOptions options;
  options.hold_leases = true;
  options.workspace_id = plan_.workspace_id;
  options.version = environment_.version;
  if (environment_.claim_timeout > absl::ZeroDuration()) {
    options.claim_timeout_default = environment_.claim_timeout;
  }
  options.text_quota = environment_.text_quota;
  options.archiving = environment_.archiving;
  options.on_fatal = [this](const absl::Status& status) { OnFatal(status); };
  COORDHUB_ASSIGN_OR_RETURN(workspace_,
                            engine::Workspace::Open(std::move(options), std::move(journal_),
                                                    environment_.clock, environment_.ids));
  if (new_key) WarnOfVoidTokens();
  COORDHUB_RETURN_IF_ERROR(OpenRepository());
  StartOperations();
  StartLoops();
  return absl::OkStatus();
}

// A hub without its pid file is found by its lock, and serves reads on a full disk.
absl::Status WorkspaceHost::TellProcess() const {
  const absl::Status written =
      WritePidFile(plan_.state.hub_pid(), ProcessIdentity::OfThisProcess());
  if (base::ReasonOf(written) != v1::ERROR_REASON_DISK_FULL) return written;
  LogFailure("the pid file cannot be written", plan_, written);
  // Whom it names is gone.
  RemoveFile(plan_.state.hub_pid());
  return absl::OkStatus();
}

void WorkspaceHost::WarnOfVoidTokens() const {
  const int agents = workspace_->Describe().active_agents();
  if (agents == 0) return;  // as of a new workspace
  base::Log(base::LogLevel::kWarning,
            "the key of the workspace was missing: the tokens of all sessions are void, and agents "
            "must register again (takeover)",
            {{"workspace", plan_.workspace_id}, {"sessions", std::to_string(agents)}});
}

absl::Status WorkspaceHost::OpenRepository() {
  COORDHUB_ASSIGN_OR_RETURN(repository_,
                            git::Repository::Open(plan_.common_dir, plan_.main_worktree));
  if (!plan_.mirror_dir.empty()) PrepareRepository();
  git::ObserverOptions options;
  if (!environment_.branch_patterns.empty()) {
    options.branch_patterns = environment_.branch_patterns;
  }
  options.target = environment_.target_branch;
  options.agent_branches = [workspace = workspace_.get()] {
    std::set<std::string> branches = loops::WantedBranches(*workspace->view());
    branches.merge(loops::GateTargets(*workspace->view()));
    return std::vector<std::string>(branches.begin(), branches.end());
  };
  options.shared_state = plan_.mirror_dir;
  options.found_in = plan_.main_worktree;
  options.hub_worktrees = operations::GateScratchDir(plan_.state.dir());
  options.on_change = [this] { git_changed_.Ring(); };
  options.clock = environment_.clock;
  COORDHUB_ASSIGN_OR_RETURN(observer_, git::Observer::Open(plan_.common_dir, std::move(options)));
  return absl::OkStatus();
}

// Where shared_state/ is in the main worktree; where it is elsewhere, worktrees hold links to it.
std::string WorkspaceHost::SharedStatePath() const {
  const std::string& top = repository_->main_worktree();
  const std::string inside = top.empty() ? "" : RelativeTo(top, plan_.mirror_dir);
  return inside.empty() ? kSharedState : inside;
}

// Keeps shared_state/ out of commits. A repository where that fails is served all the same.
void WorkspaceHost::PrepareRepository() {
  const std::string path = SharedStatePath();
  LogFailure("cannot exclude shared_state from commits", plan_,
             repository_->EnsureExcluded(ExcludePattern(path)));
  const std::string& top = repository_->main_worktree();
  if (top.empty()) return;
  const absl::StatusOr<bool> tracked = repository_->IsTracked(path);
  LogFailure("cannot see whether shared_state is tracked", plan_, tracked.status());
  if (tracked.ok() && *tracked) {
    base::Log(base::LogLevel::kWarning, "git tracks what no commit should hold; git rm -r --cached",
              {{"workspace", plan_.workspace_id}, {"worktree", top}, {"path", path}});
  }
}

void WorkspaceHost::StartLoops() {
  if (plan_.log_dir == plan_.state.logs()) {
    LogFailure("the loops' logs cannot be written", plan_,
               base::EnsurePrivateDirectory(plan_.log_dir));
  }
  loops_ = std::make_unique<loops::LoopRunner>(
      loops::RunnerOptions{.workspace_id = plan_.workspace_id, .clock = environment_.clock});
  const LoopIntervals& intervals = environment_.intervals;
  loops_->Add({"monitor", "Background Monitor", intervals.monitor, MakeMonitor()});
  loops_->Add(
      {"coordinator", "Conversation Coordinator", intervals.coordinator, MakeCoordinator()});
  loops_->Add({"comms", "Communication Daemon", intervals.comms, MakeComms()});
  loops_->Start();
}

std::unique_ptr<loops::Loop> WorkspaceHost::MakeMonitor() {
  loops::MonitorOptions options;
  options.log_path = LogPath("background_monitor.log");
  options.zone = absl::LocalTimeZone();
  options.common_dir = plan_.common_dir;
  options.shared_state = plan_.mirror_dir;
  options.view = [workspace = workspace_.get()] { return workspace->view(); };
  options.observer = observer_.get();
  options.clock = environment_.clock;
  return std::make_unique<loops::MonitorLoop>(std::move(options));
}

std::unique_ptr<loops::Loop> WorkspaceHost::MakeCoordinator() {
  loops::CoordinatorOptions options;
  options.log_path = LogPath("conversation_coordinator.log");
  options.zone = absl::LocalTimeZone();
  options.shared_state = plan_.mirror_dir;
  options.view = [workspace = workspace_.get()] { return workspace->view(); };
  options.observer = observer_.get();
  options.clock = environment_.clock;
  options.git_changed = &git_changed_;
  options.broadcaster = &workspace_->broadcaster();
  options.record = [this](const git::ObservationPtr& observation) { return Record(observation); };
  radar_ = MakeRadar();
  options.compare = [this](const git::ObservationPtr& seen) { return radar_->Step(*seen); };
  landed_work_ = MakeLandedWork();
  options.mark_landed = [this](const git::ObservationPtr& seen) {
    return landed_work_->Step(*seen);
  };
  options.drop_lost_members = [this] { return DropLostMembers(); };
  options.begin_gate = [this](const std::string& gate_id) { BeginGate(gate_id); };
  return std::make_unique<loops::CoordinatorLoop>(std::move(options));
}

std::unique_ptr<loops::RadarStep> WorkspaceHost::MakeRadar() {
  engine::Workspace* const workspace = workspace_.get();
  loops::RadarStepOptions options;
  options.common_dir = plan_.common_dir;
  options.view = [workspace] { return workspace->view(); };
  options.record = [this](const core::ComparedBranches& found) { return RecordFound(found); };
  options.rest = base::GiveWay;
  options.clock = environment_.clock;
  return std::make_unique<loops::RadarStep>(std::move(options));
}

std::unique_ptr<loops::LandedWork> WorkspaceHost::MakeLandedWork() {
  loops::LandedWorkOptions options;
  options.common_dir = plan_.common_dir;
  options.view = [workspace = workspace_.get()] { return workspace->view(); };
  options.record = [this](core::MarkIntegrated landed) {
    return UnlessDraining(
        engine::SubmitAndWait(workspace_.get(), core::Caller::Hub("coordinator"), std::move(landed))
            .status());
  };
  return std::make_unique<loops::LandedWork>(std::move(options));
}

std::unique_ptr<loops::Loop> WorkspaceHost::MakeComms() {
  loops::CommsOptions options;
  options.log_path = LogPath("communication_daemon.log");
  options.zone = absl::LocalTimeZone();
  options.view = [workspace = workspace_.get()] { return workspace->view(); };
  options.broadcaster = &workspace_->broadcaster();
  options.clock = environment_.clock;
  options.mirror = MakeMirror();
  auto comms = std::make_unique<loops::CommsLoop>(std::move(options));
  comms_ = comms.get();
  return comms;
}

std::unique_ptr<mirror::Mirror> WorkspaceHost::MakeMirror() {
  if (plan_.mirror_dir.empty()) return nullptr;
  engine::Workspace* const workspace = workspace_.get();
  mirror::MirrorOptions options;
  options.directory = plan_.mirror_dir;
  options.zone = absl::LocalTimeZone();
  options.status_interval = environment_.intervals.comms;
  options.view = [workspace] { return workspace->view(); };
  options.decorate_agent = [workspace](const core::View& view, v1::Agent* agent) {
    workspace->Decorate(view, agent);
  };
  options.current_branch = [this] { return CurrentBranch(); };
  options.rounds = ActiveRounds;
  options.conflicts = OpenConflicts;
  options.loops = [loops = loops_.get()] { return loops->List(); };
  options.submit = [workspace](std::unique_ptr<core::Command> command, engine::Done done) {
    workspace->Submit(std::move(command), base::MonoTime::InfiniteFuture(), std::move(done));
  };
  options.rest = base::GiveWay;
  options.ids = environment_.ids;
  options.log_id = workspace->identity().log_id;
  options.on_mirrored = [workspace](int64_t revision) { workspace->SetMirroredRevision(revision); };
  return std::make_unique<mirror::Mirror>(std::move(options), environment_.clock);
}

// On the thread of the loop comms, which is the only one that uses the repository from here on.
std::string WorkspaceHost::CurrentBranch() const {
  const git::ObservationPtr seen = observer_->latest();
  return seen == nullptr ? repository_->CurrentBranch().value_or("") : seen->current_branch;
}

void WorkspaceHost::BeginGate(const std::string& gate_id) {
  auto begin = std::make_unique<core::Command>(
      core::Command{.caller = core::Caller::Hub("coordinator"),
                    .body = core::BeginOperation{v1::Operation::KIND_GATE, gate_id}});
  operations_->Run(
      std::move(begin), base::MonoTime::InfiniteFuture(),
      [plan = plan_, gate_id](const absl::StatusOr<operations::Ended>& ended) {
        // How a run ended is in the log.
        if (ended.ok() || base::ReasonOf(ended.status()) == v1::ERROR_REASON_HUB_DRAINING) {
          return;
        }
        LogFailure("a gate cannot be run", plan, ended.status());
      });
}

absl::Status WorkspaceHost::Record(const git::ObservationPtr& observation) {
  const std::set<std::string> uncommitted =
      loops::UncommittedMembers(*workspace_->view(), *observation);
  // Observations share branches, which stay as they were seen.
  std::list<v1::Branch> marked;
  std::vector<const v1::Branch*> branches;
  branches.reserve(observation->branches.size());
  for (const auto& observed : observation->branches) {
    branches.push_back(&observed->branch);
    if (!uncommitted.contains(observed->branch.branch())) continue;
    marked.push_back(observed->branch);
    marked.back().set_uncommitted(true);
    branches.back() = &marked.back();
  }
  return UnlessDraining(engine::RecordBranches(workspace_.get(), branches));
}

absl::Status WorkspaceHost::RecordFound(const core::ComparedBranches& found) {
  return UnlessDraining(engine::RecordConflicts(workspace_.get(), found));
}

absl::Status WorkspaceHost::DropLostMembers() {
  return UnlessDraining(engine::SubmitAndWait(workspace_.get(), core::Caller::Hub("coordinator"),
                                              core::DropLostMembers())
                            .status());
}

absl::Status WorkspaceHost::Announce(const std::string& tcp) {
  COORDHUB_RETURN_IF_ERROR(held_->Add(socket_path_));
  base::ForgetLastWords(plan_.common_dir);
  base::EndpointFile endpoint;
  endpoint.endpoint = "unix:" + socket_path_;
  endpoint.tcp = tcp;
  endpoint.pid = getpid();
  endpoint.log_id = workspace_->identity().log_id;
  endpoint.workspace = plan_.workspace_id;
  if (plan_.state.endpoint() != plan_.endpoint_file) endpoint.state_dir = plan_.state.dir();
  endpoint.log_file = plan_.hub_log;
  endpoint.mirror_dir = plan_.mirror_dir;
  return base::WriteEndpointFile(plan_.endpoint_file, endpoint);
}

absl::Status WorkspaceHost::CheckHeld() const {
  const absl::Status held = held_->Check();
  if (!held.ok()) workspace_->CheckHeld();
  return held;
}

void WorkspaceHost::OnFatal(const absl::Status& status) const {
  // Who removed the state directory removed the log.
  if (base::ReasonOf(status) == v1::ERROR_REASON_STATE_DIR_LOST) {
    LogFailure("cannot leave word of why the hub stops", plan_,
               base::LeaveLastWords(plan_.common_dir, {environment_.clock->Wall(), getpid(),
                                                       std::string(status.message())}));
  }
  environment_.on_fatal(status);
}

bool WorkspaceHost::Stop() {
  bool clean = true;
  if (workspace_ != nullptr) {
    workspace_->Drain();
    // Before the workspace, which writes down how the work ended.
    clean = StopOperations();
    workspace_->Stop();
  }
  clean = StopLoops() && clean;
  // While the locks are held: a new hub's files are not there yet.
  if (std::exchange(announced_, false)) {
    RemoveFile(plan_.endpoint_file);
    RemoveFile(plan_.state.hub_pid());
  }
  return clean;
}

void WorkspaceHost::StartOperations() {
  worktrees_ = std::make_unique<operations::WorktreeRequests>(
      WorktreesRoot(plan_), operations::WorktreeNaming(environment_.worktree_branches));
  operations::OperationsOptions options;
  options.workspace = workspace_.get();
  options.clock = environment_.clock;
  options.kinds = MakeOperationKinds({.plan = plan_,
                                      .workspace = workspace_.get(),
                                      .observer = observer_.get(),
                                      .worktrees = worktrees_.get(),
                                      .main_worktree = repository_->main_worktree(),
                                      .shared_state_path = SharedStatePath()});
  options.threads = kOperationThreads;
  options.long_threads = kLongThreads;
  operations_ = std::make_unique<operations::WorkspaceOperations>(std::move(options));
  operations_->Start();
}

bool WorkspaceHost::StopOperations() {
  if (operations_ == nullptr || operations_->Stop(kOperationGrace)) return true;
  base::Log(base::LogLevel::kError,
            "long work hangs and cannot be stopped; the next start undoes it",
            {{"workspace", plan_.workspace_id}});
  return false;
}

bool WorkspaceHost::StopLoops() {
  // Whatever git does for them is for nobody any more, and must not outlive the hub.
  if (observer_ != nullptr) observer_->Stop();
  if (radar_ != nullptr) radar_->Stop();
  if (landed_work_ != nullptr) landed_work_->Stop();
  if (loops_ == nullptr || loops_->Stop(kLoopGrace)) return true;
  base::Log(base::LogLevel::kError, "a loop hangs and cannot be stopped; the hub ends without it",
            {{"workspace", plan_.workspace_id}});
  return false;
}

std::string WorkspaceHost::MirrorProblem() const {
  return comms_ == nullptr ? std::string() : comms_->MirrorProblem();
}

}  // namespace coordhub::hub
