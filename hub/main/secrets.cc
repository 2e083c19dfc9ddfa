#include "hub/main/secrets.h"

#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "absl/strings/ascii.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::hub {
namespace {

constexpr size_t kMaxSecretBytes = 1024;
constexpr mode_t kMode = 0600;

absl::Status Unusable(const std::string& path, const char* why) {
  return base::MakeError(v1::ERROR_REASON_STATE_DIR_UNUSABLE, path + " " + why, {{"path", path}});
}

}  // namespace

absl::StatusOr<std::string> LoadOrMakeSecret(const std::string& path,
                                             const std::function<std::string()>& make) {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                            base::ReadFile(path, kMaxSecretBytes));
  if (!text.has_value()) {
    std::string secret = make();
    COORDHUB_RETURN_IF_ERROR(base::AtomicReplaceFile(path, secret + "\n", kMode));
    return secret;
  }
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0 || info.st_uid != geteuid() || (info.st_mode & 0077) != 0) {
    return Unusable(path, "holds a secret and must be yours alone (chmod 600)");
  }
  std::string secret(absl::StripAsciiWhitespace(*text));
  if (secret.empty()) return Unusable(path, "is empty; remove it to get a new secret");
  return secret;
}

}  // namespace coordhub::hub
