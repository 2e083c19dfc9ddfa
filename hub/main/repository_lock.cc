#include "hub/main/repository_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/file_identity.h"

namespace coordhub::hub {
namespace {

absl::Status Held(const std::string& common_dir) {
  const pid_t holder = RepositoryHolder(common_dir);
  const std::string pid = holder == 0 ? "" : absl::StrCat(holder);
  return base::MakeError(
      v1::ERROR_REASON_WORKSPACE_LOCKED,
      absl::StrCat(holder == 0 ? "another hub" : absl::StrCat("the hub with pid ", pid), " holds ",
                   common_dir),
      {{"pid", pid}, {"lock", common_dir}});
}

}  // namespace

absl::StatusOr<RepositoryLock> RepositoryLock::Acquire(const std::string& common_dir) {
  base::UniqueFd fd(open(common_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return base::MakeIoError("open", common_dir, errno);
  int rc = 0;
  do {
    rc = flock(fd.get(), LOCK_EX | LOCK_NB);
  } while (rc != 0 && errno == EINTR);
  if (rc != 0 && errno == EWOULDBLOCK) return Held(common_dir);
  if (rc != 0) return base::MakeIoError("lock", common_dir, errno);
  return RepositoryLock(std::move(fd));
}

pid_t RepositoryHolder(const std::string& common_dir) {
  const std::optional<base::FileIdentity> directory = base::IdentityAt(common_dir);
  return directory.has_value() ? base::FlockHolder(*directory) : 0;
}

}  // namespace coordhub::hub
