#include "hub/mirror/mirror.h"

#include <algorithm>
#include <utility>

#include "agent/base/log.h"
#include "agent/base/sha256.h"
#include "agent/base/status_macros.h"
#include "hub/mirror/status_file.h"
#include "hub/mirror/tickets_file.h"

namespace coordhub::mirror {
namespace {

constexpr char kTicketsFile[] = "tickets.md";
constexpr char kStatusFile[] = "status.md";

bool HasForeignLine(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0 && !IsTicketLine(text.substr(0, end))) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

}  // namespace

Mirror::Mirror(MirrorOptions options, base::Clock* clock)
    : options_(std::move(options)), clock_(clock) {}

base::MonoTime Mirror::Step() {
  const base::Now begin = clock_->Now();
  if (begin.mono < earliest_) return earliest_;
  const std::shared_ptr<const core::View> view = options_.view();
  if (view->revision == written_revision_ && begin.mono < status_due_) return status_due_;

  const absl::Status status = WriteRound(*view, begin.wall, options_.active_processes());
  SetProblem(status);
  const base::MonoTime end = clock_->Mono();
  if (!status.ok()) return earliest_ = end + options_.retry_interval;

  written_revision_ = view->revision;
  status_due_ = begin.mono + options_.status_interval;
  const absl::Duration pause = (end - begin.mono) * (1 / options_.max_duty - 1);
  earliest_ =
      std::max(begin.mono + options_.min_interval, end + std::min(pause, options_.max_interval));
  options_.on_mirrored(view->revision);
  return std::max(earliest_, status_due_);
}

void Mirror::Finish() {
  const std::shared_ptr<const core::View> view = options_.view();
  const absl::Status status = WriteRound(*view, clock_->Wall(), /*active_processes=*/0);
  SetProblem(status);
  if (!status.ok()) return;
  written_revision_ = view->revision;
  options_.on_mirrored(view->revision);
}

absl::Status Mirror::WriteRound(const core::View& view, absl::Time now, int active_processes) {
  // Opened anew each time: a directory that was replaced meanwhile is the one to write to.
  COORDHUB_ASSIGN_OR_RETURN(SharedStateDir directory, SharedStateDir::Open(options_.directory));
  if (!std::exchange(leftovers_removed_, true)) directory.RemoveLeftovers();
  COORDHUB_RETURN_IF_ERROR(WriteTickets(&directory, view));
  return directory.Replace(kStatusFile, StatusText(view, now, active_processes)).status();
}

absl::Status Mirror::WriteTickets(SharedStateDir* directory, const core::View& view) {
  const bool ours = tickets_stamp_.size >= 0 && directory->Stat(kTicketsFile) == tickets_stamp_;
  if (ours && view.revision == written_revision_) return absl::OkStatus();
  const std::string text = RenderTickets(view, options_.zone);
  std::string digest = base::HexEncode(base::Sha256(text));
  if (ours && digest == tickets_digest_) return absl::OkStatus();
  if (!ours) COORDHUB_RETURN_IF_ERROR(KeepForeignLines(directory));

  tickets_stamp_ = {};
  COORDHUB_ASSIGN_OR_RETURN(tickets_stamp_, directory->Replace(kTicketsFile, text));
  tickets_digest_ = std::move(digest);
  return absl::OkStatus();
}

// A file that is not ours may hold what exists nowhere else: tickets of the scripts that kept this
// directory before, or a line that someone appended.
absl::Status Mirror::KeepForeignLines(SharedStateDir* directory) {
  COORDHUB_ASSIGN_OR_RETURN(const std::string text, directory->Read(kTicketsFile));
  if (!HasForeignLine(text)) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(const std::string kept, directory->Keep(kTicketsFile));
  base::Log(base::LogLevel::kWarning,
            kept.empty() ? "tickets.md had lines that are not the hub's; too many copies were kept"
                         : "tickets.md had lines that are not the hub's; a copy is kept",
            {{"directory", options_.directory}, {"copy", kept}});
  return absl::OkStatus();
}

std::string Mirror::StatusText(const core::View& view, absl::Time now, int active_processes) const {
  StatusFacts facts;
  facts.now = now;
  facts.zone = options_.zone;
  facts.active_processes = active_processes;
  facts.branch = options_.current_branch();
  for (auto agent = view.records.agents.Begin(); agent.Valid(); agent.Next()) {
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
  {
    base::MutexLock lock(&mu_);
    if (problem == problem_) return;
    problem_ = problem;
  }
  if (problem.empty()) {
    base::Log(base::LogLevel::kInfo, "shared_state is written again",
              {{"directory", options_.directory}});
  } else {
    base::Log(base::LogLevel::kWarning, "shared_state cannot be written",
              {{"directory", options_.directory}, {"error", problem}});
  }
}

std::string Mirror::problem() const {
  base::MutexLock lock(&mu_);
  return problem_;
}

}  // namespace coordhub::mirror
