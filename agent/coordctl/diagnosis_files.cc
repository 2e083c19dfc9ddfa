#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/atomic_file.h"
#include "agent/base/file_identity.h"
#include "agent/base/last_words.h"
#include "agent/base/log.h"
#include "agent/base/process.h"
#include "agent/base/text.h"
#include "agent/coordctl/diagnosis.h"
#include "agent/coordctl/listener.h"

namespace coordhub::coordctl {
namespace {

using Level = Finding::Level;

constexpr uint64_t kLowDiskBytes = uint64_t{256} << 20;
constexpr uint64_t kFullDiskBytes = uint64_t{16} << 20;
constexpr off_t kLogTailBytes = 256 << 10;
constexpr absl::Duration kRecently = absl::Hours(1);

std::optional<struct stat> StatOf(const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return std::nullopt;
  return found;
}

bool Lives(int64_t pid) {
  return pid <= std::numeric_limits<pid_t>::max() && base::ProcessExists(static_cast<pid_t>(pid));
}

// The process that holds a lock (flock) on what is at `path`; 0: nobody. Takes no lock, so that no
// hub that is starting meets one of ours.
int64_t LockHolder(const std::string& path) {
  const auto file = base::IdentityAt(path);
  return file.has_value() ? base::FlockHolder(*file) : 0;
}

// shared_state/ in the main worktree, also where one stands in another one; empty: there is none.
std::string DefaultMirror(const base::GitLocation& repository) {
  const std::filesystem::path common_dir = repository.common_dir;
  if (repository.worktree_name.empty()) {
    return repository.worktree_root.empty() ? "" : repository.worktree_root + "/shared_state";
  }
  return common_dir.filename() == ".git" ? (common_dir.parent_path() / "shared_state").string()
                                         : "";
}

class FileDoctor {
 public:
  FileDoctor(const Site& site, absl::Time now)
      : site_(site),
        now_(now),
        holder_(LockHolder(site.repository.common_dir)),
        last_words_(base::ReadLastWords(site.repository.common_dir)) {}

  std::vector<Finding> Run() {
    if (!StateDirectory()) return std::move(findings_);
    Secrets();
    Hub();
    HeldFiles();
    PidFile();
    Journal();
    Disk();
    Mirror();
    Log();
    return std::move(findings_);
  }

 private:
  void Add(Level level, const char* area, std::string what, std::string advice = "") {
    findings_.push_back({level, area, std::move(what), std::move(advice)});
  }

  bool StateDirectory() {
    const std::string& dir = site_.state.dir();
    const auto found = StatOf(dir);
    if (!found.has_value()) {
      NoStateDirectory(dir);
      return false;
    }
    if (!S_ISDIR(found->st_mode)) {
      Add(Level::kProblem, "hub", dir + " is no directory", "move it away, then: coordhub start");
      return false;
    }
    if (found->st_uid != geteuid()) {
      Add(Level::kProblem, "hub", absl::StrCat(dir, " belongs to user ", found->st_uid),
          "work as that user, or chown it to you");
    } else if ((found->st_mode & 077) != 0) {
      Add(Level::kProblem, "hub", dir + " is open to other users", "chmod 700 " + dir);
    } else {
      Add(Level::kFine, "hub", "the state directory is private: " + dir);
    }
    return true;
  }

  void NoStateDirectory(const std::string& dir) {
    if (holder_ != 0) {
      Add(Level::kProblem, "hub",
          absl::StrCat("process ", holder_, " serves this repository, but ", dir,
                       " was removed or renamed under it"),
          LostAdvice());
    } else if (last_words_.has_value()) {
      LastWords();
    } else {
      Add(Level::kProblem, "hub",
          "no hub was ever started for this repository: " + dir + " does not exist",
          "coordhub start");
    }
  }

  // What to do about a hub that lost its files. Never to start another one: that would begin
  // without what this one knows.
  std::string LostAdvice() const {
    return absl::StrCat(
        "it acknowledges nothing more and ends within a second; if it does not, kill it (kill -9 ",
        holder_,
        "). What was renamed, bring back before the next start; what was removed, a backup has: "
        "coordhub restore");
  }

  // Why the last hub stopped, where it could not say it in its log.
  void LastWords() {
    const bool journal_is_there = StatOf(site_.state.journal()).has_value();
    Add(Level::kProblem, "hub",
        absl::StrCat(
            "the hub (process ", last_words_->pid, ") stopped ",
            absl::FormatTime("%Y-%m-%d %H:%M:%S", last_words_->time, absl::LocalTimeZone()), ": ",
            last_words_->what),
        journal_is_there
            ? "coordhub start; nothing that was acknowledged is lost"
            : "what was renamed, bring back; what was removed, a backup has: coordhub restore. A "
              "start without either begins an empty log");
  }

