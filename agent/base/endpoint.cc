#include "agent/base/endpoint.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/git_location.h"
#include "agent/base/sha256.h"
#include "agent/base/status_macros.h"

namespace coordhub::base {
namespace {

constexpr size_t kMaxEndpointFileBytes = size_t{16} * 1024;
constexpr std::string_view kUnixScheme = "unix:";

bool FitsASocket(const std::string& path) { return path.size() <= kMaxSocketPathBytes; }

// Whether only this user can put something into `path`.
bool IsPrivateDirectory(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
         (info.st_mode & 0077) == 0;
}

absl::Status NotAnEndpointFile(const std::string& path, const std::string& why) {
  return MakeError(pb::ERROR_REASON_IO_FAILED, path + " is not an endpoint file: " + why,
                   {{"operation", "parse"}, {"path", path}});
}

// The string under `key`: false if it is there and no string.
bool TakeString(const nlohmann::json& object, const char* key, std::string* value) {
  const auto it = object.find(key);
  if (it == object.end()) return true;
  if (!it->is_string()) return false;
  *value = it->get<std::string>();
  return true;
}

bool IsPort(std::string_view s) {
  if (s.empty() || s.size() > 5) return false;
  int port = 0;
  for (const char c : s) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + (c - '0');
  }
  return port > 0 && port <= 65535;
}

// Whether `s` is "host:port", "1.2.3.4:port" or "[v6]:port".
bool IsHostAndPort(std::string_view s) {
  const size_t colon = s.rfind(':');
  if (colon == std::string_view::npos || !IsPort(s.substr(colon + 1))) return false;
  std::string_view host = s.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  static constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  if (host.empty()) return false;
  if (bracketed) return host.find_first_not_of("0123456789abcdefABCDEF:.%") == host.npos;
  return host.find_first_not_of(kAllowed) == host.npos;
}

absl::StatusOr<std::string> ParseTarget(const std::string& value, std::string_view field) {
  std::string_view path = value;
  if (path.substr(0, kUnixScheme.size()) == kUnixScheme) {
    path.remove_prefix(kUnixScheme.size());
    if (path.substr(0, 3) == "///") path.remove_prefix(2);  // the URI form unix:///path
  }
  if (!path.empty() && path[0] == '/') {
    if (path.size() > 1 && path[1] != '/') return std::string(kUnixScheme).append(path);
  } else if (path.size() == value.size() && IsHostAndPort(value)) {
    return value;
  }
  return MakeFieldError(field,
                        "\"" + value + "\" is no endpoint; give unix:/absolute/path or host:port");
}

// What a repository says about its hub; nullopt if no hub was started.
struct Local {
  StatePaths state;
  std::optional<EndpointFile> file;
};
absl::StatusOr<Local> LookAround(const absl::StatusOr<GitLocation>& repository) {
  COORDHUB_RETURN_IF_ERROR(repository.status());
  Local local{StatePaths::UnderCommonDir(repository->common_dir), std::nullopt};
  COORDHUB_ASSIGN_OR_RETURN(local.file, ReadEndpointFile(local.state.endpoint()));
  if (local.file.has_value() && !local.file->state_dir.empty()) {
    local.state = StatePaths(local.file->state_dir);
  }
  return local;
}

ResolvedEndpoint AtTarget(std::string target) {
  ResolvedEndpoint resolved;
  resolved.is_unix = target.substr(0, kUnixScheme.size()) == kUnixScheme;
  resolved.target = std::move(target);
  return resolved;
}

}  // namespace

StatePaths StatePaths::UnderCommonDir(const std::string& git_common_dir) {
  return StatePaths(git_common_dir + "/coordhub");
}

RuntimeDirs RuntimeDirs::FromEnvironment() {
  RuntimeDirs dirs;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment.
  if (const char* value = std::getenv("XDG_RUNTIME_DIR"); value != nullptr && value[0] == '/') {
    dirs.xdg_runtime_dir = value;
  }
  return dirs;
}

