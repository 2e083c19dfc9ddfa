// coordhub logs: what the hub and its loops wrote down.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "hub/main/commands.h"
#include "hub/main/exit_code.h"
#include "hub/main/log_tail.h"
#include "hub/main/options.h"
#include "hub/main/saved_options.h"

namespace coordhub::hub {
namespace {

constexpr absl::Duration kLookAgain = absl::Seconds(1);

struct LogsFlags {
  HubOptions hub;
  std::string loop;
  bool follow = false;
  bool json = false;
  size_t lines = 50;
};

const std::map<std::string, std::string>& LoopFiles() {
  static const auto& files =
      *new std::map<std::string, std::string>{{"monitor", "background_monitor.log"},
                                              {"coordinator", "conversation_coordinator.log"},
                                              {"comms", "communication_daemon.log"}};
  return files;
}

std::string ValueOf(const nlohmann::ordered_json& value) {
  return value.is_string()
             ? value.get<std::string>()
             : value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// "2026-11-22 20:25:38.123 info the hub is ready pid=8121", in the time of this place; a line of
// another form as it is.
std::string ForPeople(std::string_view line) {
  const auto object = nlohmann::ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || !object.contains("ts") || !object.contains("msg")) {
    return std::string(line);
  }
  std::string text = ValueOf(object["ts"]);
  absl::Time time;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) {
    text = absl::FormatTime("%Y-%m-%d %H:%M:%E3S", time, absl::LocalTimeZone());
  }
  absl::StrAppend(&text, " ", object.contains("level") ? ValueOf(object["level"]) : "?", " ",
                  ValueOf(object["msg"]));
  for (const auto& [key, value] : object.items()) {
    if (key != "ts" && key != "level" && key != "msg") {
      absl::StrAppend(&text, " ", key, "=", ValueOf(value));
    }
  }
  return text;
}

// Branches, paths and errors in a log are other people's text.
class Printer {
 public:
  explicit Printer(const LogsFlags& flags)
      : raw_(flags.json), people_(flags.loop.empty()), terminal_(isatty(STDOUT_FILENO) != 0) {}

  void operator()(std::string_view line) const {
    std::string text = raw_ || !people_ ? std::string(line) : ForPeople(line);
    // Indentation is part of the loops' lines; what the terminal would act on is not.
    if (terminal_ || (people_ && !raw_)) text = base::TerminalSafe(text);
    text += '\n';
    std::fwrite(text.data(), 1, text.size(), stdout);
  }

 private:
  const bool raw_;
  const bool people_;
  const bool terminal_;
};

// Where the hub logged that served the repository last, with the repositories that it served: its
// own log lies with the first of them. Errors: those of PlanWorkspaces and LoadOptions.
absl::StatusOr<std::string> LogPath(const LogsFlags& flags) {
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<WorkspacePlan> plans, PlanWorkspaces(flags.hub));
  const WorkspacePlan& plan = plans.front();
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<SavedOptions> saved, LoadOptions(plan));
  const HubOptions options = saved.has_value() ? saved->hub : flags.hub;
  auto planned = PlanWorkspaces(options);
  // Another one of them may be gone.
  const std::vector<WorkspacePlan>& served = planned.ok() ? *planned : plans;
  if (flags.loop.empty()) return HubLogFile(options, served);
  const auto same = std::find_if(served.begin(), served.end(), [&](const WorkspacePlan& other) {
    return other.common_dir == plan.common_dir;
  });
  const std::string& dir = same == served.end() ? plan.log_dir : same->log_dir;
  return absl::StrCat(dir, "/", LoopFiles().at(flags.loop));
}

// Until the reader goes or an error comes.
absl::Status FollowOn(LogTail* tail, const Printer& print) {
  while (std::fflush(stdout) == 0) {
    tail->AwaitChange(kLookAgain);
    COORDHUB_RETURN_IF_ERROR(tail->Follow(print));
  }
  return absl::OkStatus();
}

absl::Status Show(const LogsFlags& flags) {
  COORDHUB_ASSIGN_OR_RETURN(const std::string path, LogPath(flags));
  if (!flags.follow && access(path.c_str(), F_OK) != 0) {
    return base::MakeError(
        v1::ERROR_REASON_HUB_UNREACHABLE,
        absl::StrCat("there is no log at ", path, "; the hub writes it: coordhub start"),
        {{"endpoint", path}});
  }
  LogTail tail(path);
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<std::string> lines, tail.LastLines(flags.lines));
  const Printer print(flags);
  for (const std::string& line : lines) print(line);
  return flags.follow ? FollowOn(&tail, print) : absl::OkStatus();
}

int RunLogs(const LogsFlags& flags) {
  const absl::Status status = Show(flags);
  if (status.ok()) return kOk;
  std::fprintf(stderr, "coordhub: %s\n", std::string(status.message()).c_str());
  return ExitCodeOf(status);
}

}  // namespace

void AddLogsCommand(CLI::App* app, int* exit_code) {
  CLI::App* const command =
      app->add_subcommand("logs", "Show what the hub, or one of its loops, wrote down");
  const auto flags = std::make_shared<LogsFlags>();
  AddRepositoryOptions(command, &flags->hub);
  command->add_flag("-f,--follow", flags->follow, "Go on with what is written from now on");
  command->add_option("-n,--lines", flags->lines, "Begin with so many of the last lines")
      ->capture_default_str();
  CLI::Option* const loop =
      command->add_option("--loop", flags->loop, "Of this loop: monitor, coordinator or comms")
          ->check(CLI::IsMember({"monitor", "coordinator", "comms"}));
  command->add_flag("--json", flags->json, "The hub's own log as it stands: a JSON object a line")
      ->excludes(loop);
  command->footer(
      "Examples:\n"
      "  coordhub logs                     the hub's log, for people\n"
      "  coordhub logs -f --loop comms     the communication daemon's, live\n"
      "  coordhub logs -n 1000 --json | jq 'select(.level == \"error\")'\n"
      "\n"
      "Exit codes: 0 ok; 1 unreadable; 2 wrong usage; 6 there is no such log: no hub has run.");
  command->callback([flags, exit_code] { *exit_code = RunLogs(*flags); });
}

}  // namespace coordhub::hub
