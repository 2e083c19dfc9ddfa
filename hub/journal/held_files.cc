#include "hub/journal/held_files.h"

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/mutant.h"

namespace coordhub::journal {
namespace {

absl::Status Lost(const std::string& path, const std::string& how) {
  return base::MakeError(base::pb::ERROR_REASON_STATE_DIR_LOST,
                         absl::StrCat(path, " ", how, " under the hub that holds it"),
                         {{"path", path}});
}

}  // namespace

absl::Status HeldFiles::Add(const std::string& path) {
  const std::optional<base::FileIdentity> identity = base::IdentityAt(path);
  if (!identity.has_value()) return Lost(path, "was removed");
  base::MutexLock lock(&mu_);
  std::vector<File> files = Without(path);
  files.push_back({path, *identity});
  files_ = std::make_shared<const std::vector<File>>(std::move(files));
  return absl::OkStatus();
}

void HeldFiles::Release(const std::string& path) {
  base::MutexLock lock(&mu_);
  files_ = std::make_shared<const std::vector<File>>(Without(path));
}

std::vector<HeldFiles::File> HeldFiles::Without(const std::string& path) const {
  std::vector<File> files = *files_;
  std::erase_if(files, [&path](const File& file) { return file.path == path; });
  return files;
}

absl::Status HeldFiles::Check() const {
  if (base::MutantActive("lost_files_go_unnoticed")) return absl::OkStatus();
  std::shared_ptr<const std::vector<File>> files;
  {
    base::MutexLock lock(&mu_);
    files = files_;
  }
  for (const File& file : *files) {
    const std::optional<base::FileIdentity> found = base::IdentityAt(file.path);
    if (found == file.identity) continue;
    if (found.has_value()) return Lost(file.path, "was replaced");
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) return Lost(file.path, "was removed or renamed");
    return Lost(file.path,
                absl::StrCat("became unreadable (", std::generic_category().message(error), ")"));
  }
  return absl::OkStatus();
}

}  // namespace coordhub::journal
