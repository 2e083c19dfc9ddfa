#include "agent/coordctl/listener.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/base/unique_fd.h"

namespace coordhub::coordctl {
namespace {

namespace pb = ::coordhub::v1;

constexpr absl::Duration kLookEvery = absl::Milliseconds(20);

// 0: it connects.
int ConnectError(const sockaddr_un& address, int type) {
  const base::UniqueFd fd(socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  const int result =
      connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  return result == 0 ? 0 : errno;
}

// 0: somebody listens, or it cannot be told; else why nobody does. Asked at first with a socket of
// another type than the hub's: the kernel finds the one that is there, and refuses the type without
// a connection coming about, for which the hub would do all that it does for a client.
int WhyNobodyListens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return 0;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (ConnectError(address, SOCK_DGRAM) == EPROTOTYPE) return 0;
  const int error = ConnectError(address, SOCK_STREAM);
  const bool nobody = error == ENOENT || error == ECONNREFUSED || error == ENOTDIR;
  return nobody ? error : 0;
}

}  // namespace

absl::Status AwaitListener(const std::string& target, absl::Duration patience) {
  base::SystemClock clock;  // what is waited for lives in this machine's time, whatever a test says
  const std::string path = target.substr(target.find(':') + 1);
  const base::MonoTime deadline = clock.Mono() + patience;
  for (;;) {
    const int error = WhyNobodyListens(path);
    if (error == 0) return absl::OkStatus();
    const absl::Duration left = deadline - clock.Mono();
    if (left <= absl::ZeroDuration()) {
      const std::string why = error == ECONNREFUSED ? "nobody listens there" : "it does not exist";
      return base::MakeError(pb::ERROR_REASON_HUB_UNREACHABLE,
                             "no hub answers at " + target + " (" + why + ")",
                             {{"endpoint", target}});
    }
    (void)poll(nullptr, 0,
               static_cast<int>(
                   absl::ToInt64Milliseconds(std::min(left, kLookEvery) + absl::Milliseconds(1))));
  }
}

}  // namespace coordhub::coordctl
