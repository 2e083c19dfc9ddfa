// git's configuration files, as far as finding a repository needs them.
//
// No cascade, no conditional includes: who needs those asks git or libgit2. Thread-safe.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coordhub::base {

// `name = value` of a section. Section and name are in lower case; a subsection stands between them
// as it was written: "core.bare", "branch.Main.remote".
struct GitSetting {
  std::string key;
  // nullopt: only the name stands there, which means "true".
  std::optional<std::string> value;

  // As a boolean: git's words for one, or a number.
  bool IsTrue() const;
};

// All settings of a file's content, in their order; nullopt where git would refuse the file.
std::optional<std::vector<GitSetting>> ParseGitConfig(std::string_view text);

// The same of the file at `path`, symbolic links followed. A file that is not there has none.
// Blocks on the file system.
std::optional<std::vector<GitSetting>> ReadGitConfig(const std::string& path);

// Of git's own small files: the first `max_bytes` bytes; nullopt: not there, or not readable.
std::optional<std::string> ReadGitFile(const std::string& path, size_t max_bytes);

}  // namespace coordhub::base
