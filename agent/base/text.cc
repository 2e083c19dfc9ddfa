#include "agent/base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace coordhub::base {
namespace {

constexpr std::string_view kEllipsis = "\xe2\x80\xa6";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

struct Decoded {
  char32_t code_point;
  size_t bytes;  // how many were read; of a malformed character, its longest well-formed start
  bool valid;
};

// The second byte of a sequence has a narrower range after some first bytes; that is what excludes
// overlong forms, surrogates and values above U+10FFFF (Unicode, table 3-7).
struct Lead {
  size_t bytes;
  uint8_t low = 0x80;
  uint8_t high = 0xbf;
};

Lead ClassifyLead(uint8_t b) {
  if (b < 0x80) return {1};
  if (b < 0xc2) return {0};
  if (b < 0xe0) return {2};
  if (b == 0xe0) return {3, 0xa0, 0xbf};
  if (b == 0xed) return {3, 0x80, 0x9f};
  if (b < 0xf0) return {3};
  if (b == 0xf0) return {4, 0x90, 0xbf};
  if (b < 0xf4) return {4};
  if (b == 0xf4) return {4, 0x80, 0x8f};
  return {0};
}

// Reads the character at the start of `s`, which is not empty.
Decoded Decode(std::string_view s) {
  const auto first = static_cast<uint8_t>(s[0]);
  const Lead lead = ClassifyLead(first);
  if (lead.bytes == 1) return {first, 1, true};
  if (lead.bytes == 0) return {0, 1, false};
  char32_t value = first & (0x7f >> lead.bytes);
  for (size_t i = 1; i < lead.bytes; ++i) {
    if (i == s.size()) return {0, i, false};
    const auto b = static_cast<uint8_t>(s[i]);
    const uint8_t low = i == 1 ? lead.low : 0x80;
    const uint8_t high = i == 1 ? lead.high : 0xbf;
    if (b < low || b > high) return {0, i, false};
    value = value << 6 | (b & 0x3f);
  }
  return {value, lead.bytes, true};
}

bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

bool IsSeparator(char32_t c) { return c == 0x2028 || c == 0x2029; }

bool IsJoiner(char32_t c) { return c == 0x200c || c == 0x200d; }

// Invisible, separators and joiners aside.
bool IsInvisible(char32_t c) {
  return c == 0x061c || c == 0x180e || c == 0x200b || c == 0x200e || c == 0x200f ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
         (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

// Calls `fn(decoded, bytes of it)` for each character, well-formed or not, until it returns false.
template <class Fn>
bool ForEachCharacter(std::string_view s, Fn fn) {
  while (!s.empty()) {
    const Decoded d = Decode(s);
    if (!fn(d, s.substr(0, d.bytes))) return false;
    s.remove_prefix(d.bytes);
  }
  return true;
}

// Most of what people write: OneLine leaves it as it is.
bool IsPlainLine(std::string_view s) {
  const auto printable = [](char c) { return c >= 0x20 && c < 0x7f; };
  return s.empty() ||
         (s.front() != ' ' && s.back() != ' ' && std::all_of(s.begin(), s.end(), printable));
}

constexpr std::array<bool, 256> TableOf(std::string_view characters) {
  std::array<bool, 256> table{};
  for (const char c : characters) table[static_cast<uint8_t>(c)] = true;
  return table;
}

void TrimRight(std::string* s) {
  while (!s->empty() && s->back() == ' ') s->pop_back();
}

bool IsAsciiAlnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// How many bytes the escape sequence at the start of `s` has; 0 if none starts there. An
// unterminated one reaches to the end: what follows it would be read by the terminal as part of it.
size_t EscapeSequenceBytes(std::string_view s) {
  size_t intro = 0;  // bytes up to and including the one that tells the kind
  char kind = 0;
  if (s[0] == '\x1b') {
    if (s.size() == 1) return 1;
    intro = 2;
    kind = s[1];
  } else if (s.size() >= 2 && s[0] == '\xc2' && (s[1] & 0xe0) == 0x80) {
    intro = 2;  // the one-character forms U+0080..U+009F stand for ESC and kind
    kind = static_cast<char>(s[1] - 0x40);
  } else {
    return 0;
  }
  if (kind == '[') {  // control sequence: parameters, then one final byte
    const size_t end =
        std::find_if(s.begin() + intro, s.end(), [](char c) { return c < 0x20 || c > 0x3f; }) -
        s.begin();
    return std::min(end + (end < s.size() && s[end] >= 0x40 ? 1 : 0), s.size());
  }
  if (kind == ']' || kind == 'P' || kind == 'X' || kind == '^' || kind == '_') {  // strings
    for (size_t i = intro; i < s.size(); ++i) {
      if (s[i] == '\a') return i + 1;
      if (s[i] == '\x1b' && i + 1 < s.size() && s[i + 1] == '\\') return i + 2;
      if (s[i] == '\xc2' && i + 1 < s.size() && s[i + 1] == '\x9c') return i + 2;
    }
    return s.size();
  }
  if (s[0] == '\x1b' && kind >= 0x20 && kind <= 0x2f) return std::min<size_t>(3, s.size());
  return kind >= 0x30 && kind < 0x7f ? intro : 1;
}

}  // namespace

bool IsValidUtf8(std::string_view s) {
  return ForEachCharacter(s, [](const Decoded& d, std::string_view) { return d.valid; });
}

std::string ToValidUtf8(std::string_view s) {
  if (IsValidUtf8(s)) return std::string(s);
  std::string out;
  out.reserve(s.size() + kReplacement.size());
  ForEachCharacter(s, [&](const Decoded& d, std::string_view bytes) {
    out += d.valid ? bytes : kReplacement;
    return true;
  });
  return out;
}

std::string TruncateUtf8(std::string_view s, size_t max_bytes) {
  if (s.size() <= max_bytes) return std::string(s);
  const std::string_view tail = max_bytes >= kEllipsis.size() ? kEllipsis : std::string_view();
  size_t keep = max_bytes - tail.size();
  while (keep > 0 && (static_cast<uint8_t>(s[keep]) & 0xc0) == 0x80) --keep;
  return std::string(s.substr(0, keep)).append(tail);
}

bool HasControlOrBidi(std::string_view s) {
  return !ForEachCharacter(s, [](const Decoded& d, std::string_view) {
    return !d.valid ||
           !(IsControl(d.code_point) || IsSeparator(d.code_point) || IsInvisible(d.code_point));
  });
}

std::string OneLine(std::string_view s, size_t max_bytes) {
  if (s.size() <= max_bytes && IsPlainLine(s)) return std::string(s);
  std::string out;
  out.reserve(std::min(s.size(), max_bytes + 8));
  ForEachCharacter(s, [&](const Decoded& d, std::string_view bytes) {
    if (!d.valid) {
      out += kReplacement;
    } else if (IsControl(d.code_point) || IsSeparator(d.code_point)) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (d.code_point == ' ') {
      if (!out.empty()) out += ' ';
    } else if (!IsInvisible(d.code_point) && !IsJoiner(d.code_point)) {
      out += bytes;
    }
    // Stop once it is clear that something has to be cut; spaces at the end may yet vanish.
    return out.size() <= max_bytes || out.back() == ' ';
  });
  TrimRight(&out);
  out = TruncateUtf8(out, max_bytes);
  TrimRight(&out);
  return out;
}

std::string EscapeMarkdown(std::string_view s) {
  static constexpr std::string_view kSpecial = "\\`*_{}[]<>#+-!|~&=\n\r\t";
  static constexpr std::string_view kPlainInsideAWord = "_-+#!=";
  static constexpr std::array<bool, 256> kIsSpecial = TableOf(kSpecial);
  std::string out;
  out.reserve(s.size() + s.size() / 8);
  // "1." or "1)" would begin a numbered list.
  const size_t digits = std::min(s.find_first_not_of("0123456789"), s.size());
  for (size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    if (!kIsSpecial[static_cast<uint8_t>(c)] && i != digits) {
      out += c;
      continue;
    }
    const bool inside_a_word =
        i > 0 && i + 1 < s.size() && IsAsciiAlnum(s[i - 1]) && IsAsciiAlnum(s[i + 1]);
    const bool list_mark = i == digits && digits > 0 && (c == '.' || c == ')');
    const bool blank = c == '\n' || c == '\r' || c == '\t';
    const bool special = kIsSpecial[static_cast<uint8_t>(c)] && !blank &&
                         !(inside_a_word && kPlainInsideAWord.find(c) != std::string_view::npos);
    if (special || list_mark) out += '\\';
    out += blank ? ' ' : c;
  }
  return out;
}

std::string TerminalSafe(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  while (!s.empty()) {
    if (const size_t escape = EscapeSequenceBytes(s); escape > 0) {
      s.remove_prefix(escape);
      continue;
    }
    const Decoded d = Decode(s);
    if (!d.valid) {
      out += kReplacement;
    } else if (d.code_point == '\n' || d.code_point == '\t' || IsSeparator(d.code_point)) {
      out += ' ';
    } else if (!IsControl(d.code_point) && !IsInvisible(d.code_point)) {
      out += s.substr(0, d.bytes);
    }
    s.remove_prefix(d.bytes);
  }
  return out;
}

}  // namespace coordhub::base
