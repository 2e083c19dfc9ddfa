// coordhub adopt: a shared_state/ that scripts kept before the hub, imported under review.

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "hub/main/adoption.h"
#include "hub/main/adoption_report.h"
#include "hub/main/commands.h"
#include "hub/main/exit_code.h"
#include "hub/main/hub_probe.h"
#include "hub/main/launch.h"
#include "hub/main/options.h"
#include "hub/main/running_hub.h"
#include "hub/main/saved_options.h"

namespace coordhub::hub {
namespace {

constexpr size_t kShownLines = 200;
constexpr absl::Duration kStartTimeout = absl::Seconds(60);
constexpr absl::Duration kImportPatience = absl::Seconds(60);
constexpr absl::Duration kProbeTimeout = absl::Seconds(10);
constexpr int kPauseMs = 50;

struct AdoptFlags {
  HubOptions hub;
  std::string pid_directory = "/tmp";
  bool dry_run = false;
  bool yes = false;
  bool json = false;
};

// Everything of the hub that was and will be.
struct Target {
  WorkspacePlan plan;
  HubOptions options;  // to serve with
  bool served_before = false;
};

absl::Status Refused(const std::string& message, const std::string& path) {
  return base::MakeError(v1::ERROR_REASON_STATE_DIR_UNUSABLE, message, {{"path", path}});
}

// Errors: those of PlanWorkspaces and LoadOptions; STATE_DIR_UNUSABLE: there is no mirror.
absl::StatusOr<Target> FindTarget(const AdoptFlags& flags) {
  Target target;
  COORDHUB_ASSIGN_OR_RETURN(std::vector<WorkspacePlan> plans, PlanWorkspaces(flags.hub));
  target.plan = std::move(plans.front());
  COORDHUB_ASSIGN_OR_RETURN(std::optional<SavedOptions> saved, LoadOptions(target.plan));
  target.options = flags.hub;
  if (saved.has_value()) target.options = std::move(saved->hub);
  target.served_before = access(target.plan.state.journal().c_str(), F_OK) == 0;
  // Where the saved options put the mirror.
  COORDHUB_ASSIGN_OR_RETURN(plans, PlanWorkspaces(target.options));
  for (WorkspacePlan& plan : plans) {
    if (plan.common_dir == target.plan.common_dir) target.plan = std::move(plan);
  }
  if (!target.plan.mirror_dir.empty()) return target;
  return Refused("the hub of " + target.plan.common_dir + " keeps no shared_state/",
                 target.plan.common_dir);
}

// Whether the person at the terminal says yes. Nobody there: no.
bool Asked() {
  if (isatty(STDIN_FILENO) == 0) return false;
  std::fputs("Import them, and start the hub? [y/N] ", stdout);
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  const std::string word = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  return word == "y" || word == "yes";
}

// The tickets among `tickets` that the lines became: the newest with their titles, in their order.
// Empty: not all are there yet.
std::vector<Imported> Match(const Adoption& adoption, const std::vector<v1::Ticket>& tickets) {
  std::vector<const AdoptedLine*> lines;
  for (const AdoptedLine& line : adoption.lines) {
    if (line.ticket.has_value()) lines.push_back(&line);
  }
  std::vector<Imported> imported;
  auto line = lines.rbegin();
  for (auto ticket = tickets.rbegin(); ticket != tickets.rend() && line != lines.rend(); ++ticket) {
    if (!absl::StartsWith(ticket->creator(), "file:tickets.md")) continue;
    if (ticket->title() != (*line)->ticket->title()) continue;
    imported.push_back({(*line)->number, ticket->ticket_id()});
    ++line;
  }
  if (line != lines.rend()) return {};
  std::reverse(imported.begin(), imported.end());
  return imported;
}

// Errors: DEADLINE_PASSED; those of the hub.
absl::StatusOr<std::vector<Imported>> AwaitImport(const WorkspacePlan& plan,
                                                  const Adoption& adoption) {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<base::EndpointFile> endpoint,
                            base::ReadEndpointFile(plan.endpoint_file));
  if (!endpoint.has_value()) {
    return base::MakeError(v1::ERROR_REASON_HUB_UNREACHABLE, "the hub has stopped",
                           {{"endpoint", plan.endpoint_file}});
  }
  const base::SystemClock clock;
  const base::MonoTime patience_ends = clock.Mono() + kImportPatience;
  while (true) {
    COORDHUB_ASSIGN_OR_RETURN(const std::vector<v1::Ticket> tickets,
                              ListAllTickets(endpoint->endpoint, kProbeTimeout));
    std::vector<Imported> imported = Match(adoption, tickets);
    if (!imported.empty()) return imported;
    if (clock.Mono() >= patience_ends) {
      return base::MakeError(v1::ERROR_REASON_DEADLINE_PASSED,
                             "not all lines are tickets yet; the hub goes on, and coordhub status "
                             "says what keeps it");
    }
    poll(nullptr, 0, kPauseMs);
  }
}

// What a killed daemon left. Not while one may be writing it.
void RemoveTemporaryStatus(const Adoption& adoption) {
  if (!adoption.temporary_status || !adoption.running.empty()) return;
  const std::string path = adoption.directory + "/status.md.tmp";
  if (unlink(path.c_str()) != 0) std::perror(path.c_str());
}

// Copies the old directory, and lets a hub import it, which goes on running.
absl::StatusOr<AdoptionResult> Adopt(const Target& target, const Adoption& adoption) {
  AdoptionResult result;
  const std::string& state_dir = target.plan.state.dir();
  COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(state_dir));
  COORDHUB_ASSIGN_OR_RETURN(
      result.backup, BackUpSharedState(adoption.directory, state_dir, base::SystemClock().Wall()));
  RemoveTemporaryStatus(adoption);
  COORDHUB_ASSIGN_OR_RETURN(const ReadinessReport report, LaunchHub(target.options, kStartTimeout));
  if (report.exit_code != kOk) {
    return Refused(std::string(absl::StripAsciiWhitespace(report.text)), state_dir);
  }
  if (adoption.tickets > 0) {
    COORDHUB_ASSIGN_OR_RETURN(result.imported, AwaitImport(target.plan, adoption));
  }
  result.adopted = true;
  return result;
}

