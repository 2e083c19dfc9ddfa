#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/mutex.h"
#include "agent/base/status_macros.h"
#include "agent/client/session.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/detach.h"
#include "agent/coordctl/process_watch.h"
#include "agent/coordctl/terminal.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  pid_t pid = 0;
  bool leave = false;
  bool detach = false;
};

// How often a process is looked at where the kernel cannot tell when it ends.
constexpr int kLookEveryMs = 500;

// What ends the hold, as one thing to wait for.
class EndWait {
 public:
  enum class Why { kProcessEnded, kSignal, kSessionEnded };

  // Takes SIGINT and SIGTERM over; call it before any other thread exists.
  EndWait() : session_ended_(eventfd(0, EFD_CLOEXEC)) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signals_ = base::UniqueFd(signalfd(-1, &signals, SFD_CLOEXEC));
  }

  // Any thread.
  void SessionEnded() {
    const uint64_t one = 1;
    (void)!write(session_ended_.get(), &one, sizeof(one));
  }

  // Blocks. `process` may be null: then only the other two end it.
  Why Wait(const ProcessWatch* process) {
    const int process_fd = process == nullptr ? -1 : process->fd();
    const int timeout = process != nullptr && process_fd < 0 ? kLookEveryMs : -1;
    std::array<pollfd, 3> polled = {
        {{session_ended_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}, {process_fd, POLLIN, 0}}};
    for (;;) {
      const int ready = poll(polled.data(), polled.size(), timeout);
      if (ready < 0 && errno != EINTR) return Why::kSignal;
      if (ready > 0 && polled[0].revents != 0) return Why::kSessionEnded;
      if (ready > 0 && polled[1].revents != 0) return Why::kSignal;
      if (ready > 0 && polled[2].revents != 0) return Why::kProcessEnded;
      if (timeout >= 0 && !process->Alive()) return Why::kProcessEnded;
    }
  }

 private:
  base::UniqueFd session_ended_;
  base::UniqueFd signals_;
};

// ": how"; empty when nobody saw it.
std::string HowLost(const pb::LostClaim& claim) {
  switch (claim.reason()) {
    case pb::LostClaim::REASON_SESSION_ENDED:
      return ": the session ended";
    case pb::LostClaim::REASON_TIMEOUT:
      return ": it was not renewed within its claim timeout";
    case pb::LostClaim::REASON_CANCELLED:
      return ": the ticket was cancelled, stop working on it";
    case pb::LostClaim::REASON_RELEASED_BY_OPERATOR:
      return ": the operator gave it back";
    default:  // SUPERSEDED says no more than who holds it now
      return "";
  }
}

// What the session has to tell, on standard error. The session's thread writes, nobody else
// meanwhile.
class Teller {
 public:
  // `process` may be null; else its condition decides whether the session is kept.
  Teller(Context* context, EndWait* end, const ProcessWatch* process)
      : context_(*context), end_(*end), process_(process) {}

  agent::SessionCallbacks Callbacks() {
    return {.may_beat = [this] { return Works(); },
            .on_claims_lost = [this](const auto& lost) { TellLost(lost); },
            .on_lease_unsafe =
                [this] {
                  Tell(was_stopped_ ? "the session was not kept for its whole TTL; its claims are "
                                      "lost"
                                    : "the hub has not answered for the whole TTL; claims may be "
                                      "lost");
                },
            .on_draining = [this] { Tell("the hub is stopping; waiting for the next one"); },
            .on_ended =
                [this](const absl::Status& status) {
                  {
                    base::MutexLock lock(&mu_);
                    ended_ = status;
                  }
                  end_.SessionEnded();
                }};
  }

  absl::Status ended() {
    base::MutexLock lock(&mu_);
    return ended_;
  }

