// Where a hub keeps its things, and how a client finds it.
//
// A workspace's state directory is `<git common dir>/coordhub/`. A running hub says how it is
// reached in the *endpoint file* there, so that any client in any worktree of the repository finds
// it. Free functions are thread-safe; those that take paths block on the file system.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/git_location.h"

namespace coordhub::base {

// The names under a state directory, which is an absolute path without a trailing slash.
class StatePaths {
 public:
  explicit StatePaths(std::string state_dir) : dir_(std::move(state_dir)) {}
  static StatePaths UnderCommonDir(const std::string& git_common_dir);

  const std::string& dir() const { return dir_; }
  std::string journal() const { return dir_ + "/journal.sqlite3"; }
  std::string lock() const { return dir_ + "/lock"; }
  std::string endpoint() const { return dir_ + "/endpoint"; }
  std::string socket() const { return dir_ + "/hub.sock"; }
  std::string workspace_key() const { return dir_ + "/workspace.key"; }
  std::string operator_token() const { return dir_ + "/operator-token"; }
  std::string snapshots() const { return dir_ + "/snapshots"; }
  std::string sessions() const { return dir_ + "/sessions"; }
  std::string logs() const { return dir_ + "/logs"; }
  std::string hub_pid() const { return dir_ + "/hub.pid"; }

 private:
  std::string dir_;
};

// Where sockets go when the state directory's path is too long for one (the kernel allows 107
// bytes, we use 100).
struct RuntimeDirs {
  std::string xdg_runtime_dir;  // $XDG_RUNTIME_DIR; empty when unset
  std::string tmp_dir = "/tmp";
  static RuntimeDirs FromEnvironment();
};

inline constexpr size_t kMaxSocketPathBytes = 100;

// The path of the hub's socket, always the same for the same arguments: `<state dir>/hub.sock` if
// that is short enough, else a name made from a hash of the state directory, in the runtime
// directory or in a directory of this user's own under `tmp_dir`, which is created.
//
// Errors:
//   FAILED_PRECONDITION/STATE_DIR_UNUSABLE  no place is short, private and ours. Metadata: `path`.
absl::StatusOr<std::string> ChooseSocketPath(const StatePaths& state, const RuntimeDirs& runtime);

// An absolute path as `file`, one of `<git common dir>/coordhub/`, keeps it: from its own place
// what lies in the same repository, and so is moved and copied with it. And back, wherever `file`
// is by then. Pure.
std::string NamedFrom(const std::string& file, const std::string& path);
std::string FoundFrom(const std::string& file, const std::string& name);

// The content of the endpoint file. All paths are absolute here. In the file, those that lie in the
// same repository are named from the file's own place, so that they are right wherever that is
// moved, copied or mounted; beside a path that is not, the file says by its mark in which directory
// it was written (`home`), so that a copy of it is known for one.
struct EndpointFile {
  std::string endpoint;   // gRPC target of the socket: "unix:/absolute/path"
  std::string tcp;        // "127.0.0.1:port"; empty if the hub does not listen on TCP
  int64_t pid = 0;        // the hub's process, > 0
  std::string log_id;     // of the journal that it serves
  std::string workspace;  // the workspace's id
  // Where the state is, if not beside this file.
  std::string state_dir;
  // The hub's own log; empty: not known.
  std::string log_file;
  // Where tickets.md and status.md are written; empty: they are not; nullopt: not known.
  std::optional<std::string> mirror_dir;
};

// Writes it with ReplaceOrOverwriteFile, mode 0600: a hub that was killed can come back on a full
// disk. Errors as AtomicReplaceFile.
absl::Status WriteEndpointFile(const std::string& path, const EndpointFile& content);

// Reads it; nullopt if there is none, or it is a copy that leads to the hub of what was copied.
// Whether the hub that wrote it still lives is not asked: the file stays when a hub is killed, and
// a client should then wait for the next one.
//
// Errors:
//   INTERNAL/IO_FAILED  unreadable, or not an endpoint file.
absl::StatusOr<std::optional<EndpointFile>> ReadEndpointFile(const std::string& path);

// What a client goes by, in this order.
struct EndpointQuery {
  std::string flag;         // --endpoint; empty when not given
  std::string environment;  // $COORDHUB_ENDPOINT; empty when unset
  std::string directory;    // where the client stands
};

struct ResolvedEndpoint {
  std::string target;     // for gRPC: "unix:/path" or "host:port"
  std::string state_dir;  // empty if unknown: no repository here, or another hub's endpoint
  std::string workspace;  // as state_dir
  bool is_unix = false;
};

// The endpoint to connect to. A flag or environment value is "unix:/path", "/path" or "host:port".
//
// Errors:
//   INVALID_ARGUMENT/INVALID_FIELD  the flag or environment value is none of these. Metadata:
//                                   `field`.
//   NOT_FOUND/WORKSPACE_NOT_FOUND   neither was given, and `directory` is in no git repository.
//   UNAVAILABLE/HUB_UNREACHABLE     no hub has been started for the repository. Metadata:
//   `endpoint`.
absl::StatusOr<ResolvedEndpoint> ResolveEndpoint(const EndpointQuery& query);
// The same for a caller that has looked for the repository already: `repository` is what
// LocateRepository says of `query.directory`.
absl::StatusOr<ResolvedEndpoint> ResolveEndpoint(const EndpointQuery& query,
                                                 const absl::StatusOr<GitLocation>& repository);

}  // namespace coordhub::base
