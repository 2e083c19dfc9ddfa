#include "hub/rpc/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/unique_fd.h"
#include "hub/rpc/socket_owner.h"

namespace coordhub::rpc {
namespace {

constexpr char kField[] = "tcp_address";

// A socket address of either family.
union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un un;
};

absl::Status NotLoopback(const std::string& host) {
  return base::MakeFieldError(
      kField, absl::StrCat("must be a loopback address (127.0.0.1, ::1 or localhost), not ", host,
                           ": beyond this machine calls would need TLS"));
}

bool IsLoopback(const std::string& host, bool* is_v6) {
  in_addr v4{};
  in6_addr v6{};
  *is_v6 = false;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, host.c_str(), &v6) != 1) return false;
  *is_v6 = true;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

socklen_t Fill(const TcpAddress& address, SocketAddress* to) {
  std::memset(to, 0, sizeof(*to));
  const in_port_t port = htons(static_cast<in_port_t>(address.port));
  if (address.is_v6) {
    to->v6.sin6_family = AF_INET6;
    to->v6.sin6_port = port;
    inet_pton(AF_INET6, address.host.c_str(), &to->v6.sin6_addr);
    return sizeof(to->v6);
  }
  to->v4.sin_family = AF_INET;
  to->v4.sin_port = port;
  inet_pton(AF_INET, address.host.c_str(), &to->v4.sin_addr);
  return sizeof(to->v4);
}

// Errors: IO_FAILED, the path is too long.
absl::Status Fill(const std::string& path, SocketAddress* to) {
  std::memset(to, 0, sizeof(*to));
  if (path.size() >= sizeof(to->un.sun_path)) return base::MakeIoError("bind", path, ENAMETOOLONG);
  to->un.sun_family = AF_UNIX;
  std::memcpy(to->un.sun_path, path.data(), path.size());
  return absl::OkStatus();
}

absl::Status SocketServed(const std::string& path, int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  const bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  const std::string pid = known ? absl::StrCat(peer.pid) : std::string();
  return base::MakeError(base::pb::ERROR_REASON_WORKSPACE_LOCKED,
                         absl::StrCat("a process serves at ", path, " already",
                                      known ? absl::StrCat(" (pid ", pid, ")") : ""),
                         {{"pid", pid}, {"lock", path}});
}

absl::Status PortTaken(const TcpAddress& address) {
  const std::optional<pid_t> holder = PidListeningOn(address.port);
  const std::string pid = holder.has_value() ? absl::StrCat(*holder) : std::string();
  return base::MakeError(
      base::pb::ERROR_REASON_WORKSPACE_LOCKED,
      absl::StrCat("cannot listen on ", address.Target(), ": ",
                   pid.empty() ? "another process" : absl::StrCat("the process with pid ", pid),
                   " listens there"),
      {{"pid", pid}, {"lock", address.Target()}});
}

// What is made while it lives is for this user only.
class PrivateUmask {
 public:
  PrivateUmask() : before_(umask(0077)) {}
  ~PrivateUmask() { umask(before_); }
  PrivateUmask(const PrivateUmask&) = delete;
  PrivateUmask& operator=(const PrivateUmask&) = delete;

 private:
  const mode_t before_;
};

int PortOf(int fd) {
  SocketAddress bound;
  socklen_t size = sizeof(bound);
  std::memset(&bound, 0, sizeof(bound));
  if (getsockname(fd, &bound.any, &size) != 0) return 0;
  return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

}  // namespace

std::string TcpAddress::Target() const {
  return is_v6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

absl::StatusOr<TcpAddress> ParseLoopback(const std::string& tcp_address) {
  const size_t colon = tcp_address.rfind(':');
  TcpAddress address;
  if (colon == std::string::npos ||
      !absl::SimpleAtoi(tcp_address.substr(colon + 1), &address.port) || address.port < 0 ||
      address.port > 65535) {
    return base::MakeFieldError(kField, "must be host:port, with a port from 0 to 65535");
  }
  address.host = tcp_address.substr(0, colon);
  if (absl::StartsWith(address.host, "[") && absl::EndsWith(address.host, "]")) {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  // Whatever a resolver may say.
  if (address.host == "localhost") address.host = "127.0.0.1";
  if (!IsLoopback(address.host, &address.is_v6)) return NotLoopback(address.host);
  return address;
}

absl::Status CheckFree(const TcpAddress& address) {
  SocketAddress to;
  const socklen_t size = Fill(address, &to);
  const base::UniqueFd fd(socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  // As gRPC binds: connections of a hub that stopped a moment ago are no obstacle.
  if (fd.valid() && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
      bind(fd.get(), &to.any, size) == 0) {
    return absl::OkStatus();
  }
  const int error = errno;
  if (error == EADDRINUSE) return PortTaken(address);
  return base::MakeIoError("listen on", address.Target(), error);
}

absl::Status ClearSocketPath(const std::string& path) {
  SocketAddress to;
  COORDHUB_RETURN_IF_ERROR(Fill(path, &to));
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : base::MakeIoError("stat", path, errno);
  }
  if (!S_ISSOCK(info.st_mode)) return base::MakeIoError("bind", path, EEXIST);

  const base::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return base::MakeIoError("socket", path, errno);
  // EAGAIN: somebody listens, and has a full queue.
  if (connect(fd.get(), &to.any, sizeof(to.un)) == 0 || errno == EAGAIN) {
    return SocketServed(path, fd.get());
  }
  if (errno != ECONNREFUSED && errno != ENOENT) return base::MakeIoError("connect", path, errno);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return base::MakeIoError("unlink", path, errno);
  return absl::OkStatus();
}

absl::StatusOr<ListeningSocket> ListenOnTcp(const TcpAddress& address) {
  SocketAddress to;
  const socklen_t size = Fill(address, &to);
  ListeningSocket listening;
  listening.fd.Reset(socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int fd = listening.fd.get();
  const int on = 1;
  // Connections of a hub that stopped a moment ago are no obstacle. Accepted ones inherit that what
  // is written goes out at once.
  if (!listening.fd.valid() || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
      bind(fd, &to.any, size) != 0 || listen(fd, SOMAXCONN) != 0) {
    const int error = errno;
    if (error == EADDRINUSE) return PortTaken(address);
    return base::MakeIoError("listen on", address.Target(), error);
  }
  listening.port = PortOf(fd);
  return listening;
}

absl::StatusOr<ListeningSocket> ListenOnPath(const std::string& path) {
  SocketAddress to;
  COORDHUB_RETURN_IF_ERROR(Fill(path, &to));
  COORDHUB_RETURN_IF_ERROR(ClearSocketPath(path));
  ListeningSocket listening;
  listening.fd.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Nobody else may connect, be it between this and a chmod.
  const PrivateUmask only_ours;
  if (!listening.fd.valid() || bind(listening.fd.get(), &to.any, sizeof(to.un)) != 0 ||
      chmod(path.c_str(), 0600) != 0 || listen(listening.fd.get(), SOMAXCONN) != 0) {
    return base::MakeIoError("listen on", path, errno);
  }
  return listening;
}

SocketFile::SocketFile(std::string path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return;
  path_ = std::move(path);
  device_ = info.st_dev;
  inode_ = info.st_ino;
}

void SocketFile::Remove() {
  const std::string path = std::exchange(path_, "");
  struct stat info {};
  if (path.empty() || lstat(path.c_str(), &info) != 0) return;
  if (info.st_dev == device_ && info.st_ino == inode_) unlink(path.c_str());
}

}  // namespace coordhub::rpc