 private:
  // A process that stands still looks healthy to everybody else as long as somebody beats for it.
  bool Works() {
    if (process_ == nullptr) return true;
    const auto condition = process_->Look();
    const bool stopped = condition == ProcessWatch::Condition::kStopped;
    if (stopped && !was_stopped_) {
      Tell(absl::StrCat("process ", process_->pid(),
                        " is stopped: its session is not kept until it goes on"));
    } else if (condition == ProcessWatch::Condition::kWorks && was_stopped_) {
      Tell(absl::StrCat("process ", process_->pid(), " goes on; its session is kept again"));
    }
    was_stopped_ = stopped;
    return condition == ProcessWatch::Condition::kWorks;
  }
  void TellLost(const std::vector<pb::LostClaim>& lost) {
    for (const pb::LostClaim& claim : lost) {
      const std::string holder = claim.holder_agent_id();
      Tell(absl::StrCat("lost ", claim.ticket_id(), " (fence ", claim.fence(), ")", HowLost(claim),
                        holder.empty() ? "" : ", now held by " + holder));
    }
  }
  void Tell(const std::string& text) {
    context_.err() << "coordctl: " << SafeBlock(text, "") << std::flush;
  }

  Context& context_;
  EndWait& end_;
  const ProcessWatch* const process_;
  bool was_stopped_ = false;  // the session's thread
  base::Mutex mu_;
  absl::Status ended_ ABSL_GUARDED_BY(mu_);
};

absl::Status LeaveNow(Context& context, agent::Session& session, pid_t pid) {
  COORDHUB_RETURN_IF_ERROR(session.Leave(absl::StrCat("process ", pid, " ended")));
  context.NoteEnd(session.agent());
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> HoldSession(Context& context, const Options& options, Detached* detached) {
  std::optional<ProcessWatch> process;
  if (options.pid != 0) {
    COORDHUB_ASSIGN_OR_RETURN(ProcessWatch opened, ProcessWatch::Open(options.pid));
    process.emplace(std::move(opened));
  }
  EndWait end;
  Teller teller(&context, &end, process.has_value() ? &*process : nullptr);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const std::unique_ptr<agent::Session> session,
                            agent::Session::Attach(client, teller.Callbacks()));
  if (detached != nullptr) {
    detached->Report(absl::OkStatus());
  } else if (context.terminal()) {
    context.out() << "Holding " << session->agent().agent_id() << std::endl;
  }
  switch (end.Wait(process.has_value() ? &*process : nullptr)) {
    case EndWait::Why::kSessionEnded:
      return teller.ended();
    case EndWait::Why::kSignal:
      return ExitCode::kOk;
    case EndWait::Why::kProcessEnded:
      if (options.leave) COORDHUB_RETURN_IF_ERROR(LeaveNow(context, *session, options.pid));
      return ExitCode::kOk;
  }
  return ExitCode::kFailed;
}

absl::StatusOr<ExitCode> Hold(Context& context, const Options& options) {
  // Whoever reads what it says may be gone long before the process that it keeps the session for.
  (void)std::signal(SIGPIPE, SIG_IGN);
  if (!options.detach) return HoldSession(context, options, nullptr);
  COORDHUB_ASSIGN_OR_RETURN(Detached detached, Detached::Fork());
  if (!detached.child()) {
    if (!detached.outcome().ok()) return detached.outcome();
    return ExitCode::kOk;
  }
  absl::StatusOr<ExitCode> result = HoldSession(context, options, &detached);
  if (!result.ok()) detached.Report(result.status());
  return result;
}

}  // namespace

void AddAgentHold(CLI::App* agent, Context* context) {
  CLI::App* command = AddCommand(
      agent, "hold",
      "Keep the session of this worktree alive: while a process lives and is not stopped, or until "
      "interrupted. Exit code "
      "4: the session ended. When the process ends the session is left to expire, which "
      "counts as a "
      "failed attempt at what it holds, or with --leave ended at once, which does not",
      "coordctl agent hold --pid $PPID --detach\n"
      "coordctl agent hold --pid 4711 --leave\n"
      "coordctl --as conversation-42 agent hold");
  auto options = std::make_shared<Options>();
  command->add_option("--pid", options->pid, "While this process lives; default: until interrupted")
      ->check(CLI::PositiveNumber);
  command->add_flag("--leave", options->leave, "End the session when the process ends")
      ->needs("--pid");
  command
      ->add_flag("--detach", options->detach,
                 "Go on in the background; returns once the session is being kept")
      ->needs("--pid");
  OnRun(command, context, [options](Context& c) { return Hold(c, *options); });
}

}  // namespace coordhub::coordctl
