#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/import_item.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kTabWidth = 4;
constexpr std::string_view kSpace = " \t";

// A line without its indentation.
struct Line {
  int number = 0;
  size_t indent = 0;  // in columns
  std::string_view text;
  std::string_view raw;
};

Line MakeLine(int number, std::string_view raw) {
  while (!raw.empty() && (raw.back() == '\r' || raw.back() == ' ' || raw.back() == '\t')) {
    raw.remove_suffix(1);
  }
  Line line{number, 0, raw, raw};
  while (!line.text.empty() && kSpace.find(line.text[0]) != std::string_view::npos) {
    line.indent += line.text[0] == '\t' ? kTabWidth - line.indent % kTabWidth : 1;
    line.text.remove_prefix(1);
  }
  return line;
}

std::string_view TrimLeft(std::string_view s) {
  s.remove_prefix(std::min(s.find_first_not_of(kSpace), s.size()));
  return s;
}

// What follows the item's mark; nullopt if the line begins no item. `offset`: columns from the mark
// to the text.
std::optional<std::string_view> ItemText(std::string_view text, size_t* offset) {
  size_t mark = 0;
  if (!text.empty() && (text[0] == '-' || text[0] == '*' || text[0] == '+')) {
    mark = 1;
  } else {
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > 9 || digits == text.size()) return std::nullopt;
    if (text[digits] != '.' && text[digits] != ')') return std::nullopt;
    mark = digits + 1;
  }
  if (text.size() > mark && kSpace.find(text[mark]) == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view rest = TrimLeft(text.substr(mark));
  *offset = text.size() - rest.size();
  return rest;
}

// Takes a task's box off. True: it was ticked.
bool TakeCheckbox(std::string_view* text) {
  if (text->size() < 3 || (*text)[0] != '[' || (*text)[2] != ']') return false;
  if (text->size() > 3 && kSpace.find((*text)[3]) == std::string_view::npos) return false;
  const char box = (*text)[1];
  if (box != ' ' && box != 'x' && box != 'X') return false;
  *text = TrimLeft(text->substr(3));
  return box != ' ';
}

bool IsPriority(std::string_view word) {
  return word.size() == 2 && word[0] == 'p' && word[1] >= '0' && word[1] <= '4';
}