  // Whether the hub that serves still has the files that are at their paths.
  void HeldFiles() {
    const bool announced = site_.endpoint.ok() && site_.endpoint->has_value() &&
                           (*site_.endpoint)->pid == holder_ && holder_ != 0;
    const auto repository = base::IdentityAt(site_.repository.common_dir);
    // Else it is starting, or nobody may look into it.
    if (!announced || !repository.has_value() || !HolderHas(*repository)) return;
    for (const std::string& path :
         {site_.state.lock(), site_.state.journal(), site_.state.journal() + "-wal"}) {
      const auto file = base::IdentityAt(path);
      if (file.has_value() && HolderHas(*file)) continue;
      Add(Level::kProblem, "journal",
          absl::StrCat(path, file.has_value() ? " was replaced" : " was removed or renamed",
                       " under process ", holder_, ", which serves this repository"),
          LostAdvice());
      return;
    }
  }
  bool HolderHas(const base::FileIdentity& file) const {
    return base::HasOpen(static_cast<pid_t>(holder_), file);
  }

  void Secrets() {
    for (const std::string& path : {site_.state.workspace_key(), site_.state.operator_token()}) {
      const auto found = StatOf(path);
      if (found.has_value() && (found->st_mode & 077) != 0) {
        Add(Level::kProblem, "hub", path + " is a secret that other users can read",
            "chmod 600 " + path);
      }
    }
    if (StatOf(site_.state.journal()).has_value() &&
        !StatOf(site_.state.workspace_key()).has_value()) {
      Add(Level::kProblem, "hub",
          site_.state.workspace_key() +
              " is gone: the hub will make a new one, and every "
              "session's token becomes invalid",
          "coordhub restart, then let the agents register again");
    }
  }

  void Hub() {
    if (!site_.endpoint.ok()) {
      Add(Level::kProblem, "hub", std::string(site_.endpoint.status().message()),
          "coordhub restart writes it anew");
      return;
    }
    const int64_t holder = LockHolder(site_.state.lock());
    if (!site_.endpoint->has_value()) return NoEndpoint(holder);
    const base::EndpointFile& endpoint = **site_.endpoint;
    if (AwaitListener(endpoint.endpoint, absl::ZeroDuration()).ok()) {
      Add(Level::kFine, "hub",
          absl::StrCat("process ", endpoint.pid, " listens at ", endpoint.endpoint));
      if (holder == 0 && !Lives(endpoint.pid)) {
        Add(Level::kWarning, "hub",
            absl::StrCat("process ", endpoint.pid, ", which should serve, is not to be seen here"),
            "is it in another container? Then ask there");
      }
      return;
    }
    if (Lives(endpoint.pid) && holder != 0) {
      Add(Level::kProblem, "hub",
          absl::StrCat("process ", endpoint.pid, " lives, but nobody listens at ",
                       endpoint.endpoint),
          "it is starting, stopping or hanging: coordhub status; if it stays so: coordhub restart");
      return;
    }
    if (last_words_.has_value()) return LastWords();
    if (Lives(endpoint.pid)) {
      Add(Level::kProblem, "hub",
          absl::StrCat("no hub runs for ", site_.state.dir(), ": process ", endpoint.pid,
                       " does not hold it (a copy of the directory of another hub's repository, or "
                       "a stranger that has the number by now)"),
          "coordhub start");
      return;
    }
    Add(Level::kProblem, "hub",
        absl::StrCat("no hub runs: process ", endpoint.pid,
                     " ended without a farewell (killed, or the machine was restarted) and left ",
                     site_.state.endpoint(), " behind"),
        "coordhub start; nothing that was acknowledged is lost");
  }

  void NoEndpoint(int64_t holder) {
    if (holder != 0) {
      Add(Level::kProblem, "hub",
          absl::StrCat("process ", holder, " holds the lock, but does not serve"),
          "it is starting or stopping; if it stays so, end it and: coordhub start");
      return;
    }
    if (holder_ != 0) {
      Add(Level::kProblem, "hub",
          absl::StrCat("process ", holder_, " holds the repository, but not what is in ",
                       site_.state.dir()),
          "it is starting or stopping, or that was removed or renamed under it. If it stays so: " +
              LostAdvice());
      return;
    }
    if (last_words_.has_value()) return LastWords();
    Add(Level::kProblem, "hub", "no hub runs", "coordhub start");
  }

  void PidFile() {
    const auto text = base::ReadFile(site_.state.hub_pid(), 4096);
    if (!text.ok() || !text->has_value()) return;
    int64_t pid = 0;
    const bool parsed = absl::SimpleAtoi((*text)->substr(0, (*text)->find('\n')), &pid);
    if (parsed && Lives(pid)) return;
    Add(Level::kWarning, "hub",
        parsed ? absl::StrCat(site_.state.hub_pid(), " names process ", pid, ", which is gone")
               : site_.state.hub_pid() + " is no pid file",
        "harmless: the next start replaces it");
  }

