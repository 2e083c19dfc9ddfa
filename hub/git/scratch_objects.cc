#include "hub/git/scratch_objects.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/error.h"

namespace coordhub::git {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "coordhub-merge-";
// Younger ones may be in the making.
constexpr absl::Duration kAbandonedAge = absl::Hours(1);

bool IsOursAndOld(const std::string& path) {
  struct stat directory {};
  return lstat(path.c_str(), &directory) == 0 && S_ISDIR(directory.st_mode) &&
         directory.st_uid == geteuid() &&
         absl::FromTimeT(directory.st_mtime) + kAbandonedAge < base::SystemClock().Wall();
}

// What processes left behind that were killed.
void RemoveAbandoned(const fs::path& place) {
  std::error_code error;
  for (fs::directory_iterator i(place, error), end; !error && i != end; i.increment(error)) {
    const std::string path = i->path().string();
    if (i->path().filename().string().rfind(kPrefix, 0) != 0 || !IsOursAndOld(path)) continue;
    const base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    std::error_code ignored;
    if (fd.valid() && flock(fd.get(), LOCK_EX | LOCK_NB) == 0) fs::remove_all(path, ignored);
  }
}

}  // namespace

ScratchObjects::ScratchObjects(std::string top, base::UniqueFd lock)
    : top_(std::move(top)), lock_(std::move(lock)) {}

ScratchObjects::~ScratchObjects() {
  std::error_code ignored;
  fs::remove_all(top_, ignored);
}

absl::StatusOr<std::unique_ptr<ScratchObjects>> ScratchObjects::Make(
    const std::string& common_dir) {
  std::error_code error;
  const fs::path place = fs::temp_directory_path(error);
  if (error) return base::MakeIoError("find", "the directory for temporary files", error.value());
  RemoveAbandoned(place);
  std::string top = (place / kPrefix).string() + "XXXXXX";
  if (mkdtemp(top.data()) == nullptr) return base::MakeIoError("create directory", top, errno);
  base::UniqueFd lock(open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool locked = lock.valid() && flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
  std::unique_ptr<ScratchObjects> scratch(new ScratchObjects(top, std::move(lock)));
  if (!locked) return base::MakeIoError("lock", top, errno);
  fs::create_directories(scratch->directory() + "/info", error);
  if (!error) fs::create_directory(scratch->empty_directory(), error);
  if (error) return base::MakeIoError("create directory", top, error.value());
  // One path a line, so a path with a newline cannot be named; git will say that objects lack.
  std::ofstream alternates(scratch->directory() + "/info/alternates", std::ios::binary);
  alternates << common_dir << "/objects\n";
  alternates.close();
  if (!alternates) return base::MakeIoError("write", top, EIO);
  return scratch;
}

void ScratchObjects::Clear() const {
  std::error_code error;
  for (fs::directory_iterator i(directory(), error), end; !error && i != end; i.increment(error)) {
    std::error_code ignored;
    if (i->path().filename() != "info") fs::remove_all(i->path(), ignored);
  }
}

}  // namespace coordhub::git
