// How branches of worktrees are named that nobody names.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace coordhub::operations {

// What a name is made of. What is not known is empty.
struct WorktreeSubject {
  std::string ticket_id;
  // Of the ticket. Text from agents.
  std::string title;
  std::string agent_id;
};

// Patterns with the placeholders {ticket}, {title} (of the ticket: lower case, [a-z0-9-], at most
// 40 bytes) and {agent} (with - for /: a branch has none below it). Immutable; any thread.
class WorktreeNaming {
 public:
  // `patterns` come before the standard ones, `task-{ticket}` and `{agent}`. Each is Valid.
  explicit WorktreeNaming(std::vector<std::string> patterns = {});

  // Errors: INVALID_FIELD `--worktree-branch`: no placeholder, one that is not known, or what no
  // branch may have.
  static absl::Status Check(std::string_view pattern);

  // By the first pattern that the subject can fill; empty: by none.
  std::string NameFor(const WorktreeSubject& subject) const;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace coordhub::operations