  void Journal() {
    const std::string path = site_.state.journal();
    const auto found = StatOf(path);
    if (!found.has_value()) {
      const bool lost = StatOf(site_.state.workspace_key()).has_value();
      Add(Level::kProblem, "journal", path + " does not exist",
          lost ? "no hub starts without it: bring it back, or a backup (coordhub restore)"
               : "a hub that starts makes a new one; to bring back an old one: coordhub restore");
      return;
    }
    std::ifstream file(path, std::ios::binary);
    std::string magic(16, '\0');
    file.read(magic.data(), static_cast<std::streamsize>(magic.size()));
    if (!file) {
      Add(Level::kProblem, "journal", path + " cannot be read", "look at its owner and mode");
    } else if (magic != std::string("SQLite format 3\0", 16)) {
      Add(Level::kProblem, "journal", path + " is no journal: it is damaged, or another file",
          "coordhub restore from a backup");
    } else {
      Add(Level::kFine, "journal", absl::StrCat(path, ", ", found->st_size >> 10, " KiB"));
    }
  }

  void Disk() {
    struct statvfs disk {};
    if (statvfs(site_.state.dir().c_str(), &disk) != 0) return;
    const uint64_t free = uint64_t{disk.f_bavail} * disk.f_frsize;
    if (free >= kLowDiskBytes) return;
    Add(free < kFullDiskBytes ? Level::kProblem : Level::kWarning, "journal",
        absl::StrCat("only ", free >> 20, " MiB are free where the journal is"),
        "make room; the hub writes on by itself as soon as there is some");
  }

  void Mirror() {
    const std::string& path = site_.mirror_dir;
    if (path.empty()) return;
    struct stat found {};
    if (stat(path.c_str(), &found) != 0) {
      const bool dangles = StatOf(path).has_value();
      Add(dangles ? Level::kProblem : Level::kWarning, "mirror",
          path + (dangles ? " is a link to nothing" : " does not exist"),
          dangles ? "remove the link; a hub that runs puts it right" : "a hub that runs makes it");
    } else if (!S_ISDIR(found.st_mode)) {
      Add(Level::kProblem, "mirror", path + " is no directory", "move it away");
    } else if (access(path.c_str(), W_OK) != 0) {
      Add(Level::kProblem, "mirror", path + " cannot be written", "look at its owner and mode");
    } else {
      Add(Level::kFine, "mirror", path + " is there and can be written");
    }
  }

  // Errors that the hub's log tells of lately.
  void Log() {
    std::ifstream file(site_.log_file, std::ios::binary | std::ios::ate);
    if (!file) return;
    const auto size = static_cast<off_t>(file.tellg());
    file.seekg(size > kLogTailBytes ? size - kLogTailBytes : 0);
    int errors = 0;
    std::string newest;
    for (std::string line; std::getline(file, line);) {
      const auto entry = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!entry.is_object() || !IsRecentError(entry)) continue;
      ++errors;
      newest = TextOf(entry, "msg");
      if (const std::string why = TextOf(entry, "error"); !why.empty()) newest += ": " + why;
    }
    if (errors == 0) return;
    Add(Level::kWarning, "hub",
        absl::StrCat(errors, errors == 1 ? " error" : " errors",
                     " in the log within the last hour, the newest: ",
                     base::OneLine(base::TerminalSafe(newest), 300)),
        "read " + site_.log_file);
  }

  static std::string TextOf(const nlohmann::json& entry, const char* key) {
    const auto it = entry.find(key);
    return it != entry.end() && it->is_string() ? it->get<std::string>() : "";
  }

  bool IsRecentError(const nlohmann::json& entry) const {
    absl::Time time;
    std::string ignored;
    return TextOf(entry, "level") == "error" &&
           absl::ParseTime(absl::RFC3339_full, TextOf(entry, "ts"), &time, &ignored) &&
           now_ - time < kRecently;
  }

  const Site& site_;
  const absl::Time now_;
  const int64_t holder_;  // of the repository; 0: nobody
  const std::optional<base::LastWords> last_words_;
  std::vector<Finding> findings_;
};

}  // namespace

Site FindSite(const base::GitLocation& repository) {
  Site site{repository, base::StatePaths::UnderCommonDir(repository.common_dir), std::nullopt, "",
            ""};
  site.endpoint = base::ReadEndpointFile(site.state.endpoint());
  const bool announced = site.endpoint.ok() && site.endpoint->has_value();
  const base::EndpointFile endpoint = announced ? **site.endpoint : base::EndpointFile();
  if (!endpoint.state_dir.empty()) site.state = base::StatePaths(endpoint.state_dir);
  site.log_file = endpoint.log_file.empty() ? site.state.logs() + "/hub.log" : endpoint.log_file;
  site.mirror_dir = endpoint.mirror_dir.value_or(DefaultMirror(repository));
  return site;
}

std::vector<Finding> DiagnoseFiles(const Site& site, absl::Time now) {
  return FileDoctor(site, now).Run();
}

}  // namespace coordhub::coordctl
