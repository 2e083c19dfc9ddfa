// Text for people: what is safe to show, how wide it is, what colour it has.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coordhub::coordctl {

// Cells that `text`, a result of base::TerminalSafe, takes on a terminal: wide characters take two,
// combining ones none.
size_t DisplayWidth(std::string_view text);

// `text` cut to at most `width` cells, ending with "…" if something is missing.
std::string FitWidth(std::string_view text, size_t width);

enum class Color { kNone, kBold, kDim, kRed, kGreen, kYellow, kBlue, kMagenta };

// `text` in a colour if `enabled`, else as it is.
std::string Paint(std::string_view text, Color color, bool enabled);

// Whether to use colours: `choice` is "always", "never" or "auto" (on a terminal that has colours,
// unless NO_COLOR is set to something).
bool UseColor(std::string_view choice, bool is_terminal, std::string_view no_color,
              std::string_view term);

// `text` of several lines for a terminal or a log: each line through base::TerminalSafe, behind
// `indent`, so that no line of it can pass for one of ours. Ends with a newline unless empty.
std::string SafeBlock(std::string_view text, std::string_view indent);

// One value of a table.
struct Cell {
  std::string text;  // any text; made safe when it is printed
  Color color = Color::kNone;
};

// Rows under headings on a terminal, in columns as wide as their contents, the last one cut to the
// terminal's width; elsewhere one line a row, values separated by tabs, without headings.
class Table {
 public:
  // `terminal_width`: 0 means unlimited.
  Table(std::vector<std::string> headings, bool is_terminal, bool color, int terminal_width)
      : headings_(std::move(headings)),
        is_terminal_(is_terminal),
        color_(color),
        terminal_width_(terminal_width) {}

  // As many cells as there are headings.
  void Add(std::vector<Cell> row);
  bool empty() const { return rows_.empty(); }
  std::string Render() const;

 private:
  std::string RenderRow(const std::vector<Cell>& row, const std::vector<size_t>& widths) const;

  const std::vector<std::string> headings_;
  const bool is_terminal_;
  const bool color_;
  const int terminal_width_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace coordhub::coordctl
