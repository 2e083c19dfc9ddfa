#include "hub/main/state_pointer.h"

#include <unistd.h>

#include <cerrno>

#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::hub {
namespace {

constexpr size_t kMaxBytes = 16'384;

std::string PointerFile(const std::string& common_dir) {
  return base::StatePaths::UnderCommonDir(common_dir).dir() + "/state-dir";
}

}  // namespace

absl::Status PointToState(const std::string& common_dir, const base::StatePaths& state) {
  const base::StatePaths beside = base::StatePaths::UnderCommonDir(common_dir);
  const std::string file = PointerFile(common_dir);
  if (state.dir() == beside.dir()) {
    if (unlink(file.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
    return base::MakeIoError("remove", file, errno);
  }
  const auto known = ReadStatePointer(common_dir);
  if (known.ok() && known->has_value() && **known == state.dir()) return absl::OkStatus();
  COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(beside.dir()));
  std::string name = base::NamedFrom(file, state.dir());
  if (name.find('/') == std::string::npos) name.insert(0, "./");
  return base::AtomicReplaceFile(file, name + "\n", 0600);
}

absl::StatusOr<std::optional<std::string>> ReadStatePointer(const std::string& common_dir) {
  const std::string file = PointerFile(common_dir);
  COORDHUB_ASSIGN_OR_RETURN(std::optional<std::string> path, base::ReadFile(file, kMaxBytes));
  if (!path.has_value()) return std::nullopt;
  if (!path->empty() && path->back() == '\n') path->pop_back();
  // From its own place, or by its own name: never "state", which might be anything.
  if (!path->empty() && path->find('/') != std::string::npos) return base::FoundFrom(file, *path);
  // To begin a journal anew beside one that is somewhere would be worse than to ask.
  return base::MakeFieldError(
      file, file + " does not say where the state is; say it once with --state-dir, or remove it");
}

}  // namespace coordhub::hub
