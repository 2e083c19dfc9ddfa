#include "agent/base/git_config.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>

#include "agent/base/unique_fd.h"

namespace coordhub::base {
namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 20;

bool IsSpace(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool IsAlpha(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool IsKeyChar(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; }
char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Reads as git does, character by character. Behind the end there are line feeds.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {
    static constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) at_ = kByteOrderMark.size();
  }

  std::optional<std::vector<GitSetting>> Parse() {
    while (at_ < text_.size()) {
      const char c = Next();
      if (IsSpace(c)) continue;
      bool ok = true;
      if (c == '#' || c == ';') {
        SkipLine();
      } else if (c == '[') {
        ok = ReadSection();
      } else {
        ok = IsAlpha(c) && ReadSetting(c);
      }
      if (!ok) return std::nullopt;
    }
    return std::move(settings_);
  }

 private:
  char Next() {
    if (at_ >= text_.size()) {
      at_ = text_.size() + 1;
      return '\n';
    }
    if (text_.substr(at_, 2) == "\r\n") ++at_;
    return text_[at_++];
  }

  bool ended() const { return at_ > text_.size(); }

  void SkipLine() {
    while (Next() != '\n') {
    }
  }

  // `[section]`, or `[section "subsection"]`.
  bool ReadSection() {
    section_.clear();
    for (;;) {
      const char c = Next();
      if (ended()) return false;
      if (c == ']') break;
      if (IsSpace(c)) {
        if (!ReadSubsection(c)) return false;
        break;
      }
      if (!IsKeyChar(c) && c != '.') return false;
      section_ += Lower(c);
    }
    if (section_.empty()) return false;
    section_ += '.';
    return true;
  }

  bool ReadSubsection(char c) {
    while (IsSpace(c)) {
      if (c == '\n') return false;
      c = Next();
    }
    if (c != '"') return false;
    section_ += '.';
    while ((c = Next()) != '"') {
      if (c == '\\') c = Next();
      if (c == '\n') return false;
      section_ += c;
    }
    return Next() == ']';
  }

  bool ReadSetting(char c) {
    GitSetting setting;
    setting.key = section_;
    for (; IsKeyChar(c); c = Next()) setting.key += Lower(c);
    while (c == ' ' || c == '\t') c = Next();
    if (c != '\n') {
      std::string value;
      if (c != '=' || !ReadValue(&value)) return false;
      setting.value = std::move(value);
    }
    settings_.push_back(std::move(setting));
    return true;
  }

  // To the end of the line; blanks around it, and comments, do not belong to it.
  bool ReadValue(std::string* value) {
    bool quoted = false;
    size_t keep = 0;  // what ends before trailing blanks
    for (;;) {
      char c = Next();
      if (c == '\n') {
        value->resize(keep);
        return !quoted;
      }
      if (!quoted && (c == '#' || c == ';')) {
        SkipLine();
        value->resize(keep);
        return true;
      }
      if (c == '"') {
        quoted = !quoted;
        keep = value->size();
        continue;
      }
      const bool blank = IsSpace(c) && !quoted;
      if (blank && value->empty()) continue;
      if (c == '\\') {
        c = Next();
        if (c == '\n') continue;
        if (!Unescape(&c)) return false;
      }
      *value += c;
      if (!blank) keep = value->size();
    }
  }

  static bool Unescape(char* c) {
    switch (*c) {
      case 't':
        *c = '\t';
        return true;
      case 'b':
        *c = '\b';
        return true;
      case 'n':
        *c = '\n';
        return true;
      default:
        return *c == '\\' || *c == '"';
    }
  }

  const std::string_view text_;
  size_t at_ = 0;
  std::string section_;  // with the dot behind it
  std::vector<GitSetting> settings_;
};

}  // namespace

bool GitSetting::IsTrue() const {
  if (!value.has_value()) return true;
  std::string word;
  for (const char c : *value) word += Lower(c);
  if (word == "true" || word == "yes" || word == "on") return true;
  return std::strtol(word.c_str(), nullptr, 0) != 0;
}

std::optional<std::vector<GitSetting>> ParseGitConfig(std::string_view text) {
  return Parser(text).Parse();
}

std::optional<std::vector<GitSetting>> ReadGitConfig(const std::string& path) {
  const std::optional<std::string> text = ReadGitFile(path, kMaxConfigBytes);
  if (text.has_value()) return ParseGitConfig(*text);
  if (errno != ENOENT && errno != ENOTDIR) return std::nullopt;
  return std::vector<GitSetting>();
}

std::optional<std::string> ReadGitFile(const std::string& path, size_t max_bytes) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return std::nullopt;
  std::string content;
  char buffer[4096];
  while (content.size() < max_bytes) {
    const ssize_t n = read(fd.get(), buffer, std::min(sizeof(buffer), max_bytes - content.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    content.append(buffer, static_cast<size_t>(n));
  }
  return content;
}

}  // namespace coordhub::base
