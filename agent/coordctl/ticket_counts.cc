#include "agent/coordctl/ticket_counts.h"

#include "absl/strings/str_cat.h"
#include "agent/coordctl/names.h"

namespace coordhub::coordctl {

std::string TicketCounts(const ::coordhub::v1::Workspace& workspace) {
  std::string text;
  for (const auto& count : workspace.ticket_counts()) {
    if (count.count() == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", count.count(), " ", StateName(count.state()));
  }
  return text.empty() ? "none" : text;
}

}  // namespace coordhub::coordctl