bool IsLabel(std::string_view word) {
  if (word.size() < 2 || word[0] != '#') return false;
  const char first = word[1];
  return (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
         static_cast<unsigned char>(first) >= 0x80;
}

// Takes the words at the end that mean something. False: two priorities.
bool TakeTokens(std::string_view* title, pb::TicketSpec* spec) {
  std::vector<std::string> labels;
  for (;;) {
    const size_t space = title->find_last_of(kSpace);
    if (space == std::string_view::npos) break;  // something must be left for the title
    const std::string_view word = title->substr(space + 1);
    if (IsPriority(word)) {
      if (spec->has_priority()) return false;
      spec->set_priority(word[1] - '0');
    } else if (IsLabel(word)) {
      labels.emplace_back(word.substr(1));
    } else {
      break;
    }
    *title = title->substr(0, title->find_last_not_of(kSpace, space) + 1);
  }
  for (auto it = labels.rbegin(); it != labels.rend(); ++it) spec->add_labels(*it);
  return true;
}

bool IsFence(std::string_view text) {
  return text.substr(0, 3) == "```" || text.substr(0, 3) == "~~~";
}

// Headings and rules.
bool IsDecoration(std::string_view text) {
  if (text[0] == '#') return true;
  return text.size() >= 3 && text.find_first_not_of(text[0]) == std::string_view::npos &&
         (text[0] == '-' || text[0] == '*' || text[0] == '_' || text[0] == '=');
}

class Parser {
 public:
  explicit Parser(bool plain) : plain_(plain) {}

  absl::Status Take(const Line& line) {
    if (!fence_.empty()) return TakeFenced(line);
    if (in_comment_ || (line.indent == 0 && line.text.substr(0, 4) == "<!--")) {
      in_comment_ = line.text.find("-->") == std::string_view::npos;
      return absl::OkStatus();
    }
    if (line.text.empty()) {
      ++blank_lines_;
      return absl::OkStatus();
    }
    size_t offset = 0;
    if (line.indent == 0 && IsDecoration(line.text)) {
      nesting_.clear();  // what follows belongs to no item above
      return absl::OkStatus();
    }
    if (const auto text = ItemText(line.text, &offset)) return BeginItem(line, *text, offset);
    TakeText(line);
    return absl::OkStatus();
  }

  absl::StatusOr<MarkdownList> Finish() {
    if (!fence_.empty()) return BadLine(fence_line_, "this code block does not end");
    for (const ImportItem& item : list_.items) COORDHUB_RETURN_IF_ERROR(CheckItem(item));
    return std::move(list_);
  }

 private:
  // An item that lines below it may belong to.
  struct Level {
    size_t indent;                // of its mark
    size_t text_indent;           // of its text
    std::optional<size_t> index;  // of its item; none: left out
  };

  absl::Status BeginItem(const Line& line, std::string_view text, size_t offset) {
    while (!nesting_.empty() && nesting_.back().indent >= line.indent) nesting_.pop_back();
    blank_lines_ = 0;
    Level level{line.indent, line.indent + offset, std::nullopt};
    if (TakeCheckbox(&text)) {
      ++list_.ticked;
      nesting_.push_back(level);
      return absl::OkStatus();
    }
    ImportItem item;
    item.line = line.number;
    if (!plain_ && !TakeTokens(&text, &item.spec)) {
      return BadLine(line.number, "two priorities");
    }
    item.spec.set_title(std::string(text));
    for (auto above = nesting_.rbegin(); above != nesting_.rend(); ++above) {
      if (!above->index.has_value()) continue;
      ImportItem& parent = list_.items[*above->index];
      if (parent.local_id.empty()) parent.local_id = absl::StrCat("line", parent.line);
      item.spec.set_parent_ticket_id("@" + parent.local_id);
      break;
    }
    level.index = list_.items.size();
    list_.items.push_back(std::move(item));
    nesting_.push_back(level);
    return absl::OkStatus();
  }

  // A line that is no item: more of the one above, or prose.
  void TakeText(const Line& line) {
    const bool goes_on = !nesting_.empty() && blank_lines_ == 0;
    while (!goes_on && !nesting_.empty() && nesting_.back().indent >= line.indent) {
      nesting_.pop_back();
    }
    if (IsFence(line.text)) {
      fence_ = std::string(line.text.substr(0, 3));
      fence_line_ = line.number;
    }
    AddText(line);
  }

  absl::Status TakeFenced(const Line& line) {
    AddText(line);
    if (line.text.substr(0, 3) == fence_) fence_.clear();
    return absl::OkStatus();
  }

  void AddText(const Line& line) {
    if (nesting_.empty()) {
      blank_lines_ = 0;
      if (!line.text.empty()) list_.prose_lines.push_back(line.number);
    } else {
      AppendToBody(line);
    }
  }

  // Without the indentation that the list asks for; what is beyond it is the text's own.
  void AppendToBody(const Line& line) {
    const Level& level = nesting_.back();
    const int blank_lines = std::exchange(blank_lines_, 0);
    if (!level.index.has_value()) return;
    std::string& body = *list_.items[*level.index].spec.mutable_body();
    if (!body.empty()) body.append(static_cast<size_t>(blank_lines) + 1, '\n');
    const size_t own = line.indent > level.text_indent ? line.indent - level.text_indent : 0;
    body.append(line.text.empty() ? 0 : own, ' ').append(line.text);
  }

  const bool plain_;
  MarkdownList list_;
  std::vector<Level> nesting_;  // the innermost last
  int blank_lines_ = 0;
  bool in_comment_ = false;
  std::string fence_;  // of the code block that the line stands in; empty: none
  int fence_line_ = 0;
};

}  // namespace

absl::StatusOr<MarkdownList> ParseMarkdownList(const std::string& text, bool plain) {
  Parser parser(plain);
  int number = 0;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    COORDHUB_RETURN_IF_ERROR(
        parser.Take(MakeLine(++number, std::string_view(text).substr(begin, end - begin))));
    begin = end + 1;
  }
  return parser.Finish();
}

}  // namespace coordhub::coordctl
