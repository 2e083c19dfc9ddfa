#include "hub/main/adoption.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/base/unique_fd.h"
#include "hub/main/pid_directory.h"
#include "hub/mirror/convergence_file.h"
#include "hub/mirror/foreign_line.h"
#include "hub/mirror/line_reader.h"

namespace coordhub::hub {
namespace {

namespace fs = std::filesystem;

constexpr char kTicketsFile[] = "tickets.md";
constexpr char kTemporaryStatus[] = "status.md.tmp";
constexpr char kConvergenceFile[] = "convergence.md";
constexpr char kInbox[] = "inbox";
constexpr size_t kShownBytes = 120;
constexpr size_t kMaxNameBytes = 64;

absl::Status Failed(const char* operation, const std::string& path, const std::error_code& error) {
  return base::MakeIoError(operation, path, error.value());
}

// A file that may be missing; invalid then. Errors: IO_FAILED: a link, or no regular file.
absl::StatusOr<base::UniqueFd> OpenFile(const std::string& path) {
  base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) {
    return errno == ENOENT ? absl::StatusOr<base::UniqueFd>(std::move(fd))
                           : base::MakeIoError("open", path, errno);
  }
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return base::MakeIoError("stat", path, errno);
  if (S_ISREG(info.st_mode)) return fd;
  return base::MakeError(v1::ERROR_REASON_IO_FAILED, path + " is not a regular file",
                         {{"operation", "open"}, {"path", path}});
}

absl::Status ReadTickets(const std::string& path, bool known_here, Adoption* adoption) {
  COORDHUB_ASSIGN_OR_RETURN(const base::UniqueFd fd, OpenFile(path));
  if (!fd.valid()) return absl::OkStatus();
  const int64_t last_known = known_here ? std::numeric_limits<int64_t>::max() : 0;
  mirror::LineReader reader(fd.get(), 0);
  mirror::LineReader::Line line;
  for (int64_t number = 1;; ++number) {
    COORDHUB_ASSIGN_OR_RETURN(const bool more, reader.Next(&line));
    if (!more) return absl::OkStatus();
    mirror::ForeignLine read =
        mirror::ReadForeignLine(line.text, mirror::LineForm::kText, last_known);
    if (read.kind == mirror::ForeignLine::Kind::kBlank) continue;
    if (read.kind == mirror::ForeignLine::Kind::kOwn) {
      ++adoption->own_lines;
      continue;
    }
    AdoptedLine adopted;
    adopted.number = number;
    adopted.text = base::OneLine(line.text, kShownBytes);
    if (read.kind == mirror::ForeignLine::Kind::kTicket) {
      ++adoption->tickets;
      adopted.ticket = std::move(read.spec);
    } else {
      adopted.why = std::move(read.why);
    }
    adoption->lines.push_back(std::move(adopted));
  }
}

// One that is no file, or cannot be read, is the hub's to deal with.
bool HoldsForeignConvergence(const std::string& path) {
  const absl::StatusOr<base::UniqueFd> fd = OpenFile(path);
  if (!fd.ok() || !fd->valid()) return false;
  std::string beginning(256, '\0');
  const ssize_t got = read(fd->get(), beginning.data(), beginning.size());
  if (got <= 0) return false;
  beginning.resize(static_cast<size_t>(got));
  return !mirror::IsRenderedConvergence(beginning);
}

absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Failed("read", directory, error);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool IsHub(pid_t pid) {
  const auto name = base::ReadFile(absl::StrCat("/proc/", pid, "/comm"), kMaxNameBytes);
  return name.ok() && name->has_value() && **name == "coordhub\n";
}

std::vector<OldLoop> RunningLoops(const std::string& pid_directory) {
  std::vector<OldLoop> loops;
  if (pid_directory.empty()) return loops;
  for (const char* name : kLoopPidFiles) {
    OldLoop loop;
    loop.pid_file = absl::StrCat(pid_directory, "/", name);
    const std::optional<pid_t> pid = LiveOwnerOf(loop.pid_file);
    if (!pid.has_value() || IsHub(*pid)) continue;
    loop.pid = *pid;
    std::error_code unreadable;
    loop.directory = fs::read_symlink(absl::StrCat("/proc/", *pid, "/cwd"), unreadable).string();
    loops.push_back(std::move(loop));
  }
  return loops;
}

// One entry of the directory and what is in it. What is neither file, directory nor link holds
// nothing to keep.
absl::Status CopyEntry(const fs::path& from, const fs::path& to) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(from, error);
  if (error) return Failed("stat", from.string(), error);
  if (fs::is_symlink(status)) {
    fs::copy_symlink(from, to, error);
  } else if (fs::is_regular_file(status)) {
    fs::copy_file(from, to, error);
  } else if (fs::is_directory(status)) {
    fs::create_directory(to, error);
    if (error) return Failed("create", to.string(), error);
    COORDHUB_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(from.string()));
    for (const std::string& name : names)
      COORDHUB_RETURN_IF_ERROR(CopyEntry(from / name, to / name));
  }
  return error ? Failed("copy", from.string(), error) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<Adoption> LookAtSharedState(const std::string& directory, bool known_here,
                                           const std::string& pid_directory) {
  Adoption adoption;
  adoption.directory = directory;
  adoption.running = RunningLoops(pid_directory);
  struct stat info {};
  if (lstat(directory.c_str(), &info) != 0) {
    if (errno == ENOENT) return adoption;
    return base::MakeIoError("stat", directory, errno);
  }
  if (!S_ISDIR(info.st_mode)) return base::MakeIoError("open", directory, ENOTDIR);
  adoption.exists = true;
  COORDHUB_RETURN_IF_ERROR(ReadTickets(directory + "/" + kTicketsFile, known_here, &adoption));
  COORDHUB_ASSIGN_OR_RETURN(adoption.inbox, NamesIn(directory + "/" + kInbox));
  adoption.foreign_convergence = HoldsForeignConvergence(directory + "/" + kConvergenceFile);
  adoption.temporary_status = access((directory + "/" + kTemporaryStatus).c_str(), F_OK) == 0;
  return adoption;
}

absl::StatusOr<std::string> BackUpSharedState(const std::string& directory,
                                              const std::string& state_dir, absl::Time now) {
  const std::string stem =
      absl::StrCat(state_dir, "/shared_state.before-coordhub-",
                   absl::FormatTime("%Y%m%d-%H%M%S", now, absl::LocalTimeZone()));
  std::string copy = stem;
  for (int n = 2; mkdir(copy.c_str(), 0700) != 0; ++n) {
    if (errno != EEXIST) return base::MakeIoError("create", copy, errno);
    copy = absl::StrCat(stem, "-", n);
  }
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(directory));
  for (const std::string& name : names) {
    COORDHUB_RETURN_IF_ERROR(CopyEntry(fs::path(directory) / name, fs::path(copy) / name));
  }
  return copy;
}

}  // namespace coordhub::hub
