#include "agent/base/git_trust.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "agent/base/git_config.h"

namespace coordhub::base {
namespace {

constexpr int kMaxIncludeDepth = 10;

std::string Env(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment.
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool IsOurs(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return false;
  if (info.st_uid == geteuid()) return true;
  const std::string invoker = geteuid() == 0 ? Env("SUDO_UID") : "";
  return !invoker.empty() && invoker == std::to_string(info.st_uid);
}

std::string AtHome(const std::string& path) {
  return path.compare(0, 2, "~/") == 0 ? Env("HOME") + path.substr(1) : path;
}

// What the user and whoever administrates the machine say; never what a repository says of itself.
std::vector<std::string> ProtectedConfigFiles() {
  std::vector<std::string> files;
  if (!GitSetting{"", Env("GIT_CONFIG_NOSYSTEM")}.IsTrue()) {
    const std::string system = Env("GIT_CONFIG_SYSTEM");
    files.push_back(system.empty() ? "/etc/gitconfig" : system);
  }
  if (const std::string global = Env("GIT_CONFIG_GLOBAL"); !global.empty()) {
    files.push_back(global);
    return files;
  }
  const std::string xdg = Env("XDG_CONFIG_HOME");
  files.push_back((xdg.empty() ? Env("HOME") + "/.config" : xdg) + "/git/config");
  files.push_back(Env("HOME") + "/.gitconfig");
  return files;
}

bool Names(const std::string& value, const std::string& place) {
  if (value == "*") return true;
  std::string path = AtHome(value);
  const bool whole_tree = path.size() > 2 && path.compare(path.size() - 2, 2, "/*") == 0;
  if (whole_tree) return place.compare(0, path.size() - 1, path, 0, path.size() - 1) == 0;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path == place;
}

// An empty value forgets those before it.
void ApplyFile(const std::string& file, const std::string& place, int depth, bool* is_safe) {
  const auto settings = ReadGitConfig(file);
  if (!settings.has_value()) return;
  for (const GitSetting& setting : *settings) {
    const std::string value = setting.value.value_or("");
    if (setting.key == "safe.directory") {
      *is_safe = !value.empty() && (*is_safe || Names(value, place));
    } else if (setting.key == "include.path" && depth < kMaxIncludeDepth && !value.empty()) {
      const auto included = std::filesystem::path(file).parent_path() / AtHome(value);
      ApplyFile(included.string(), place, depth + 1, is_safe);
    }
  }
}

}  // namespace

bool GitTrusts(const std::string& place, const std::vector<std::string>& parts) {
  const bool ours = std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    return part.empty() || IsOurs(part);
  });
  if (ours) return true;
  bool is_safe = false;
  for (const std::string& file : ProtectedConfigFiles()) ApplyFile(file, place, 0, &is_safe);
  return is_safe;
}

}  // namespace coordhub::base
