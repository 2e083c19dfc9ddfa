#include "hub/mirror/mirror.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "hub/mirror/convergence_file.h"
#include "hub/mirror/rejected_lines.h"
#include "hub/mirror/status_file.h"

namespace coordhub::mirror {
namespace {

// After a failure.
constexpr absl::Duration kRetryInterval = absl::Seconds(1);
constexpr char kTicketsFile[] = "tickets.md";
constexpr char kStatusFile[] = "status.md";
constexpr char kConvergenceFile[] = "convergence.md";

ImporterOptions MakeImporterOptions(const MirrorOptions& options, base::Clock* clock) {
  ImporterOptions made;
  made.submit = options.submit;
  made.view = options.view;
  made.log_id = options.log_id;
  made.clock = clock;
  made.ids = options.ids;
  made.look_interval = options.look_interval;
  made.told_look_interval = options.told_look_interval;
  made.patience = options.import_patience;
  made.leases = options.leases;
  return made;
}

}  // namespace

Mirror::Mirror(MirrorOptions options, base::Clock* clock)
    : options_(std::move(options)),
      clock_(clock),
      tickets_(options_.zone, options_.rest),
      retire_by_(options_.retire_by),
      importer_(MakeImporterOptions(options_, clock)),
      saved_(options_.max_processor_saved),
      saved_at_(clock->Mono()) {}

base::MonoTime Mirror::Step() {
  const base::MonoTime begin = clock_->Mono();
  if (begin < earliest_) return earliest_;
  const std::shared_ptr<const core::View> view = options_.view();
  const bool whole = view->revision != written_revision_ || begin >= status_due_;
  if (!whole && begin < importer_.due()) return std::min(status_due_, importer_.due());

  const absl::Duration processor_begin = ProcessorTime();
  const absl::Status status = Round(*view, whole);
  SetProblem(status);
  const base::MonoTime end = clock_->Mono();
  earliest_ = std::max(begin + options_.min_interval,
                       end + Rest(begin, end, ProcessorTime() - processor_begin));
  if (!status.ok()) return earliest_ = std::max(earliest_, end + kRetryInterval);
  return std::max(earliest_, std::min(status_due_, importer_.due()));
}

absl::Duration Mirror::Rest(base::MonoTime begin, base::MonoTime end, absl::Duration computed) {
  const double share = options_.max_processor_share;
  saved_ = std::min(saved_ + (end - saved_at_) * share, options_.max_processor_saved) - computed;
  saved_at_ = end;
  // What is owed beyond the longest rest is forgiven.
  saved_ = std::max(saved_, -options_.max_interval * share);
  const absl::Duration for_processor = std::max(-saved_ / share, absl::ZeroDuration());
  const absl::Duration for_disk = (end - begin) * (1 / options_.max_time_share - 1);
  return std::min(std::max(for_processor, for_disk), options_.max_interval);
}

absl::Duration Mirror::ProcessorTime() const {
  if (options_.processor_time != nullptr) return options_.processor_time();
  rusage used{};
  getrusage(RUSAGE_THREAD, &used);
  return absl::DurationFromTimeval(used.ru_utime) + absl::DurationFromTimeval(used.ru_stime);
}

void Mirror::Finish() {
  const std::shared_ptr<const core::View> view = options_.view();
  absl::StatusOr<SharedStateDir> directory = OpenDirectory();
  absl::Status status = directory.status();
  if (status.ok()) status = WriteTickets(&*directory, *view);
  if (status.ok()) status = WriteOthers(&*directory, *view, /*last=*/true);
  SetProblem(status);
  if (status.ok()) Written(*view);
}

absl::StatusOr<SharedStateDir> Mirror::OpenDirectory() {
  // Opened anew each time: a directory that was replaced meanwhile is the one to write to.
  COORDHUB_ASSIGN_OR_RETURN(SharedStateDir directory,
                            SharedStateDir::Open(options_.directory, options_.hook));
  if (!std::exchange(leftovers_removed_, true)) directory.RemoveLeftovers();
  return directory;
}

absl::Status Mirror::Round(const core::View& view, bool whole) {
  COORDHUB_ASSIGN_OR_RETURN(SharedStateDir directory, OpenDirectory());
  COORDHUB_RETURN_IF_ERROR(WriteTickets(&directory, view));
  // A line that cannot be imported now keeps nothing from being shown.
  const absl::Status imported = importer_.Step(&directory);
  if (whole) {
    COORDHUB_RETURN_IF_ERROR(WriteOthers(&directory, view, /*last=*/false));
    Written(view);
    status_due_ = clock_->Mono() + options_.status_interval;
  }
  // A hub that ends leaves the lines to the next one.
  if (base::ReasonOf(imported) == v1::ERROR_REASON_HUB_DRAINING) return absl::OkStatus();
  return imported;
}

void Mirror::Written(const core::View& view) {
  if (std::exchange(written_revision_, view.revision) == view.revision) return;
  options_.on_mirrored(view.revision);
}

absl::Status Mirror::WriteTickets(SharedStateDir* directory, const core::View& view) {
  const FileStamp ours = tickets_stamp_;
  const bool untouched = ours.size >= 0 && directory->Stat(kTicketsFile) == ours;
  if (untouched && view.revision == written_revision_) return absl::OkStatus();
  const bool changed = tickets_.Update(view);
  if (untouched && !changed) return absl::OkStatus();

  tickets_stamp_ = {};
  const std::string retired = importer_.NewRetiredName();
  COORDHUB_ASSIGN_OR_RETURN(
      tickets_stamp_,
      directory->ReplaceRetiring(kTicketsFile, tickets_.text(), retired, &retire_by_));
  const FileStamp old = directory->Stat(retired);
  const bool only_ours = ours.size >= 0 && old.SameFile(ours) && old.size == ours.size &&
                         old.modified.tv_sec == ours.modified.tv_sec &&
                         old.modified.tv_nsec == ours.modified.tv_nsec;
  struct stat info {};
  if (directory->StatAny(retired, &info)) {
    importer_.FileWasRetired(retired, only_ours ? old.size : 0);
  }
  return absl::OkStatus();
}

absl::Status Mirror::WriteOthers(SharedStateDir* directory, const core::View& view, bool last) {
  std::vector<v1::Round> rounds;
  if (options_.rounds != nullptr) rounds = options_.rounds(view);
  // What stands in the way of the one is no reason not to write the other.
  const absl::Status convergence = WriteConvergence(directory, rounds);
  COORDHUB_RETURN_IF_ERROR(
      directory->Replace(kStatusFile, StatusText(view, rounds, last)).status());
  return convergence;
}

absl::Status Mirror::WriteConvergence(SharedStateDir* directory,
                                      const std::vector<v1::Round>& rounds) {
  std::string text = RenderConvergence(rounds, options_.zone);
  const bool untouched =
      convergence_stamp_.size >= 0 && directory->Stat(kConvergenceFile) == convergence_stamp_;
  if (!untouched) COORDHUB_RETURN_IF_ERROR(KeepForeignConvergence(directory));
  if (text.empty()) {
    struct stat info {};
    if (!directory->StatAny(kConvergenceFile, &info)) return absl::OkStatus();
    COORDHUB_RETURN_IF_ERROR(directory->Remove(kConvergenceFile));
    return directory->Sync();
  }
  if (untouched && text == convergence_) return absl::OkStatus();
  convergence_stamp_ = {};
  COORDHUB_ASSIGN_OR_RETURN(convergence_stamp_, directory->Replace(kConvergenceFile, text));
  convergence_ = std::move(text);
  return absl::OkStatus();
}

// Its beginning tells: a killed hub's is like our own. What is no file, or more than one, holds
// nothing that would go with its name.
absl::Status Mirror::KeepForeignConvergence(SharedStateDir* directory) {
  if (directory->Stat(kConvergenceFile).size < 0) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(const base::UniqueFd fd, directory->OpenToRead(kConvergenceFile));
  std::string beginning(256, '\0');
  const ssize_t got = pread(fd.get(), beginning.data(), beginning.size(), 0);
  if (got < 0) return base::MakeIoError("read", directory->path() + "/" + kConvergenceFile, errno);
  beginning.resize(static_cast<size_t>(got));
  if (got == 0 || IsRenderedConvergence(beginning)) return absl::OkStatus();
  const std::string kept = importer_.NewKeptName(kConvergenceFile);
  COORDHUB_RETURN_IF_ERROR(KeepFile(directory, kConvergenceFile, kept));
  COORDHUB_RETURN_IF_ERROR(directory->Sync());
  convergence_kept_ = kept;
  base::Log(base::LogLevel::kWarning, "a convergence.md that is not the hub's was moved away",
            {{"directory", directory->path()}, {"kept_as", ".rejected/" + kept}});
  return absl::OkStatus();
}

std::string Mirror::StatusText(const core::View& view, const std::vector<v1::Round>& rounds,
                               bool last) const {
  StatusFacts facts;
  facts.now = clock_->Wall();
  facts.zone = options_.zone;
  facts.branch = options_.current_branch();
  if (options_.loops != nullptr && !last) facts.loops = options_.loops();
  if (options_.conflicts != nullptr) facts.conflicts = options_.conflicts(view);
  facts.rounds = rounds;
  facts.notices = importer_.notices();
  if (!convergence_kept_.empty()) {
    facts.notices.push_back("A convergence.md that is not the hub's is kept as .rejected/" +
                            convergence_kept_);
  }
  for (auto agent = view.records.of<core::tables::Agents>().Begin(); agent.Valid(); agent.Next()) {
    if (!core::IsLive(*agent)) continue;
    ++facts.live_agents;
    if (facts.agents.size() >= kListedAgents) continue;
    facts.agents.push_back(*agent);
    options_.decorate_agent(view, &facts.agents.back());
  }
  return RenderStatus(view, facts);
}

void Mirror::SetProblem(const absl::Status& status) {
  std::string problem = status.ok() ? std::string() : std::string(status.message());
  bool began = false;
  {
    base::MutexLock lock(&mu_);
    if (problem == problem_) return;
    began = problem_.empty();
    problem_ = problem;
  }
  if (problem.empty()) {
    base::Log(base::LogLevel::kInfo, "shared_state is written again",
              {{"directory", options_.directory}});
  } else {
    base::Log(base::LogLevel::kWarning,
              began ? "shared_state cannot be kept up" : "shared_state still cannot be kept up",
              {{"directory", options_.directory}, {"error", problem}});
  }
}

std::string Mirror::problem() const {
  base::MutexLock lock(&mu_);
  return problem_;
}

}  // namespace coordhub::mirror
