// Where a server may listen, and who is there already. These functions ask the kernel, briefly; for
// starts.

#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

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

}  // namespace coordhub::rpc
