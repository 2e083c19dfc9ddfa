#include "agent/coordctl/terminal.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "agent/base/text.h"

namespace coordhub::coordctl {
namespace {

constexpr std::string_view kEllipsis = "\xe2\x80\xa6";

// The character at the start of `s`, which is valid UTF-8 and not empty, and how many bytes it has.
struct Character {
  char32_t code_point;
  size_t bytes;
};
Character Decode(std::string_view s) {
  const auto first = static_cast<uint8_t>(s[0]);
  if (first < 0x80) return {first, 1};
  const size_t bytes = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  char32_t value = first & (0x7f >> bytes);
  for (size_t i = 1; i < bytes && i < s.size(); ++i) {
    value = value << 6 | (static_cast<uint8_t>(s[i]) & 0x3f);
  }
  return {value, std::min(bytes, s.size())};
}

struct Range {
  char32_t first;
  char32_t last;
};

bool IsIn(char32_t c, const Range* begin, const Range* end) {
  return std::any_of(begin, end, [c](const Range& r) { return c >= r.first && c <= r.last; });
}

// The blocks that matter in practice: Latin, Cyrillic and other marks; then East Asian wide and
// fullwidth characters, and emoji.
constexpr std::array<Range, 6> kCombining = {{{0x0300, 0x036f},
                                              {0x0483, 0x0489},
                                              {0x0591, 0x05bd},
                                              {0x200b, 0x200d},
                                              {0x20d0, 0x20ff},
                                              {0xfe00, 0xfe0f}}};
constexpr std::array<Range, 10> kWide = {{{0x1100, 0x115f},
                                          {0x2e80, 0x303e},
                                          {0x3041, 0xa4cf},
                                          {0xac00, 0xd7a3},
                                          {0xf900, 0xfaff},
                                          {0xfe30, 0xfe6f},
                                          {0xff00, 0xff60},
                                          {0xffe0, 0xffe6},
                                          {0x1f300, 0x1faff},
                                          {0x20000, 0x3fffd}}};

size_t WidthOf(char32_t c) {
  if (c < 0x300) return 1;
  if (IsIn(c, kCombining.data(), kCombining.data() + kCombining.size())) return 0;
  return IsIn(c, kWide.data(), kWide.data() + kWide.size()) ? 2 : 1;
}

std::string_view EscapeOf(Color color) {
  switch (color) {
    case Color::kNone:
      return "";
    case Color::kBold:
      return "\x1b[1m";
    case Color::kDim:
      return "\x1b[2m";
    case Color::kRed:
      return "\x1b[31m";
    case Color::kGreen:
      return "\x1b[32m";
    case Color::kYellow:
      return "\x1b[33m";
    case Color::kBlue:
      return "\x1b[34m";
    case Color::kMagenta:
      return "\x1b[35m";
  }
  return "";
}

}  // namespace

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const Character c = Decode(text);
    width += WidthOf(c.code_point);
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string FitWidth(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::string out;
  size_t used = 0;
  while (!text.empty()) {
    const Character c = Decode(text);
    used += WidthOf(c.code_point);
    if (used > width - 1) break;
    out += text.substr(0, c.bytes);
    text.remove_prefix(c.bytes);
  }
  return out.append(kEllipsis);
}

std::string Paint(std::string_view text, Color color, bool enabled) {
  if (!enabled || color == Color::kNone || text.empty()) return std::string(text);
  return std::string(EscapeOf(color)).append(text).append("\x1b[0m");
}

bool UseColor(std::string_view choice, bool is_terminal, std::string_view no_color,
              std::string_view term) {
  if (choice == "always") return true;
  if (choice == "never") return false;
  return is_terminal && no_color.empty() && term != "dumb";
}

std::string SafeBlock(std::string_view text, std::string_view indent) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string line = base::TerminalSafe(text.substr(0, end));
    if (!line.empty()) out.append(indent).append(line);
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

void Table::Add(std::vector<Cell> row) {
  for (Cell& cell : row) cell.text = base::TerminalSafe(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::Render() const {
  std::string out;
  if (!is_terminal_) {
    for (const auto& row : rows_) {
      for (size_t i = 0; i < row.size(); ++i) out.append(i == 0 ? "" : "\t").append(row[i].text);
      out += '\n';
    }
    return out;
  }
  if (rows_.empty()) return out;
  std::vector<size_t> widths;
  for (size_t i = 0; i < headings_.size(); ++i) {
    widths.push_back(DisplayWidth(headings_[i]));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
  }
  std::vector<Cell> head;
  for (const std::string& heading : headings_) head.push_back({heading, Color::kBold});
  out += RenderRow(head, widths);
  for (const auto& row : rows_) out += RenderRow(row, widths);
  return out;
}

std::string Table::RenderRow(const std::vector<Cell>& row,
                             const std::vector<size_t>& widths) const {
  static constexpr std::string_view kGap = "  ";
  std::string out;
  size_t used = 0;
  for (size_t i = 0; i + 1 < row.size(); ++i) {
    out += Paint(row[i].text, row[i].color, color_);
    out.append(widths[i] - DisplayWidth(row[i].text), ' ').append(kGap);
    used += widths[i] + kGap.size();
  }
  // A last column of fewer cells than this helps nobody; then lines wrap.
  static constexpr size_t kLeastLast = 16;
  std::string last = row.back().text;
  if (terminal_width_ > 0) {
    const size_t room = std::max(static_cast<size_t>(terminal_width_), used + kLeastLast) - used;
    last = FitWidth(last, room);
  }
  out += Paint(last, row.back().color, color_);
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out + '\n';
}

}  // namespace coordhub::coordctl