absl::StatusOr<std::string> ChooseSocketPath(const StatePaths& state, const RuntimeDirs& runtime) {
  if (FitsASocket(state.socket())) return state.socket();
  const std::string tag = HexEncode(Sha256(state.dir())).substr(0, 12);

  const std::string in_runtime = runtime.xdg_runtime_dir + "/coordhub-" + tag + ".sock";
  if (!runtime.xdg_runtime_dir.empty() && FitsASocket(in_runtime) &&
      IsPrivateDirectory(runtime.xdg_runtime_dir)) {
    return in_runtime;
  }

  const std::string own_dir = runtime.tmp_dir + "/coordhub-" + std::to_string(geteuid());
  const std::string in_tmp = own_dir + "/" + tag + ".sock";
  if (!FitsASocket(in_tmp)) {
    return MakeError(pb::ERROR_REASON_STATE_DIR_UNUSABLE,
                     "no directory with a path short enough for a socket: " + in_tmp,
                     {{"path", in_tmp}});
  }
  COORDHUB_RETURN_IF_ERROR(EnsurePrivateDirectory(own_dir));
  return in_tmp;
}

absl::Status WriteEndpointFile(const std::string& path, const EndpointFile& content) {
  nlohmann::ordered_json object = {{"endpoint", content.endpoint},
                                   {"tcp", content.tcp},
                                   {"pid", content.pid},
                                   {"log_id", content.log_id},
                                   {"workspace", content.workspace}};
  if (!content.state_dir.empty()) object["state_dir"] = content.state_dir;
  if (!content.log_file.empty()) object["log_file"] = content.log_file;
  if (content.mirror_dir.has_value()) object["mirror_dir"] = *content.mirror_dir;
  // A path need not be UTF-8, JSON must; `replace` keeps dump() from throwing.
  const std::string text =
      object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  return AtomicReplaceFile(path, text, 0600);
}

absl::StatusOr<std::optional<EndpointFile>> ReadEndpointFile(const std::string& path) {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                            ReadFile(path, kMaxEndpointFileBytes));
  if (!text.has_value()) return std::nullopt;
  const auto object = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return NotAnEndpointFile(path, "no JSON object");
  EndpointFile content;
  if (!TakeString(object, "endpoint", &content.endpoint) ||
      !TakeString(object, "tcp", &content.tcp) || !TakeString(object, "log_id", &content.log_id) ||
      !TakeString(object, "workspace", &content.workspace) ||
      !TakeString(object, "state_dir", &content.state_dir) ||
      !TakeString(object, "log_file", &content.log_file)) {
    return NotAnEndpointFile(path, "a value is no string");
  }
  if (object.contains("mirror_dir") &&
      !TakeString(object, "mirror_dir", &content.mirror_dir.emplace())) {
    return NotAnEndpointFile(path, "a value is no string");
  }
  const auto pid = object.find("pid");
  if (pid == object.end() || !pid->is_number_integer()) {
    return NotAnEndpointFile(path, "no pid");
  }
  content.pid = pid->get<int64_t>();
  if (content.endpoint.empty()) return NotAnEndpointFile(path, "no endpoint");
  return content;
}

absl::StatusOr<ResolvedEndpoint> ResolveEndpoint(const EndpointQuery& query) {
  return ResolveEndpoint(query, LocateRepository(query.directory));
}

absl::StatusOr<ResolvedEndpoint> ResolveEndpoint(const EndpointQuery& query,
                                                 const absl::StatusOr<GitLocation>& repository) {
  const bool by_flag = !query.flag.empty();
  if (by_flag || !query.environment.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(std::string target,
                              ParseTarget(by_flag ? query.flag : query.environment,
                                          by_flag ? "--endpoint" : "COORDHUB_ENDPOINT"));
    ResolvedEndpoint resolved = AtTarget(std::move(target));
    // The explicit endpoint may well be the local hub's; then its tokens are at hand. Any trouble
    // with looking is no trouble here.
    const auto local = LookAround(repository);
    if (local.ok() && local->file.has_value() &&
        (local->file->endpoint == resolved.target || local->file->tcp == resolved.target)) {
      resolved.state_dir = local->state.dir();
      resolved.workspace = local->file->workspace;
    }
    return resolved;
  }

  COORDHUB_ASSIGN_OR_RETURN(const Local local, LookAround(repository));
  if (!local.file.has_value()) {
    return MakeError(pb::ERROR_REASON_HUB_UNREACHABLE,
                     "no hub runs for this repository (" + local.state.endpoint() +
                         " does not exist); start one with: coordhub start",
                     {{"endpoint", local.state.endpoint()}});
  }
  ResolvedEndpoint resolved = AtTarget(local.file->endpoint);
  resolved.state_dir = local.state.dir();
  resolved.workspace = local.file->workspace;
  return resolved;
}

}  // namespace coordhub::base
