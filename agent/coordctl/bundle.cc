#include "agent/coordctl/bundle.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/log.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

namespace fs = std::filesystem;

constexpr std::streamoff kLogTailBytes = 512 << 10;
constexpr size_t kMaxLogs = 32;

// Paths under `directory`, in order, one level down.
std::vector<fs::path> FilesIn(const std::string& directory) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    paths.push_back(it->path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Names, modes and sizes; never contents.
std::string ListingOf(const std::string& directory) {
  std::string text;
  for (const fs::path& path : FilesIn(directory)) {
    struct stat found {};
    if (lstat(path.c_str(), &found) != 0) continue;
    absl::StrAppend(&text, absl::StrFormat("%06o %8d uid %d %s\n", found.st_mode, found.st_size,
                                           found.st_uid, path.filename().string()));
  }
  return text;
}

std::string TailOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - kLogTailBytes));
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  // A token that was cut in two would not be known for one.
  if (size > kLogTailBytes) text.erase(0, std::min(text.find('\n'), text.size()));
  return text;
}

void AddLogs(const std::string& directory, const std::string& prefix,
             std::vector<ArchiveEntry>* entries) {
  size_t logs = 0;
  for (const fs::path& path : FilesIn(directory)) {
    std::error_code error;
    if (!fs::is_regular_file(fs::symlink_status(path, error)) || ++logs > kMaxLogs) continue;
    if (path.filename().string().find(".log") == std::string::npos) continue;
    entries->push_back({prefix + path.filename().string().substr(0, 60), TailOf(path)});
  }
}

void AddSite(const Site& site, std::vector<ArchiveEntry>* entries) {
  std::string listing = absl::StrCat(site.state.dir(), "\n", ListingOf(site.state.dir()));
  for (const std::string& directory : {site.state.snapshots(), site.state.logs()}) {
    absl::StrAppend(&listing, "\n", directory, "\n", ListingOf(directory));
  }
  entries->push_back({"state-directory.txt", listing});
  AddLogs(site.state.logs(), "logs/", entries);
  const fs::path log = site.log_file;
  if (log.parent_path() == fs::path(site.state.logs())) return;
  if (std::string tail = TailOf(log); !tail.empty()) {
    entries->push_back({"hub-log/" + log.filename().string().substr(0, 60), std::move(tail)});
  }
}

std::string EventsOf(const std::vector<pb::Event>& events) {
  std::string text;
  for (pb::Event event : events) {
    event.clear_changes();
    event.clear_reason();
    absl::StrAppend(&text, ToJson(event, false), "\n");
  }
  return text;
}

// What people and agents wrote at length is nobody's business; titles tell tickets apart.
std::string TicketsOf(const std::vector<pb::Ticket>& tickets) {
  std::string text;
  for (pb::Ticket ticket : tickets) {
    ticket.clear_progress();
    ticket.mutable_outcome()->clear_summary();
    ticket.mutable_outcome()->clear_reason();
    absl::StrAppend(&text, ToJson(ticket, false), "\n");
  }
  return text;
}

std::string EnvironmentOf(const Context& context) {
  std::string text = absl::StrCat("coordctl ", COORDHUB_VERSION, "\n");
  for (const auto& [name, value] : context.host().environment) {
    // Whatever it holds is a token, or leads to one.
    const bool secret = name == "COORDHUB_SESSION";
    absl::StrAppend(&text, name, "=", secret ? "(set)" : value, "\n");
  }
  return text;
}

}  // namespace

std::vector<ArchiveEntry> CollectBundle(const Context& context, const BundleInput& input) {
  std::vector<ArchiveEntry> entries = {{"findings.json", input.report},
                                       {"environment.txt", EnvironmentOf(context)}};
  if (input.site != nullptr) AddSite(*input.site, &entries);
  if (input.overview != nullptr) {
    const Overview& overview = *input.overview;
    entries.push_back({"overview.json", OverviewJson(overview, /*pretty=*/true)});
    entries.push_back({"tickets.jsonl", TicketsOf(input.tickets)});
    entries.push_back({"events.jsonl", EventsOf(input.events)});
    const std::string& loops = overview.hub.workspace().log_dir();
    if (!loops.empty() && (input.site == nullptr || loops != input.site->state.logs())) {
      AddLogs(loops, "loop-logs/", &entries);
    }
  }
  for (ArchiveEntry& entry : entries) {
    entry.name = "coordhub-debug/" + entry.name;
    entry.content = base::RedactTokens(entry.content);
  }
  return entries;
}

}  // namespace coordhub::coordctl
