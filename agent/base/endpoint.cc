#include "agent/base/endpoint.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/file_mark.h"
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

std::string ParentOf(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

// What is moved and copied together with a file of `<git common dir>/coordhub/`: the repository's
// main worktree if it is in one, else the repository.
std::string RootAround(const std::string& file) {
  const std::string common_dir = ParentOf(ParentOf(file));
  return std::filesystem::path(common_dir).filename() == ".git" ? ParentOf(common_dir) : common_dir;
}

// The socket of an endpoint; empty: it has none.
std::string SocketOf(const std::string& endpoint) {
  return endpoint.compare(0, kUnixScheme.size(), kUnixScheme) == 0
             ? endpoint.substr(kUnixScheme.size())
             : std::string();
}

// Whether the endpoint file was written in another directory than it is in now, so that the hub
// that wrote it serves that one. `home`: the mark of that; empty: of a version that did not say.
bool IsCopy(const std::string& endpoint_file, const std::string& home) {
  const auto written_in = FileMark::Parse(home);
  const auto is_in = FileMark::At(ParentOf(endpoint_file));
  return written_in.has_value() && is_in.has_value() && !written_in->Matches(*is_in);
}

// Whether both lead to one socket, by whatever path.
bool IsSameSocket(const std::string& a, const std::string& b) {
  struct stat at_a {};
  struct stat at_b {};
  return !a.empty() && !b.empty() && stat(a.c_str(), &at_a) == 0 && stat(b.c_str(), &at_b) == 0 &&
         at_a.st_dev == at_b.st_dev && at_a.st_ino == at_b.st_ino;
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

std::string NamedFrom(const std::string& file, const std::string& path) {
  const std::string root = RootAround(file);
  const bool goes_along = path.compare(0, root.size() + 1, root + "/") == 0;
  if (!goes_along) return path;
  return std::filesystem::path(path).lexically_relative(ParentOf(file)).string();
}

std::string FoundFrom(const std::string& file, const std::string& name) {
  if (name.empty() || name[0] == '/') return name;
  return (std::filesystem::path(ParentOf(file)) / name).lexically_normal().string();
}

absl::Status WriteEndpointFile(const std::string& path, const EndpointFile& content) {
  const std::string socket = SocketOf(content.endpoint);
  std::string endpoint = content.endpoint;
  if (!socket.empty()) endpoint = std::string(kUnixScheme) + NamedFrom(path, socket);
  nlohmann::ordered_json object = {{"endpoint", endpoint},
                                   {"tcp", content.tcp},
                                   {"pid", content.pid},
                                   {"log_id", content.log_id},
                                   {"workspace", content.workspace}};
  if (!content.state_dir.empty()) object["state_dir"] = NamedFrom(path, content.state_dir);
  if (!content.log_file.empty()) object["log_file"] = NamedFrom(path, content.log_file);
  if (content.mirror_dir.has_value()) object["mirror_dir"] = NamedFrom(path, *content.mirror_dir);
  if (endpoint == content.endpoint) {
    if (const auto home = FileMark::At(ParentOf(path))) object["home"] = home->ToString();
  }
  // A path need not be UTF-8, JSON must; `replace` keeps dump() from throwing.
  const std::string text =
      object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  return ReplaceOrOverwriteFile(path, text, 0600);
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
  const std::string socket = SocketOf(content.endpoint);
  // One that is named from here is this copy's own, or nobody's.
  if (socket.empty() || socket[0] == '/') {
    std::string home;
    if (!TakeString(object, "home", &home)) return NotAnEndpointFile(path, "a value is no string");
    if (IsCopy(path, home)) return std::nullopt;
  } else {
    content.endpoint = std::string(kUnixScheme) + FoundFrom(path, socket);
  }
  content.state_dir = FoundFrom(path, content.state_dir);
  content.log_file = FoundFrom(path, content.log_file);
  if (content.mirror_dir.has_value()) content.mirror_dir = FoundFrom(path, *content.mirror_dir);
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
        (local->file->endpoint == resolved.target || local->file->tcp == resolved.target ||
         IsSameSocket(SocketOf(local->file->endpoint), SocketOf(resolved.target)))) {
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
