// Text from agents and users is data. These functions check it on the way in and make it harmless
// on the way out: to a line of a file, to Markdown, to a terminal.
//
// All are pure and thread-safe. "Invisible" characters below are those that make text look other
// than it is: bidirectional controls, zero-width characters, line and paragraph separators, and the
// tag characters U+E0000..U+E007F.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coordhub::base {

// Strict: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsValidUtf8(std::string_view s);

// `s` with each malformed part replaced by U+FFFD.
std::string ToValidUtf8(std::string_view s);

// `s`, which is valid UTF-8, if it has at most `max_bytes` bytes; else its longest prefix of whole
// characters that fits together with "…" (or without, below 3 bytes).
std::string TruncateUtf8(std::string_view s, size_t max_bytes);

// Whether `s` has a control character (newline and tab included) or an invisible one. The joiners
// U+200C and U+200D, which several scripts and emoji need, are allowed. For fields of one line.
bool HasControlOrBidi(std::string_view s);

// `s` as one line of at most `max_bytes` bytes: runs of control characters and separators become
// one space, invisible characters (the joiners too) vanish, malformed UTF-8 becomes U+FFFD, the
// ends are trimmed, and what is too long is cut with "…". Applying it twice changes nothing more.
std::string OneLine(std::string_view s, size_t max_bytes);

// The line `s` so that Markdown renders it as those very characters, wherever it stands: after a
// bullet, in a heading, in a table cell, or at the start of a line. Whatever could mean something
// is escaped by a backslash; a hyphen or underscore inside a word cannot, and stays as it is, so
// that names like conversation-42 remain readable to scripts. Expects a result of OneLine.
std::string EscapeMarkdown(std::string_view s);

// `s` for a terminal: escape sequences (colours, titles, cursor moves, hyperlinks) vanish whole,
// newline and tab become a space, other control and invisible characters vanish, malformed UTF-8
// becomes U+FFFD.
std::string TerminalSafe(std::string_view s);

}  // namespace coordhub::base
