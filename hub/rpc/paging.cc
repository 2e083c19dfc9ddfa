#include "hub/rpc/paging.h"

#include <algorithm>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/limits.h"

namespace coordhub::rpc {

PageBudget::PageBudget(int32_t requested)
    : max_size_(requested == 0 ? core::limits::kPageSizeDefault
                               : std::min(requested, core::limits::kPageSizeMax)) {}

absl::StatusOr<PageStart> BeginPage(HostedWorkspace* workspace, engine::ViewPtr newest,
                                    const std::string& page_token, std::string_view query) {
  if (page_token.empty()) return PageStart{std::move(newest), ""};
  COORDHUB_ASSIGN_OR_RETURN(PageToken token, DecodePageToken(page_token, query));
  PageStart start;
  start.after_key = std::move(token.last_key);
  if (token.log_id == workspace->engine().identity().log_id) {
    start.view = workspace->pinned_views.Find(token.revision);
    if (start.view == nullptr && token.revision == newest->revision) start.view = newest;
  }
  if (start.view == nullptr) {
    return base::MakeError(base::pb::ERROR_REASON_PAGE_TOKEN_EXPIRED,
                           "the pages of this listing are no longer held; begin again");
  }
  return start;
}

std::string NextPage(HostedWorkspace* workspace, const PageStart& start, std::string last_key,
                     std::string_view query) {
  workspace->pinned_views.Pin(start.view);
  return EncodePageToken(
      {workspace->engine().identity().log_id, start.view->revision, std::move(last_key)}, query);
}

}  // namespace coordhub::rpc
