#include "hub/main/shared_state_place.h"

#include <filesystem>
#include <system_error>

namespace coordhub::hub {

std::string RelativeTo(const std::string& top, const std::string& directory) {
  std::error_code error;
  const std::string real = std::filesystem::weakly_canonical(directory, error).string();
  if (error || real.compare(0, top.size() + 1, top + "/") != 0) return "";
  return real.substr(top.size() + 1);
}

std::string ExcludePattern(std::string_view path) {
  std::string pattern = "/";
  for (const char c : path) {
    if (std::string_view("*?[\\ ").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace coordhub::hub
