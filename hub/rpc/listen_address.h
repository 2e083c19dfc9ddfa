// Where a server may listen, and who is there already. These functions ask the kernel, briefly; for
// starts.

#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/unique_fd.h"

namespace coordhub::rpc {

struct TcpAddress {
  // A loopback address as digits, without brackets.
  std::string host;
  int port = 0;  // 0: any
  bool is_v6 = false;

  // As gRPC and people write it: `127.0.0.1:7000`, `[::1]:7000`.
  std::string Target() const;
};

// Reads `host:port`, where host is in 127.0.0.0/8, ::1 or `localhost` (which means 127.0.0.1).
// Errors:
//   INVALID_FIELD tcp_address  malformed, or not loopback: what goes further needs TLS.
absl::StatusOr<TcpAddress> ParseLoopback(const std::string& tcp_address);

// Whether somebody listens there already. Errors:
//   WORKSPACE_LOCKED  somebody does. Metadata: `pid` (empty when it cannot be seen), `lock` (the
//                     address).
//   IO_FAILED         the address cannot be bound.
absl::Status CheckFree(const TcpAddress& address);

// Makes way for a unix socket: removes one that nobody listens at any more. Errors:
//   WORKSPACE_LOCKED  somebody does. Metadata: `pid`, `lock` (the path).
//   IO_FAILED         the path is too long, or something else stands there.
absl::Status ClearSocketPath(const std::string& path);

// A socket that listens and does not block, and where it is.
struct ListeningSocket {
  base::UniqueFd fd;
  int port = 0;  // 0: a path
};

// The file of a socket that was bound to a path. Not thread-safe.
class SocketFile {
 public:
  SocketFile() = default;
  // The one that stands at the path now.
  explicit SocketFile(std::string path);
  // Removes it, unless another one has taken its place. Idempotent.
  void Remove();

 private:
  std::string path_;  // empty: none
  uint64_t device_ = 0;
  uint64_t inode_ = 0;
};

// Listens on a loopback address. Errors: those of CheckFree.
absl::StatusOr<ListeningSocket> ListenOnTcp(const TcpAddress& address);
// Listens on a path, for this user only (0600). Changes the process's umask for a moment. Errors:
// those of ClearSocketPath, which it calls.
absl::StatusOr<ListeningSocket> ListenOnPath(const std::string& path);

}  // namespace coordhub::rpc
