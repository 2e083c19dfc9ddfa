// coordhub serve: the hub itself, in the foreground.

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"
#include "hub/main/commands.h"
#include "hub/main/exit_code.h"
#include "hub/main/hub.h"
#include "hub/main/hub_probe.h"
#include "hub/main/options.h"
#include "hub/main/readiness.h"
#include "hub/main/saved_options.h"
#include "hub/main/service_manager.h"
#include "hub/main/stop_signals.h"

namespace coordhub::hub {
namespace {

// What calls under way get to end in, once the hub stops. Below the patience of `coordhub stop`.
constexpr absl::Duration kDrainGrace = absl::Seconds(10);
// One connection is one descriptor; the server limits its streams far below.
constexpr rlim_t kMaxDescriptors = 262'144;

// Between looks whether the hub's files are still there. Whoever appends looks each time; this is
// for the idle.
constexpr absl::Duration kHeldPeriod = absl::Milliseconds(350);
// For the writer to save what can be saved once they are not. It acknowledges nothing meanwhile.
constexpr absl::Duration kWriterPatience = absl::Seconds(5);

struct ServeFlags {
  HubOptions hub;
  int ready_fd = -1;
};

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min(limit.rlim_max, kMaxDescriptors);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// How long the end of the process waits for who reads its log.
constexpr absl::Duration kLogPatience = absl::Seconds(1);

// Without what a process takes down at its end: a thread may still use it.
[[noreturn]] void EndProcess(int code) {
  (void)base::FlushLog(kLogPatience);
  _exit(code);
}

// The journal's content is unknown from here on, or it is no longer where it belongs: nothing more
// may be acknowledged, and nothing be tidied up that could.
[[noreturn]] void DieOfJournal(const absl::Status& status) {
  const bool lost = base::ReasonOf(status) == v1::ERROR_REASON_STATE_DIR_LOST;
  base::Log(base::LogLevel::kError,
            lost ? "the hub lost what it holds the repository by; it stops at once"
                 : "the journal failed; the hub stops at once",
            {{"error", status.ToString()}});
  EndProcess(lost ? kStateLost : kJournalFailed);
}

// What people see when the hub is ready, and how they go on.
std::string ReadyText(const Hub& hub) {
  std::string text;
  for (const auto& host : hub.workspaces()) {
    absl::StrAppend(&text, "coordhub " COORDHUB_VERSION " serving ",
                    base::TerminalSafe(host->plan().common_dir), " (workspace ",
                    base::TerminalSafe(host->plan().workspace_id),
                    ") on unix:", base::TerminalSafe(host->socket_path()), " pid ", getpid(), "\n");
  }
  if (!hub.tcp_endpoint().empty()) {
    absl::StrAppend(&text, "also on ", hub.tcp_endpoint(), ", with the token in ",
                    base::TerminalSafe(hub.operator_token_file()), "\n");
  }
  absl::StrAppend(&text, "connect from the repository: coordctl hub\n");
  return text;
}

// A hub that cannot write its log serves all the same, and says so where it can.
void StartLog(const HubOptions& options, const std::vector<WorkspacePlan>& plans, bool foreground) {
  base::LogOptions log;
  log.min_level = LogLevelOf(options.log_level);
  log.path = HubLogFile(options, plans);
  log.to_stderr = foreground;
  log.in_background = true;
  if (options.log_dir.empty() && options.log_file.empty()) {
    // Errors show when the log is opened, or the journal beside it.
    (void)base::EnsurePrivateDirectory(plans.front().state.dir());
    (void)base::EnsurePrivateDirectory(plans.front().log_dir);
  }
  const absl::Status opened = base::InitLog(log);
  if (opened.ok()) return;
  log.path.clear();
  log.to_stderr = true;
  (void)base::InitLog(log);  // which only a file can make fail
  base::Log(base::LogLevel::kWarning, "the hub's log goes to standard error",
            {{"error", base::ToStd(opened.message())}});
}

absl::StatusOr<std::unique_ptr<Hub>> StartHub(const ServeFlags& flags, StopSignals* stop,
                                              bool* clean) {
  const HubOptions& options = flags.hub;
  HubSetup setup;
  COORDHUB_ASSIGN_OR_RETURN(setup.workspaces, PlanWorkspaces(options));
  StartLog(options, setup.workspaces, /*foreground=*/flags.ready_fd < 0);
  setup.tcp_address = options.tcp_address;
  setup.pid_dir = options.pid_dir;
  setup.environment.version = COORDHUB_VERSION;
  // Needed until the very end of the process.
  static base::SystemClock clock;
  static base::SystemIdSource ids;
  setup.environment.clock = &clock;
  setup.environment.ids = &ids;
  setup.environment.intervals = options.intervals;
  setup.environment.claim_timeout = options.claim_timeout;
  setup.environment.text_quota = options.text_quota;
  setup.environment.archiving = {options.archive_after, options.archive_beyond};
  setup.environment.branch_patterns = options.branch_patterns;
  setup.environment.target_branch = options.target_branch;
  setup.environment.worktree_branches = options.worktree_branches;
  setup.environment.on_fatal = [](const absl::Status& status) { DieOfJournal(status); };
  setup.on_drain_request = [stop] { stop->Request(); };
  return Hub::Start(std::move(setup), clean);
}

// For `coordhub restart`. A hub that cannot keep them serves all the same.
void RememberOptions(const Hub& hub, HubOptions options, bool supervised) {
  // Whatever path inside it was given.
  options.repos.clear();
  for (const auto& host : hub.workspaces()) options.repos.push_back(host->plan().common_dir);
  for (const auto& host : hub.workspaces()) {
    const absl::Status saved = SaveOptions(host->plan(), {options, supervised});
    if (saved.ok()) continue;
    base::Log(base::LogLevel::kWarning, "the options are not kept for a restart",
              {{"workspace", host->plan().workspace_id}, {"error", saved.ToString()}});
  }
}

// For `systemctl status`.
std::string StatusLine(const Hub& hub) {
  std::string names;
  for (const auto& host : hub.workspaces()) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", host->plan().workspace_id);
  }
  return absl::StrCat("STATUS=serving ", base::TerminalSafe(names));
}

// Tells the service manager's watchdog that the hub works, if it answers a call like anyone's.
void FeedWatchdog(const ServiceManager& manager, const Hub& hub) {
  const std::string target = "unix:" + hub.workspaces().front()->socket_path();
  const absl::Status answer = ProbeHub(target, manager.watchdog() / 3).status();
  if (answer.ok()) {
    manager.Notify("WATCHDOG=1");
  } else {
    base::Log(base::LogLevel::kError, "the hub does not answer itself",
              {{"error", answer.ToString()}});
  }
}

// Looks whether the hub has lost its files. Then its writer, who can still save what stands in a
// removed log, ends the process; one that hangs is not waited for longer than kWriterPatience.
void CheckHeld(const Hub& hub, base::MonoTime now, std::optional<base::MonoTime>* lost_since) {
  const absl::Status held = hub.CheckHeld();
  if (held.ok()) {
    lost_since->reset();
  } else if (!lost_since->has_value()) {
    *lost_since = now;
  } else if (now - **lost_since > kWriterPatience) {
    DieOfJournal(held);
  }
}

// Until somebody asks for the stop. Meanwhile looks after the hub's files and the watchdog.
std::string AwaitStop(StopSignals* stop, const ServiceManager& manager, const Hub& hub) {
  const base::SystemClock clock;
  const absl::Duration watchdog_period = manager.watchdog() / 3;
  base::MonoTime watchdog_due = clock.Mono() + watchdog_period;
  std::optional<base::MonoTime> lost_since;
  while (true) {
    const std::optional<std::string> why =
        stop->WaitFor(std::min(kHeldPeriod, watchdog_due - clock.Mono()));
    if (why.has_value()) return *why;
    CheckHeld(hub, clock.Mono(), &lost_since);
    if (clock.Mono() < watchdog_due) continue;
    FeedWatchdog(manager, hub);
    watchdog_due = clock.Mono() + watchdog_period;
  }
}

int Serve(const ServeFlags& flags) {
  ReadinessWriter readiness;
  if (flags.ready_fd >= 0) readiness = ReadinessWriter(flags.ready_fd);
  // Else it would be "exe" after `start`, for ps, pgrep and top.
  prctl(PR_SET_NAME, "coordhub");
  std::signal(SIGPIPE, SIG_IGN);
  RaiseDescriptorLimit();
  StopSignals stop;
  const ServiceManager manager = ServiceManager::FromEnvironment();

  bool clean = true;
  absl::StatusOr<std::unique_ptr<Hub>> hub = StartHub(flags, &stop, &clean);
  if (!hub.ok()) {
    const std::string text = absl::StrCat("coordhub: ", hub.status().message(), "\n");
    (void)base::FlushLog(kLogPatience);  // what led to it comes before it
    std::fputs(text.c_str(), stderr);
    readiness.Report({ExitCodeOf(hub.status()), text});
    if (!clean) EndProcess(ExitCodeOf(hub.status()));
    return ExitCodeOf(hub.status());
  }
  const std::string text = ReadyText(**hub);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  RememberOptions(**hub, flags.hub, manager.present());
  (void)base::FlushLog(kLogPatience);  // whoever waits for the hub finds what its start had to say
  readiness.Report({kOk, text});
  manager.Notify(absl::StrCat("READY=1\n", StatusLine(**hub)));
  base::Log(base::LogLevel::kInfo, "the hub is ready", {{"pid", getpid()}});

  const std::string why = AwaitStop(&stop, manager, **hub);
  manager.Notify("STOPPING=1\nSTATUS=draining");
  base::Log(base::LogLevel::kInfo, "the hub stops", {{"why", why}});
  clean = (*hub)->Stop(kDrainGrace);
  base::Log(base::LogLevel::kInfo, "the hub has stopped");
  // A thread that hangs must not meet what the process takes down at its end. Everything that was
  // acknowledged is durable.
  if (!clean) EndProcess(kOk);
  (void)base::FlushLog(kLogPatience);
  return kOk;
}

}  // namespace

void AddServeCommand(CLI::App* app, int* exit_code) {
  CLI::App* const command = app->add_subcommand("serve", "Serve in the foreground");
  const auto flags = std::make_shared<ServeFlags>();
  AddServeOptions(command, &flags->hub);
  command->add_option("--ready-fd", flags->ready_fd)->group("");  // for `start`
  command->footer(
      "SIGTERM, SIGINT and SIGHUP stop it: calls under way are answered, new ones are refused. A "
      "second signal\nmeanwhile changes nothing.\n"
      "Example: coordhub serve --repo ~/src/app --tcp 127.0.0.1:7777");
  command->callback([flags, exit_code] { *exit_code = Serve(*flags); });
}

}  // namespace coordhub::hub
