// The rows of RepositoryService.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hub/core/limits.h"
#include "tests/rpc/bad_input_rows.h"
#include "tests/rpc/hub_fixture.h"

namespace coordhub::rpc {
namespace {

namespace limits = core::limits;
using Rows = std::vector<BadInput>;
using Who = BadInput::Who;

void AddWorktrees(Rows* rows) {
  for (const char* method : {"CreateWorktree", "RemoveWorktree"}) {
    BadInputRows(rows, method)
        .Line("path", limits::kPathBytes, "/")
        .Bad("path", "path: 'relative/path'")
        .Bad("path", "path: '-option'");
  }
  BadInputRows(rows, "CreateWorktree")
      .Line("branch", limits::kBranchBytes)
      .Line("start_point", limits::kBranchBytes)
      .Bad("branch", "branch: '--force'")
      .Bad("branch", "branch: 'a b'")
      .Bad("branch", "branch: 'a..b'")
      .Bad("branch", "branch: 'a@{1}'")
      .Bad("branch", "branch: ''")
      .Bad("branch", "branch: '' existing_branch: true")
      .Good("existing_branch: true")
      .Bad("start_point", "existing_branch: true start_point: 'main'")
      .BadAgentId("agent_id")
      // It may register later.
      .Unknown("agent_id", "branch: '' agent_id: 'conversation-7/reviewer'",
               v1::ERROR_REASON_UNSPECIFIED)
      .Bad("ticket_id", "ticket_id: '17'")
      .Unknown("ticket_id", "ticket_id: 'T-99'", v1::ERROR_REASON_TICKET_NOT_FOUND)
      .Good("branch: '' path: '' ticket_id: 'T-1'")
      .As(Who::kHolder)
      .Good("branch: ''");
  BadInputRows(rows, "RemoveWorktree")
      .Bad("path", "path: ''")
      .Good("allow_unmerged: true")
      .As(Who::kHolder)
      .Refused("path", "", v1::ERROR_REASON_OPERATOR_REQUIRED);
}

void AddConflicts(Rows* rows) {
  BadInputRows(rows, "ListConflicts").Line("branch", limits::kBranchBytes);
  for (const char* field : {"ours", "theirs"}) {
    BadInputRows(rows, "PreviewMerge")
        .Bad(field, absl::StrCat(field, ": ''"))
        .Bad(field, absl::StrCat(field, ": 'a\\n'"))
        .Bad(field, absl::StrCat(field, ": '", kBidi, "'"))
        .Bad(field, absl::StrCat(field, ": ", Quoted(Text(limits::kBranchBytes + 1))));
  }
  BadInputRows(rows, "PreviewMerge").Bad("min_revision", "min_revision: -1");
}

}  // namespace

void AddRepository(std::vector<BadInput>* rows) {
  AddWorktrees(rows);
  AddConflicts(rows);
}

}  // namespace coordhub::rpc