void PrintResult(const AdoptionResult& result) {
  std::printf("\n%zu tickets imported", result.imported.size());
  if (!result.imported.empty()) {
    std::printf(": line %lld is %s, line %lld is %s",
                static_cast<long long>(result.imported.front().line),
                result.imported.front().ticket_id.c_str(),
                static_cast<long long>(result.imported.back().line),
                result.imported.back().ticket_id.c_str());
  }
  std::printf("\nthe directory as it was: %s\nthe hub runs: coordctl ticket list\n",
              base::TerminalSafe(result.backup).c_str());
}

// Shows, asks, imports. Errors: those of what it does; STATE_DIR_UNUSABLE: nobody said yes.
absl::Status Run(const AdoptFlags& flags) {
  COORDHUB_ASSIGN_OR_RETURN(const Target target, FindTarget(flags));
  const absl::StatusOr<ProcessHandle> hub = FindHub(target.plan);
  COORDHUB_ASSIGN_OR_RETURN(
      const Adoption adoption,
      LookAtSharedState(target.plan.mirror_dir, hub.ok() || target.served_before,
                        flags.pid_directory));
  AdoptionResult result;
  const bool nothing = adoption.lines.empty() && adoption.inbox.empty();
  if (!flags.json) std::fputs(AdoptionText(adoption, kShownLines).c_str(), stdout);
  if (hub.ok() || nothing || flags.dry_run) {
    if (flags.json) {
      std::fputs(AdoptionJson(adoption, result).c_str(), stdout);
    } else if (hub.ok()) {
      std::printf("A hub runs (pid %d), and imports by itself what is appended: nothing to do.\n",
                  static_cast<int>(hub->pid()));
    } else if (nothing) {
      std::puts("Nothing to do.");
    }
    return absl::OkStatus();
  }
  if (!flags.yes && (flags.json || !Asked())) {
    return Refused("nothing was imported: say yes, or --yes", target.plan.mirror_dir);
  }
  COORDHUB_ASSIGN_OR_RETURN(result, Adopt(target, adoption));
  if (flags.json) {
    std::fputs(AdoptionJson(adoption, result).c_str(), stdout);
  } else {
    PrintResult(result);
  }
  return absl::OkStatus();
}

int RunAdopt(const AdoptFlags& flags) {
  const absl::Status status = Run(flags);
  if (status.ok()) return kOk;
  std::fprintf(stderr, "coordhub: %s\n", std::string(status.message()).c_str());
  return ExitCodeOf(status);
}

}  // namespace

void AddAdoptCommand(CLI::App* app, int* exit_code) {
  CLI::App* const command = app->add_subcommand(
      "adopt", "Import the shared_state/ of the scripts before the hub, under review");
  const auto flags = std::make_shared<AdoptFlags>();
  AddRepositoryOptions(command, &flags->hub);
  command->add_flag("--dry-run", flags->dry_run, "Show what would be imported, and do nothing");
  command->add_flag("-y,--yes", flags->yes, "Do not ask");
  command->add_flag("--json", flags->json, "One JSON object instead of text; asks nothing");
  command
      ->add_option("--old-pid-dir", flags->pid_directory,
                   "Where the old loops keep their pid files, to see which of them run")
      ->type_name("DIR")
      ->capture_default_str();
  command->footer(
      "Every line of tickets.md becomes a ticket, once. The directory as it was is copied into the "
      "state directory\nfirst; lines that cannot be read stay in shared_state/.rejected/. The hub "
      "is "
      "started for it and goes on\nrunning. `coordhub start` imports the same lines; adopt shows "
      "them first.\n"
      "\n"
      "Examples:\n"
      "  coordhub adopt --dry-run\n"
      "  coordhub adopt --yes --json | jq '.imported[].ticket_id'\n"
      "\n"
      "Exit codes: 0 imported, or nothing to import; 1 failed; 2 wrong usage; 4 refused: nobody "
      "said yes, or\nthere is no shared_state/ to keep.");
  command->callback([flags, exit_code] { *exit_code = RunAdopt(*flags); });
}

}  // namespace coordhub::hub
