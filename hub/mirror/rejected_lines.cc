#include "hub/mirror/rejected_lines.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::mirror {
namespace {

constexpr char kDirectory[] = ".rejected";

absl::StatusOr<SharedStateDir> OpenWithRoom(const SharedStateDir& directory, size_t bytes) {
  COORDHUB_ASSIGN_OR_RETURN(SharedStateDir kept, directory.OpenInner(kDirectory, /*make=*/true));
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<std::string> names, kept.List(""));
  auto total = static_cast<int64_t>(bytes);
  for (const std::string& name : names) total += std::max<off_t>(kept.Stat(name).size, 0);
  if (names.size() < kRejectedFiles && total <= kRejectedBytes) return kept;
  return base::MakeError(
      v1::ERROR_REASON_LIMIT_REACHED,
      absl::StrCat(kept.path(), " is full of lines that are no tickets: read and remove them"),
      {{"limit_name", "rejected_files"}, {"limit", std::to_string(kRejectedFiles)}});
}

}  // namespace

absl::Status KeepLines(const SharedStateDir& directory, const std::string& name,
                       std::string_view text) {
  COORDHUB_ASSIGN_OR_RETURN(SharedStateDir kept, OpenWithRoom(directory, text.size()));
  return kept.Append(name, text);
}

absl::Status KeepFile(SharedStateDir* directory, const std::string& file, const std::string& name) {
  const off_t size = std::max<off_t>(directory->Stat(file).size, 0);
  COORDHUB_ASSIGN_OR_RETURN(SharedStateDir kept,
                            OpenWithRoom(*directory, static_cast<size_t>(size)));
  COORDHUB_RETURN_IF_ERROR(directory->Move(file, kept, name));
  return kept.Sync();
}

int CountKept(const SharedStateDir& directory) {
  const absl::StatusOr<SharedStateDir> kept = directory.OpenInner(kDirectory, /*make=*/false);
  if (!kept.ok()) return 0;
  const absl::StatusOr<std::vector<std::string>> names = kept->List("");
  return names.ok() ? static_cast<int>(names->size()) : 0;
}

}  // namespace coordhub::mirror
