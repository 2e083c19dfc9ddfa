#include "hub/main/options.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "agent/base/error.h"
#include "agent/base/git_location.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"
#include "hub/core/limits.h"
#include "hub/git/repository.h"
#include "hub/main/state_pointer.h"
#include "hub/operations/worktree_naming.h"

namespace coordhub::hub {
namespace {

constexpr char kSharedState[] = "shared_state";
const std::map<std::string, base::LogLevel>& LogLevels() {
  static const auto& levels =
      *new std::map<std::string, base::LogLevel>{{"debug", base::LogLevel::kDebug},
                                                 {"info", base::LogLevel::kInfo},
                                                 {"warning", base::LogLevel::kWarning},
                                                 {"error", base::LogLevel::kError}};
  return levels;
}

// An option that is given once for each value.
void AddRepeated(CLI::App* app, const char* name, std::vector<std::string>* values,
                 const char* help) {
  app->add_option(name, *values, help)->allow_extra_args(false)->type_name("DIR");
}

std::string Absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) return path;
  std::string text = absolute.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

// "/home/me/app/.git" and "/srv/git/app.git" are both "app".
std::string NameOf(const std::string& common_dir) {
  std::filesystem::path path(common_dir);
  if (path.filename() == ".git") path = path.parent_path();
  std::string name = path.filename().string();
  constexpr std::string_view kSuffix = ".git";
  if (name.size() > kSuffix.size() && name.ends_with(kSuffix)) {
    name.resize(name.size() - kSuffix.size());
  }
  name = base::OneLine(name, core::limits::kWorkspaceIdBytes - 8);
  return name.empty() ? "workspace" : name;
}

std::string Unique(const std::string& name, std::set<std::string>* taken) {
  std::string candidate = name;
  for (int n = 2; !taken->insert(candidate).second; ++n) {
    candidate = name + "-" + std::to_string(n);
  }
  return candidate;
}

absl::Status CheckCount(const char* flag, size_t given, size_t repos) {
  if (given == 0 || given == repos) return absl::OkStatus();
  return base::MakeFieldError(flag, std::string(flag) + " must be given once for each --repo (" +
                                        std::to_string(repos) + "), or not at all");
}

absl::StatusOr<base::StatePaths> ChooseState(const std::string& common_dir,
                                             const std::string& endpoint_file,
                                             const std::string& flag) {
  if (!flag.empty()) return base::StatePaths(Absolute(flag));
  // One that cannot be read is overwritten by the next start.
  const auto endpoint = base::ReadEndpointFile(endpoint_file);
  if (endpoint.ok() && endpoint->has_value() && !(*endpoint)->state_dir.empty()) {
    return base::StatePaths((*endpoint)->state_dir);
  }
  COORDHUB_ASSIGN_OR_RETURN(const auto elsewhere, ReadStatePointer(common_dir));
  if (elsewhere.has_value()) return base::StatePaths(*elsewhere);
  return base::StatePaths::UnderCommonDir(common_dir);
}

// Also refuses what cannot be served, before anything is made for it.
absl::StatusOr<std::string> FindMainWorktree(const base::GitLocation& location) {
  const bool by_main_worktree = location.worktree_name.empty();
  COORDHUB_ASSIGN_OR_RETURN(
      const auto repository,
      git::Repository::Open(location.common_dir, by_main_worktree ? location.worktree_root : ""));
  return repository->main_worktree();
}

std::string ChooseMirror(const std::string& main_worktree, const HubOptions& options,
                         size_t index) {
  if (options.no_mirror) return "";
  if (!options.mirror_dirs.empty()) return Absolute(options.mirror_dirs[index]);
  return main_worktree.empty() ? "" : main_worktree + "/" + kSharedState;
}

// A span, as `500ms` or `1m30s`.
CLI::Option* AddSpan(CLI::App* app, const char* flag, const char* help, absl::Duration min,
                     absl::Duration max, absl::Duration* value) {
  const auto check = [min, max](const std::string& text) -> std::string {
    absl::Duration parsed;
    if (!absl::ParseDuration(text, &parsed)) return "no duration, as 500ms or 1m30s: " + text;
    if (parsed >= min && parsed <= max) return std::string();
    return "not within " + absl::FormatDuration(min) + " to " + absl::FormatDuration(max) + ": " +
           text;
  };
  const auto set = [value](const std::string& text) { absl::ParseDuration(text, value); };
  return app->add_option_function<std::string>(flag, set, help)->check(check)->type_name("TIME");
}

constexpr absl::Duration kArchiveAfterMin = absl::Minutes(1);
constexpr absl::Duration kArchiveAfterMax = absl::Hours(24 * 3650);

// A number of bytes, as `500MiB`; units are powers of 1024 with and without `i`. False: it is none.
bool ParseSize(const std::string& text, int64_t* bytes) {
  static const std::map<std::string, int> kShifts = {
      {"", 0},     {"B", 0},  {"K", 10},  {"KB", 10},  {"KIB", 10}, {"M", 20},  {"MB", 20},
      {"MIB", 20}, {"G", 30}, {"GB", 30}, {"GIB", 30}, {"T", 40},   {"TB", 40}, {"TIB", 40}};
  const size_t digits = text.find_first_not_of("0123456789");
  const std::string unit =
      digits == std::string::npos ? "" : absl::AsciiStrToUpper(text.substr(digits));
  const auto shift = kShifts.find(unit);
  int64_t number = 0;
  if (shift == kShifts.end() || !absl::SimpleAtoi(text.substr(0, digits), &number)) return false;
  if (number > (int64_t{1} << 50) >> shift->second) return false;
  *bytes = number << shift->second;
  return true;
}

void AddInterval(CLI::App* app, const char* flag, const char* help, absl::Duration* value) {
  AddSpan(app, flag, help, LoopIntervals::kMin, LoopIntervals::kMax, value)
      ->default_str(absl::FormatDuration(*value));
}

void AppendInterval(const char* flag, absl::Duration value, absl::Duration standard,
                    std::vector<std::string>* arguments) {
  if (value == standard) return;
  arguments->insert(arguments->end(), {flag, absl::FormatDuration(value)});
}

std::string LogDirOf(const HubOptions& options, const WorkspacePlan& plan, size_t repos) {
  if (options.log_dir.empty()) return plan.state.logs();
  const std::string dir = Absolute(options.log_dir);
  return repos == 1 ? dir : dir + "/" + plan.workspace_id;
}

void AppendFlag(const char* flag, const std::vector<std::string>& paths,
                std::vector<std::string>* arguments) {
  for (const std::string& path : paths) {
    arguments->push_back(flag);
    arguments->push_back(Absolute(path));
  }
}

}  // namespace

