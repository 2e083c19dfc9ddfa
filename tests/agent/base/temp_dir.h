// A directory of a test's own.

#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace coordhub::base {

// Made empty, removed with all that is in it.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "coordhub-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    // Without symbolic links, so that paths compare with what the code under test resolves.
    path_ = std::filesystem::canonical(pattern).string();
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace coordhub::base
