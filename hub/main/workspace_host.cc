#include "hub/main/workspace_host.h"

#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "hub/journal/sqlite_journal.h"
#include "hub/main/process.h"
#include "hub/main/secrets.h"

namespace coordhub::hub {
namespace {

// Without a trailing slash: in linked worktrees it is a symbolic link.
constexpr char kExcludePattern[] = "/shared_state";
constexpr char kSharedState[] = "shared_state";
// Until the loops are objects of their own: the one that keeps shared_state/.
std::vector<v1::Loop> MirrorAsLoop() {
  v1::Loop loop;
  loop.set_loop_id("comms");
  loop.set_title("Communication Daemon");
  loop.set_state(v1::Loop::STATE_RUNNING);
  return {loop};
}

void LogFailure(const char* what, const WorkspacePlan& plan, const absl::Status& status) {
  if (status.ok()) return;
  base::Log(base::LogLevel::kWarning, what,
            {{"workspace", plan.workspace_id}, {"error", status.ToString()}});
}

void RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    base::Log(base::LogLevel::kWarning, "cannot remove a file", {{"path", path}});
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkspaceHost>> WorkspaceHost::Acquire(
    const WorkspacePlan& plan, const HostEnvironment& environment) {
  std::unique_ptr<WorkspaceHost> host(new WorkspaceHost(plan, environment));
  COORDHUB_RETURN_IF_ERROR(host->LockRepository());
  COORDHUB_ASSIGN_OR_RETURN(
      host->journal_,
      journal::OpenSqliteJournal(
          {.state_dir = plan.state.dir(), .version = environment.version, .ids = environment.ids}));
  COORDHUB_ASSIGN_OR_RETURN(
      host->socket_path_, base::ChooseSocketPath(plan.state, base::RuntimeDirs::FromEnvironment()));
  return host;
}

// The journal locks its own directory. One elsewhere does not keep a second hub off the repository;
// this does.
absl::Status WorkspaceHost::LockRepository() {
  const base::StatePaths beside = base::StatePaths::UnderCommonDir(plan_.common_dir);
  if (plan_.state.dir() == beside.dir()) return absl::OkStatus();
  COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(beside.dir()));
  absl::StatusOr<journal::LockFile> lock = journal::LockFile::Acquire(beside.lock());
  if (base::ReasonOf(lock.status()) == v1::ERROR_REASON_WORKSPACE_LOCKED) return lock.status();
  // A file system without locks is one reason to put the state elsewhere.
  LogFailure("see to it that no second hub serves this repository: its lock cannot be taken", plan_,
             lock.status());
  if (lock.ok()) repository_lock_ = *std::move(lock);
  return absl::OkStatus();
}

WorkspaceHost::~WorkspaceHost() { Stop(); }

absl::Status WorkspaceHost::Run() {
  COORDHUB_RETURN_IF_ERROR(WritePidFile(plan_.state.hub_pid(), ProcessIdentity::OfThisProcess()));
  announced_ = true;
  bool new_key = false;
  COORDHUB_ASSIGN_OR_RETURN(key_, LoadOrMakeSecret(plan_.state.workspace_key(), [this, &new_key] {
                              new_key = true;
                              return environment_.ids->NewSecret();
                            }));
  engine::WorkspaceOptions options;
  options.workspace_id = plan_.workspace_id;
  options.version = environment_.version;
  options.on_fatal = environment_.on_fatal;
  COORDHUB_ASSIGN_OR_RETURN(workspace_,
                            engine::Workspace::Open(std::move(options), std::move(journal_),
                                                    environment_.clock, environment_.ids));
  if (new_key) WarnOfVoidTokens();
  return StartMirror();
}

void WorkspaceHost::WarnOfVoidTokens() const {
  const int agents = workspace_->Describe().active_agents();
  if (agents == 0) return;  // as of a new workspace
  base::Log(base::LogLevel::kWarning,
            "the key of the workspace was missing: the tokens of all sessions are void, and agents "
            "must register again (takeover)",
            {{"workspace", plan_.workspace_id}, {"sessions", std::to_string(agents)}});
}

absl::Status WorkspaceHost::StartMirror() {
  if (plan_.mirror_dir.empty()) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(repository_, git::Repository::Open(plan_.common_dir));
  PrepareRepository();

  engine::Workspace* const workspace = workspace_.get();
  mirror::MirrorOptions options;
  options.directory = plan_.mirror_dir;
  options.zone = absl::LocalTimeZone();
  options.view = [workspace] { return workspace->view(); };
  options.decorate_agent = [workspace](const core::View& view, v1::Agent* agent) {
    workspace->Decorate(view, agent);
  };
  // On the mirror's thread, which is the only one that uses the repository from here on.
  options.current_branch = [repository = repository_.get()] {
    return repository->CurrentBranch().value_or("");
  };
  options.loops = MirrorAsLoop;
  options.submit = [workspace](std::unique_ptr<core::Command> command, engine::Done done) {
    workspace->Submit(std::move(command), absl::InfiniteFuture(), std::move(done));
  };
  options.ids = environment_.ids;
  options.log_id = workspace->identity().log_id;
  options.on_mirrored = [workspace](int64_t revision) { workspace->SetMirroredRevision(revision); };
  mirror_ = std::make_unique<mirror::MirrorRunner>(
      std::make_unique<mirror::Mirror>(std::move(options), environment_.clock),
      &workspace_->broadcaster(), environment_.clock);
  return absl::OkStatus();
}

// Keeps shared_state/ out of commits. A repository where that fails is served all the same.
void WorkspaceHost::PrepareRepository() {
  if (repository_->main_worktree().empty()) return;
  LogFailure("cannot exclude shared_state from commits", plan_,
             repository_->EnsureExcluded(kExcludePattern));
  const absl::StatusOr<bool> tracked = repository_->IsTracked(kSharedState);
  LogFailure("cannot see whether shared_state is tracked", plan_, tracked.status());
  if (tracked.ok() && *tracked) {
    base::Log(base::LogLevel::kWarning,
              "shared_state is tracked by git; untrack it: git rm -r --cached shared_state",
              {{"workspace", plan_.workspace_id}, {"worktree", repository_->main_worktree()}});
  }
}

absl::Status WorkspaceHost::Announce(const std::string& tcp) {
  base::EndpointFile endpoint;
  endpoint.endpoint = "unix:" + socket_path_;
  endpoint.tcp = tcp;
  endpoint.pid = getpid();
  endpoint.log_id = workspace_->identity().log_id;
  endpoint.workspace = plan_.workspace_id;
  if (plan_.state.endpoint() != plan_.endpoint_file) endpoint.state_dir = plan_.state.dir();
  return base::WriteEndpointFile(plan_.endpoint_file, endpoint);
}

void WorkspaceHost::Stop() {
  if (workspace_ != nullptr) {
    workspace_->Drain();
    workspace_->Stop();
  }
  if (mirror_ != nullptr) mirror_->Stop();
  // While the locks are held: a new hub's files are not there yet.
  if (std::exchange(announced_, false)) {
    RemoveFile(plan_.endpoint_file);
    RemoveFile(plan_.state.hub_pid());
  }
}

std::string WorkspaceHost::MirrorProblem() const {
  return mirror_ == nullptr ? std::string() : mirror_->problem();
}

}  // namespace coordhub::hub
