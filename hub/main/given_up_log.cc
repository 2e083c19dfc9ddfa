#include "hub/main/given_up_log.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/atomic_file.h"
#include "agent/base/status_macros.h"
#include "hub/mirror/tickets_file.h"

namespace coordhub::hub {
namespace {

// As many tickets as a workspace may have.
constexpr size_t kMaxTicketsBytes = size_t{4} << 30;

}  // namespace

absl::Status ForgetOwnLines(const WorkspacePlan& plan) {
  const std::string path = plan.mirror_dir + "/tickets.md";
  if (plan.mirror_dir.empty()) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                            base::ReadFile(path, kMaxTicketsBytes));
  if (!text.has_value()) return absl::OkStatus();
  std::string kept;
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    if (!mirror::IsTicketLine({line.data(), line.size()})) absl::StrAppend(&kept, line, "\n");
  }
  COORDHUB_RETURN_IF_ERROR(
      base::AtomicReplaceFile(plan.state.dir() + "/tickets.before-restore.md", *text, 0600));
  return base::AtomicReplaceFile(path, kept, 0644);
}

}  // namespace coordhub::hub
