#include "hub/main/saved_options.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::hub {
namespace {

constexpr size_t kMaxBytes = 1 << 20;
// The file: one of these words, then the arguments, each followed by a zero byte, as in
// /proc/<pid>/cmdline; a path may hold any other byte.
constexpr char kSupervised[] = "supervised";
constexpr char kAlone[] = "alone";
// Before the arguments, where the repository was; versions before did not say.
constexpr char kAt[] = "at=";

std::string PathUnder(const base::StatePaths& state) { return state.dir() + "/serve-options"; }

absl::Status Malformed(const std::string& path, const std::string& why) {
  return base::MakeFieldError(path,
                              absl::StrCat(path, " does not hold the options of a hub (", why,
                                           "); remove it, and say them to coordhub start again"));
}

// Through the command line's own parser, so that there is one way to read options.
absl::StatusOr<HubOptions> Parse(std::vector<std::string> arguments, const std::string& path) {
  HubOptions options;
  CLI::App app;
  AddServeOptions(&app, &options);
  std::reverse(arguments.begin(), arguments.end());  // the parser takes them from the back
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return Malformed(path, error.what());
  }
  return options;
}

// What moves with the repository.
std::string RootOf(const WorkspacePlan& plan) {
  const std::filesystem::path common_dir(plan.common_dir);
  return (common_dir.filename() == ".git" ? common_dir.parent_path() : common_dir).string();
}

// `path`, if it lay in `from`, as it is now that this is `to`.
void Relocate(const std::string& from, const std::string& to, std::string* path) {
  if (*path == from || absl::StartsWith(*path, from + "/")) path->replace(0, from.size(), to);
}

}  // namespace

absl::Status SaveOptions(const WorkspacePlan& plan, const SavedOptions& options) {
  std::vector<std::string> fields = {options.supervised ? kSupervised : kAlone, kAt + RootOf(plan)};
  for (std::string& argument : ToArguments(options.hub)) fields.push_back(std::move(argument));
  fields.emplace_back();  // for the last zero byte
  return base::AtomicReplaceFile(PathUnder(plan.state),
                                 absl::StrJoin(fields, absl::string_view("\0", 1)), 0600,
                                 base::Sync::kNo);
}

absl::StatusOr<std::optional<SavedOptions>> LoadOptions(const WorkspacePlan& plan) {
  const std::string path = PathUnder(plan.state);
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> text, base::ReadFile(path, kMaxBytes));
  if (!text.has_value()) return std::nullopt;
  std::vector<std::string> fields = absl::StrSplit(*text, '\0');
  const std::string first = fields.front();
  if (first != kSupervised && first != kAlone) return Malformed(path, "an unknown beginning");
  if (!fields.back().empty()) return Malformed(path, "cut off");
  fields.pop_back();
  fields.erase(fields.begin());
  if (!fields.empty() && absl::StartsWith(fields.front(), kAt)) {
    const std::string root = fields.front().substr(sizeof(kAt) - 1);
    fields.erase(fields.begin());
    for (std::string& field : fields) Relocate(root, RootOf(plan), &field);
  }
  SavedOptions saved;
  saved.supervised = first == kSupervised;
  COORDHUB_ASSIGN_OR_RETURN(saved.hub, Parse(std::move(fields), path));
  saved.hub.state_dirs.clear();
  return saved;
}

}  // namespace coordhub::hub
