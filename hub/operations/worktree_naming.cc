#include "hub/operations/worktree_naming.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/string_view.h"

namespace coordhub::operations {
namespace {

constexpr size_t kTitleBytes = 40;
constexpr size_t kPatternBytes = 100;

// Words of letters and digits, joined by hyphens.
std::string Harmless(std::string_view title) {
  std::string name;
  for (const char c : title) {
    const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
    if (absl::ascii_isalnum(static_cast<unsigned char>(lower))) {
      name += lower;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
    if (name.size() == kTitleBytes) break;
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name;
}

// Nullopt: there is no such placeholder.
std::optional<std::string> ValueOf(std::string_view placeholder, const WorktreeSubject& subject) {
  if (placeholder == "ticket") return subject.ticket_id;
  // A title without a letter or digit of those is still one.
  if (placeholder == "title") {
    if (subject.ticket_id.empty()) return std::string();
    const std::string title = Harmless(subject.title);
    return title.empty() ? "untitled" : title;
  }
  if (placeholder != "agent") return std::nullopt;
  std::string agent = subject.agent_id;
  std::replace(agent.begin(), agent.end(), '/', '-');
  return agent;
}

// Nullopt: the pattern has a placeholder that is not known, or none; or an odd brace. Empty: the
// subject has not all of them.
std::optional<std::string> Fill(std::string_view pattern, const WorktreeSubject& subject) {
  std::string name;
  bool any = false;
  bool whole = true;
  while (true) {
    const size_t open = pattern.find('{');
    name.append(pattern.substr(0, open));
    if (open == std::string_view::npos) break;
    const size_t close = pattern.find('}', open);
    if (close == std::string_view::npos) return std::nullopt;
    const auto value = ValueOf(pattern.substr(open + 1, close - open - 1), subject);
    if (!value.has_value()) return std::nullopt;
    any = true;
    whole = whole && !value->empty();
    name += *value;
    pattern.remove_prefix(close + 1);
  }
  if (!any) return std::nullopt;
  return whole ? name : std::string();
}

}  // namespace

WorktreeNaming::WorktreeNaming(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {
  patterns_.insert(patterns_.end(), {"task-{ticket}", "{agent}"});
}

absl::Status WorktreeNaming::Check(std::string_view pattern) {
  const auto refuse = [pattern](absl::string_view why) {
    return base::MakeFieldError("--worktree-branch",
                                absl::StrCat(why, ": ", base::ToAbsl(pattern)));
  };
  const auto name = Fill(pattern, {.ticket_id = "T-1", .title = "title", .agent_id = "agent"});
  if (!name.has_value()) return refuse("must have {ticket}, {title} or {agent}, and no other");
  const bool plain = std::all_of(name->begin(), name->end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("-_./").find(c) != std::string_view::npos;
  });
  if (!plain || pattern.size() > kPatternBytes || name->front() == '-' || name->front() == '/' ||
      name->front() == '.' || name->back() == '/' || name->back() == '.' ||
      name->find("..") != std::string::npos || name->find("//") != std::string::npos ||
      name->find("/.") != std::string::npos || name->ends_with(".lock")) {
    return refuse("must be a name that a branch may have, of letters, digits and -_./");
  }
  return absl::OkStatus();
}

std::string WorktreeNaming::NameFor(const WorktreeSubject& subject) const {
  for (const std::string& pattern : patterns_) {
    std::string name = Fill(pattern, subject).value_or("");
    if (!name.empty()) return name;
  }
  return "";
}

}  // namespace coordhub::operations
