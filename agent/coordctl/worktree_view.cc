#include "absl/strings/str_cat.h"
#include "agent/base/text.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kShownCommit = 10;
constexpr size_t kShownNote = 200;

std::string NoteOf(const pb::Worktree& worktree) {
  if (!worktree.problem().empty()) return base::OneLine(worktree.problem(), kShownNote);
  if (worktree.lock_reason().empty()) return "";
  return base::OneLine("locked: " + worktree.lock_reason(), kShownNote);
}

}  // namespace

Table WorktreeTable(const Context& context, const std::vector<pb::Worktree>& worktrees) {
  Table table = context.NewTable({"PATH", "BRANCH", "COMMIT", "CHANGED", "AGENT", "NOTE"});
  for (const pb::Worktree& worktree : worktrees) {
    const bool counted = worktree.has_count_time();
    table.Add({{worktree.path(), Color::kBold},
               {worktree.branch().empty() ? "(detached)" : worktree.branch()},
               {worktree.commit().substr(0, kShownCommit)},
               {counted ? absl::StrCat(worktree.changed_files()) : "?"},
               {worktree.owner_agent_id()},
               {NoteOf(worktree), worktree.problem().empty() ? Color::kDim : Color::kRed}});
  }
  return table;
}

}  // namespace coordhub::coordctl