void AddRepositoryOptions(CLI::App* app, HubOptions* options) {
  AddRepeated(app, "--repo", &options->repos,
              "A repository, by any path inside it (default: the current directory)");
  AddRepeated(app, "--state-dir", &options->state_dirs,
              "Where its journal is (default: where it was, else <git common directory>/coordhub)");
}

void AddMirrorOptions(CLI::App* app, HubOptions* options) {
  AddRepeated(app, "--mirror-dir", &options->mirror_dirs,
              "Where tickets.md and status.md are written (default: shared_state/ in the main "
              "worktree)");
  app->add_flag("--no-mirror", options->no_mirror, "Do not write them")->excludes("--mirror-dir");
}

void AddServeOptions(CLI::App* app, HubOptions* options) {
  AddRepositoryOptions(app, options);
  app->get_option("--repo")->description(
      "A repository, by any path inside it; repeat to serve several (default: the current "
      "directory)");
  AddMirrorOptions(app, options);
  app->add_option("--tcp", options->tcp_address,
                  "Listen on this loopback address as well, as 127.0.0.1:7777 (port 0: any); "
                  "callers present a token")
      ->type_name("HOST:PORT");
  app->add_option("--pid-dir", options->pid_dir,
                  "Also write background_monitor.pid, conversation_coordinator.pid and "
                  "communication_daemon.pid here, for scripts that check or kill by them")
      ->type_name("DIR");
  AddInterval(app, "--monitor-interval", "Time between steps of the background monitor",
              &options->intervals.monitor);
  AddInterval(app, "--coordinator-interval", "Time between steps of the conversation coordinator",
              &options->intervals.coordinator);
  AddInterval(app, "--comms-interval", "Time between steps of the communication daemon",
              &options->intervals.comms);
  AddSpan(app, "--claim-timeout",
          "Free a ticket whose holder does not renew its claim for so long, where the claim states "
          "no time of its own; as 2h (default: a claim lives as long as its session)",
          core::limits::kClaimTimeoutMin, core::limits::kClaimTimeoutMax, &options->claim_timeout);
  app->add_option_function<std::string>(
         "--text-quota",
         [options](const std::string& text) { ParseSize(text, &options->text_quota); },
         "Refuse new bodies and comments once a workspace has so much text; as 500MiB, 8GiB or 0 "
         "for "
         "no bound")
      ->check([](const std::string& text) {
        int64_t bytes = 0;
        return ParseSize(text, &bytes) ? std::string() : "no size, as 500MiB or 8GiB: " + text;
      })
      ->default_str("4GiB")
      ->type_name("SIZE");
  AddSpan(
      app, "--archive-after",
      "Archive a finished ticket that did not change for so long: it leaves the hub's memory and "
      "stays readable",
      kArchiveAfterMin, kArchiveAfterMax, &options->archive_after)
      ->default_str(absl::FormatDuration(options->archive_after));
  app->add_option("--archive-beyond", options->archive_beyond,
                  "Archive the oldest finished tickets when there are more than so many")
      ->check(CLI::Range(int64_t{0}, int64_t{core::limits::kTickets}))
      ->capture_default_str()
      ->type_name("COUNT");
  app->add_option("--branch-pattern", options->branch_patterns,
                  "Branches to observe, as 'conversation-*'; repeat for several (default: "
                  "conversation-* and task-*)")
      ->allow_extra_args(false)
      ->type_name("GLOB");
  app->add_option("--target-branch", options->target_branch,
                  "The branch that others are measured against (default: origin's HEAD, main or "
                  "master)")
      ->type_name("BRANCH");
  app->add_option(
         "--worktree-branch", options->worktree_branches,
         "How the branch of a new worktree is named that nobody names, with {ticket}, "
         "{title} (of the ticket) or {agent}; repeat for several: the first whose parts are "
         "known is taken (at last: task-{ticket}, {agent})")
      ->allow_extra_args(false)
      ->check([](const std::string& pattern) {
        const absl::Status status = operations::WorktreeNaming::Check(pattern);
        return std::string(base::ToStd(status.message()));
      })
      ->type_name("PATTERN");
  app->add_option("--log-dir", options->log_dir,
                  "Directory of hub.log and the loops' logs, with several repositories one below "
                  "it for each (default: <state directory>/logs)")
      ->type_name("DIR");
  app->add_option("--log-level", options->log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  app->add_option("--log-file", options->log_file, "The hub's own log, instead of hub.log there")
      ->type_name("FILE");
}

std::vector<std::string> ToArguments(const HubOptions& options) {
  std::vector<std::string> arguments;
  AppendFlag("--repo", options.repos.empty() ? std::vector<std::string>{"."} : options.repos,
             &arguments);
  AppendFlag("--state-dir", options.state_dirs, &arguments);
  AppendFlag("--mirror-dir", options.mirror_dirs, &arguments);
  if (options.no_mirror) arguments.push_back("--no-mirror");
  if (!options.tcp_address.empty())
    arguments.insert(arguments.end(), {"--tcp", options.tcp_address});
  if (!options.pid_dir.empty()) AppendFlag("--pid-dir", {options.pid_dir}, &arguments);
  const LoopIntervals standard;
  AppendInterval("--monitor-interval", options.intervals.monitor, standard.monitor, &arguments);
  AppendInterval("--coordinator-interval", options.intervals.coordinator, standard.coordinator,
                 &arguments);
  AppendInterval("--comms-interval", options.intervals.comms, standard.comms, &arguments);
  AppendInterval("--claim-timeout", options.claim_timeout, absl::ZeroDuration(), &arguments);
  const HubOptions defaults;
  if (options.text_quota != defaults.text_quota) {
    arguments.insert(arguments.end(), {"--text-quota", std::to_string(options.text_quota)});
  }
  AppendInterval("--archive-after", options.archive_after, defaults.archive_after, &arguments);
  if (options.archive_beyond != defaults.archive_beyond) {
    arguments.insert(arguments.end(), {"--archive-beyond", std::to_string(options.archive_beyond)});
  }
  for (const std::string& pattern : options.branch_patterns) {
    arguments.insert(arguments.end(), {"--branch-pattern", pattern});
  }
  if (!options.target_branch.empty()) {
    arguments.insert(arguments.end(), {"--target-branch", options.target_branch});
  }
  for (const std::string& pattern : options.worktree_branches) {
    arguments.insert(arguments.end(), {"--worktree-branch", pattern});
  }
  if (!options.log_dir.empty()) AppendFlag("--log-dir", {options.log_dir}, &arguments);
  arguments.insert(arguments.end(), {"--log-level", options.log_level});
  if (!options.log_file.empty()) AppendFlag("--log-file", {options.log_file}, &arguments);
  return arguments;
}

base::LogLevel LogLevelOf(const std::string& name) {
  const auto level = LogLevels().find(name);
  return level == LogLevels().end() ? base::LogLevel::kInfo : level->second;
}

absl::StatusOr<std::vector<WorkspacePlan>> PlanWorkspaces(const HubOptions& options) {
  const std::vector<std::string> repos =
      options.repos.empty() ? std::vector<std::string>{"."} : options.repos;
  COORDHUB_RETURN_IF_ERROR(CheckCount("--state-dir", options.state_dirs.size(), repos.size()));
  COORDHUB_RETURN_IF_ERROR(CheckCount("--mirror-dir", options.mirror_dirs.size(), repos.size()));

  std::vector<WorkspacePlan> plans;
  std::set<std::string> names;
  for (size_t i = 0; i < repos.size(); ++i) {
    COORDHUB_ASSIGN_OR_RETURN(const base::GitLocation location, base::LocateRepository(repos[i]));
    WorkspacePlan plan;
    plan.common_dir = location.common_dir;
    if (std::any_of(plans.begin(), plans.end(),
                    [&](const auto& other) { return other.common_dir == plan.common_dir; })) {
      return base::MakeFieldError("--repo", plan.common_dir + " was given twice");
    }
    plan.workspace_id = Unique(NameOf(plan.common_dir), &names);
    plan.endpoint_file = base::StatePaths::UnderCommonDir(plan.common_dir).endpoint();
    plan.state_is_named = !options.state_dirs.empty();
    COORDHUB_ASSIGN_OR_RETURN(plan.state,
                              ChooseState(plan.common_dir, plan.endpoint_file,
                                          options.state_dirs.empty() ? "" : options.state_dirs[i]));
    COORDHUB_ASSIGN_OR_RETURN(plan.main_worktree, FindMainWorktree(location));
    plan.mirror_dir = ChooseMirror(plan.main_worktree, options, i);
    plan.log_dir = LogDirOf(options, plan, repos.size());
    plans.push_back(std::move(plan));
  }
  const std::string hub_log = HubLogFile(options, plans);
  for (WorkspacePlan& plan : plans) plan.hub_log = hub_log;
  return plans;
}

std::string HubLogFile(const HubOptions& options, const std::vector<WorkspacePlan>& plans) {
  constexpr char kName[] = "/hub.log";
  if (!options.log_file.empty()) return Absolute(options.log_file);
  if (!options.log_dir.empty()) return Absolute(options.log_dir) + kName;
  return plans.front().log_dir + kName;
}

}  // namespace coordhub::hub
