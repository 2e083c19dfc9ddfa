#include "hub/operations/gate_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/mutant.h"
#include "agent/base/process.h"
#include "agent/base/status_macros.h"
#include "agent/base/unique_fd.h"
#include "hub/git/scratch_worktree.h"
#include "hub/operations/gate_log.h"
#include "hub/operations/gate_scratch.h"
#include "hub/operations/process_tree.h"

namespace coordhub::operations {
namespace {

namespace fs = std::filesystem;

// What the supervisor gets, once it is asked to stop, to end everything: longer than it takes.
constexpr absl::Duration kStopPatience = absl::Seconds(6);
constexpr absl::Duration kFlushEvery = absl::Seconds(1);
constexpr int kLookMs = 100;
// Of what a gate writes, between two looks at the time.
constexpr size_t kReadBytes = 1 << 20;
constexpr size_t kLastWordsBytes = 300;

struct Pipe {
  base::UniqueFd read_end;
  base::UniqueFd write_end;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return base::MakeIoError("make a pipe", "gate", errno);
  return Pipe{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

// What says where things are and how people are spoken to; nothing of the hub's, and nothing that
// is secret.
std::vector<std::string> EnvironmentOf(const GateRun& run) {
  std::vector<std::string> variables = {"COORDHUB_GATE=" + run.id,
                                        GateMark(run.scratch_dir, run.id),
                                        "TMPDIR=" + GateTemporaryDir(run.scratch_dir, run.id)};
  for (const char* name :
       {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ"}) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets any
    if (value != nullptr) variables.push_back(absl::StrCat(name, "=", value));
  }
  return variables;
}

// Removes the tree and the temporary files of a run when it goes.
class Tree {
 public:
  explicit Tree(const GateRun& run) : run_(run), path_(GateTree(run.scratch_dir, run.id)) {}
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() {
    const absl::Status removed = git::RemoveScratchWorktree(run_.common_dir, path_);
    if (!removed.ok()) {
      base::Log(base::LogLevel::kWarning, "what a gate left behind cannot be removed",
                {{"path", path_}, {"error", removed.ToString()}});
    }
    std::error_code ignored;  // small, and nobody's any more
    fs::remove_all(GateTemporaryDir(run_.scratch_dir, run_.id), ignored);
  }

  absl::Status Make() {
    // Whoever had this id before has ended.
    COORDHUB_RETURN_IF_ERROR(git::RemoveScratchWorktree(run_.common_dir, path_));
    COORDHUB_RETURN_IF_ERROR(
        base::EnsurePrivateDirectory(GateTemporaryDir(run_.scratch_dir, run_.id)));
    return git::MakeScratchWorktree(run_.common_dir, path_, run_.commit, run_.cancelled);
  }

  const std::string& path() const { return path_; }

 private:
  const GateRun& run_;
  const std::string path_;
};

// A gate under way, from the hub's side.
class RunningGate {
 public:
  RunningGate(const GateRun& run, GateLog* log) : run_(run), log_(*log) {}

  absl::Status Start(const std::string& directory) {
    COORDHUB_ASSIGN_OR_RETURN(Pipe control, MakePipe());
    COORDHUB_ASSIGN_OR_RETURN(Pipe report, MakePipe());
    COORDHUB_ASSIGN_OR_RETURN(Pipe output, MakePipe());
    base::SpawnRequest request;
    request.command = run_.supervisor;
    request.command.push_back(directory);
    request.command.insert(request.command.end(), run_.command.begin(), run_.command.end());
    request.environment = EnvironmentOf(run_);
    request.input = control.read_end.get();
    request.output = report.write_end.get();
    request.errors = output.write_end.get();
    request.own_group = true;
    COORDHUB_ASSIGN_OR_RETURN(base::ChildProcess process, base::ChildProcess::Spawn(request));
    supervisor_.emplace(std::move(process));
    control_ = std::move(control.write_end);
    report_ = std::move(report.read_end);
    output_ = std::move(output.read_end);
    for (const int fd : {report_.get(), output_.get()}) fcntl(fd, F_SETFL, O_NONBLOCK);
    return absl::OkStatus();
  }

  // Until nothing of it runs any more.
  GateResult Finish() {
    const base::MonoTime deadline = clock_.Mono() + run_.timeout;
    std::optional<base::MonoTime> give_up;
    std::optional<GateResult::End> stopped;
    while (!supervisor_->HasEnded() && !(give_up.has_value() && clock_.Mono() >= *give_up)) {
      AwaitNews();
      TakeOutput();
      if (!stopped.has_value()) stopped = ReasonToStop(deadline);
      if (!stopped.has_value() || give_up.has_value()) continue;
      control_.Reset();
      give_up = clock_.Mono() + kStopPatience;
    }
    // One that does not answer may have been stopped by the gate.
    supervisor_->Kill();
    supervisor_->Wait();
    EndWhatIsLeft();
    TakeOutput();
    return ResultOf(stopped);
  }

 private:
  void AwaitNews() {
    // A negative descriptor is passed over; then we look now and again.
    std::array<pollfd, 2> waited = {pollfd{output_.get(), POLLIN, 0},
                                    pollfd{supervisor_->fd(), POLLIN, 0}};
    poll(waited.data(), waited.size(), kLookMs);
  }

  void TakeOutput() {
    size_t taken = 0;
    while (output_.valid() && taken < kReadBytes) {
      const ssize_t size = read(output_.get(), buffer_.data(), buffer_.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && errno == EAGAIN) break;
      if (size <= 0) {
        output_.Reset();  // nobody will write any more
        break;
      }
      log_.Append({buffer_.data(), static_cast<size_t>(size)});
      taken += static_cast<size_t>(size);
    }
    const base::MonoTime now = clock_.Mono();
    if (now < next_flush_) return;
    next_flush_ = now + kFlushEvery;
    (void)log_.Flush();  // the last one says what is wrong
  }

  std::optional<GateResult::End> ReasonToStop(base::MonoTime deadline) const {
    if (run_.cancelled && run_.cancelled()) return GateResult::End::kCancelled;
    if (clock_.Mono() >= deadline) return GateResult::End::kTimedOut;
    return std::nullopt;
  }

  // The supervisor leaves nobody behind; unless the gate killed it.
  void EndWhatIsLeft() {
    if (base::MutantActive("gate_orphans_left")) return;
    if (EndMarked(GateMark(run_.scratch_dir, run_.id))) return;
    base::Log(base::LogLevel::kError, "processes of a gate cannot be ended", {{"run", run_.id}});
  }

  // What the supervisor reported; nullopt: it did not live to.
  std::optional<int> ReportedExitCode() {
    std::array<char, 64> line;
    const ssize_t size = read(report_.get(), line.data(), line.size());
    const std::string_view text(line.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)));
    constexpr std::string_view kEnded = "ended ";
    int exit_code = 0;
    if (text.substr(0, kEnded.size()) != kEnded || text.back() != '\n') return std::nullopt;
    const std::string_view number = text.substr(kEnded.size(), text.size() - kEnded.size() - 1);
    if (!absl::SimpleAtoi(std::string(number), &exit_code)) return std::nullopt;
    return exit_code;
  }

  std::string WithLastWords(const std::string& what) const {
    const std::string words = log_.LastLine(kLastWordsBytes);
    return words.empty() ? what : absl::StrCat(what, ": ", words);
  }

  GateResult ResultOf(std::optional<GateResult::End> stopped) {
    if (stopped == GateResult::End::kCancelled) return {*stopped, 0, "cancelled"};
    if (stopped == GateResult::End::kTimedOut) {
      return {*stopped, 0,
              WithLastWords(absl::StrCat("not over after ", absl::FormatDuration(run_.timeout)))};
    }
    const std::optional<int> exit_code = ReportedExitCode();
    if (!exit_code.has_value()) {
      return {GateResult::End::kFailed, 128 + 9,
              WithLastWords("the process that watches over it was killed")};
    }
    if (*exit_code == 0) return {GateResult::End::kPassed, 0, "passed"};
    return {GateResult::End::kFailed, *exit_code,
            WithLastWords(absl::StrCat("exit code ", *exit_code))};
  }

  const GateRun& run_;
  GateLog& log_;
  const base::SystemClock clock_;
  std::optional<base::ChildProcess> supervisor_;
  // Closed: the gate is to end.
  base::UniqueFd control_;
  base::UniqueFd report_;
  base::UniqueFd output_;
  base::MonoTime next_flush_;
  std::array<char, 65536> buffer_;
};

// Of several runs of an operation, each stands behind the others in its log.
void BeginStep(const GateRun& run, GateLog* log) {
  const size_t dot = run.id.find('.');
  if (dot == std::string::npos) return;
  const std::string step = run.id.substr(dot + 1);
  if (step != "1") log->Continue();
  log->Heading(absl::StrCat("--- run ", step, ", at ", run.commit.substr(0, 12), " ---"));
}

}  // namespace

absl::StatusOr<GateResult> RunGate(const GateRun& run) {
  COORDHUB_RETURN_IF_ERROR(PrepareGateScratch(run.scratch_dir));
  GateLog log(GateLogPath(run.scratch_dir, run.id));
  BeginStep(run, &log);
  Tree tree(run);
  if (const absl::Status made = tree.Make(); !made.ok()) {
    const bool cancelled = run.cancelled && run.cancelled();
    return GateResult{cancelled ? GateResult::End::kCancelled : GateResult::End::kNotRun, 0,
                      std::string(made.message())};
  }
  const auto gate = std::make_unique<RunningGate>(run, &log);
  COORDHUB_RETURN_IF_ERROR(gate->Start(tree.path()));
  GateResult result = gate->Finish();
  if (const absl::Status kept = log.Flush(); !kept.ok()) {
    base::Log(base::LogLevel::kWarning, "what a gate wrote cannot be kept",
              {{"run", run.id}, {"error", kept.ToString()}});
  }
  return result;
}

}  // namespace coordhub::operations
