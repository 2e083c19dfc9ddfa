#include "hub/rpc/conflict_listing.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/rpc/paging.h"

namespace coordhub::rpc {
namespace {

// How many conflicts the pages before have: two names would be too long for a token, and each page
// shows the same records.
absl::StatusOr<int64_t> CountBefore(const PageStart& start) {
  int64_t count = 0;
  if (start.after_key.empty() || (absl::SimpleAtoi(start.after_key, &count) && count > 0)) {
    return count;
  }
  return base::MakeError(v1::ERROR_REASON_PAGE_TOKEN_INVALID, "the page token is malformed");
}

// `cursor` stands on the first that is listed, `is_listed` says of a key whether it is one of them.
template <class Cursor, class IsListed>
absl::Status FillPage(HostedWorkspace* workspace, const PageStart& start, const std::string& query,
                      int32_t page_size, Cursor cursor, IsListed is_listed,
                      v1::ListConflictsResponse* response) {
  COORDHUB_ASSIGN_OR_RETURN(int64_t before, CountBefore(start));
  for (int64_t passed = 0; passed < before && cursor.Valid(); ++passed) cursor.Next();
  PageBudget budget(page_size);
  for (; cursor.Valid() && is_listed(cursor.key()); cursor.Next(), ++before) {
    if (!budget.Look()) {
      response->set_next_page_token(NextPage(workspace, start, absl::StrCat(before), query));
      break;
    }
    *response->add_conflicts() = *cursor;
    budget.Take(*cursor);
  }
  response->set_revision(start.view->revision);
  return absl::OkStatus();
}

}  // namespace

absl::Status ListConflicts(const Reading& reading, const v1::ListConflictsRequest& request,
                           v1::ListConflictsResponse* response) {
  const std::string query = QueryOf(request);
  HostedWorkspace* workspace = reading.scope.workspace;
  COORDHUB_ASSIGN_OR_RETURN(const PageStart start,
                            BeginPage(workspace, reading.view, request.page_token(), query));
  const core::Records& records = start.view->records;
  const std::string& branch = request.branch();
  if (branch.empty()) {
    return FillPage(
        workspace, start, query, request.page_size(), records.of<core::tables::Conflicts>().Begin(),
        [](const auto&) { return true; }, response);
  }
  return FillPage(
      workspace, start, query, request.page_size(),
      records.conflicts_by_branch.LowerBound(std::pair(branch, std::string())),
      [&branch](const auto& key) { return key.first == branch; }, response);
}

}  // namespace coordhub::rpc
