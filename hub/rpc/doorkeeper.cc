#include "hub/rpc/doorkeeper.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/log.h"

namespace coordhub::rpc {
namespace {

// More connections than all streams that the hub serves (ServerOptions::max_streams) need, however
// many descriptors the process may have.
constexpr rlim_t kMaxDescriptor = 32'768;
// Descriptors kept for what is no connection: journals, the mirror, git's packs, pipes.
constexpr rlim_t kKeptMin = 16;
constexpr rlim_t kKeptMax = 512;
// The kernel tells of connections, but not of a descriptor that got free: how often to look, while
// there is no room.
constexpr int kLookAgainMs = 100;

base::UniqueFd OpenSpare() { return base::UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Doorkeeper::Doorkeeper(base::UniqueFd listener, std::string address, Share share, Admit admit,
                       OnRoom on_room)
    : listener_(std::move(listener)),
      address_(std::move(address)),
      share_(share),
      admit_(std::move(admit)),
      on_room_(std::move(on_room)),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      spare_(OpenSpare()) {}

int Doorkeeper::DescriptorBound(Share share) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = 1'024;
  const rlim_t all = std::min(limit.rlim_cur, kMaxDescriptor);
  const rlim_t kept = std::min(std::clamp(all / 4, kKeptMin, kKeptMax), all);
  const rlim_t room = all - kept;
  return static_cast<int>(share == Share::kAll ? room : room / 2);
}

absl::Status Doorkeeper::Start() {
  if (!stop_.valid()) return base::MakeIoError("make an event for", address_, EMFILE);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "door");
    Run();
  });
  return absl::OkStatus();
}

void Doorkeeper::Stop() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof(one));
  thread_.join();
  listener_.Reset();
}

void Doorkeeper::Run() {
  Next next = Next::kWhenTold;
  while (true) {
    // Who waits while nobody can be accepted would wake this thread again and again.
    const bool listens = next != Next::kLater;
    pollfd fds[] = {{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    poll(fds, listens ? 2 : 1, has_room_ && listens ? -1 : kLookAgainMs);
    if (fds[0].revents != 0) return;
    do {
      next = AcceptOne();
    } while (next == Next::kAtOnce);
    if (!has_room_ && HasRoom()) SetRoom(true);
  }
}

Doorkeeper::Next Doorkeeper::AcceptOne() {
  const int connection = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (connection >= 0) {
    if (connection < DescriptorBound(share_)) {
      admit_(connection);
    } else {
      close(connection);
      ++turned_away_;
      SetRoom(false);
    }
    return Next::kAtOnce;
  }
  switch (errno) {
    case EAGAIN:
      return Next::kWhenTold;
    case EINTR:
    case ECONNABORTED:
      return Next::kAtOnce;
    case EMFILE:
    case ENFILE:
      return TurnAwayWithSpare();
    default:
      // No memory for it, or an error of the connection that came.
      return Next::kLater;
  }
}

Doorkeeper::Next Doorkeeper::TurnAwayWithSpare() {
  SetRoom(false);
  spare_.Reset();
  bool came = false;
  {
    const base::UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    came = connection.valid();
    if (came) ++turned_away_;
  }
  spare_ = OpenSpare();
  return came && spare_.valid() ? Next::kAtOnce : Next::kLater;
}

bool Doorkeeper::HasRoom() const {
  const base::UniqueFd lowest(fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0));
  return lowest.valid() && lowest.get() < DescriptorBound(share_);
}

void Doorkeeper::SetRoom(bool has_room) {
  if (has_room && !spare_.valid()) spare_ = OpenSpare();
  if (std::exchange(has_room_, has_room) == has_room) return;
  if (has_room) {
    base::Log(base::LogLevel::kInfo, "there is room for connections again",
              {{"address", address_}, {"turned_away", std::exchange(turned_away_, 0)}});
  } else {
    base::Log(base::LogLevel::kWarning,
              "connections are turned away: too many descriptors are open",
              {{"address", address_}, {"descriptors", DescriptorBound(share_)}});
  }
  on_room_(has_room);
}

}  // namespace coordhub::rpc
