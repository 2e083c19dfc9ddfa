#include "hub/rpc/wire_guard.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/base/log.h"

namespace coordhub::rpc {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
// Buffers moved for a connection before others get their turn.
constexpr int kTurns = 8;
constexpr int kEventsAtOnce = 64;
// How often times are looked at.
constexpr int64_t kLookMs = 500;

// Of connections, whose time is this machine's, whatever the hub's clock may be in a test.
int64_t NowMs() { return base::SystemClock().Mono().ns / 1'000'000; }

using Buffer = std::array<char, kBufferBytes>;

// Of the one thread, for what goes through at once.
Buffer& Scratch() {
  static thread_local Buffer buffer;
  return buffer;
}

}  // namespace

// The two sockets of a connection, and what is between them.
class WireGuard::Link {
 public:
  Link(base::UniqueFd client, base::UniqueFd grpc, const FrameBounds& bounds)
      : client_(std::move(client)), grpc_(std::move(grpc)), frames_(bounds, NowMs()) {}

  bool Join(int epoll) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = this;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, client_.get(), &event) == 0 &&
           epoll_ctl(epoll, EPOLL_CTL_ADD, grpc_.get(), &event) == 0;
  }

  // Moves a buffer in each direction. True: there may be more to move at once.
  bool Move(int64_t now_ms) {
    const bool down = MoveFrom(grpc_, client_, &down_, [&](std::string_view bytes) {
      frames_.FromServer(bytes);
      return true;
    });
    // Who does not read is not read: its answers to what it goes on to send would pile up.
    if (down_.waits()) return down;
    return MoveFrom(client_, grpc_, &up_,
                    [&](std::string_view bytes) {
                      why_ = frames_.FromClient(bytes, now_ms);
                      return why_ == nullptr;
                    }) ||
           down;
  }

  // Nothing more can come of it: both sides have closed, one failed, or it was cut.
  bool over() const { return broken_ || why_ != nullptr || (up_.shut && down_.shut); }
  // Why it must be cut; null: it need not be.
  const char* why() const { return why_; }
  // One side has closed, and what the other still has to say takes longer than this.
  bool Lingers(int64_t now_ms, absl::Duration patience) const {
    return shut_ms_ != 0 && now_ms - shut_ms_ > absl::ToInt64Milliseconds(patience);
  }
  const FrameWatch& frames() const { return frames_; }

  // The guard's notes.
  bool queued = false;
  bool cut = false;
  size_t counted_streams = 0;

 private:
  struct Direction {
    std::string rest;  // read, and not yet written
    size_t written = 0;
    bool ended = false;  // nothing more comes
    bool shut = false;   // and all of it has gone on
    bool waits() const { return written < rest.size(); }
  };

  // True: something was read.
  template <class Look>
  bool MoveFrom(const base::UniqueFd& from, const base::UniqueFd& to, Direction* way,
                const Look& look) {
    if (broken_ || way->shut || !WriteRest(to, way)) return false;
    if (way->ended) return Shut(to, way);
    Buffer& buffer = Scratch();
    const ssize_t got = recv(from.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno == EINTR) return true;
      broken_ = errno != EAGAIN;
      return false;
    }
    if (got == 0) {
      way->ended = true;
      return Shut(to, way);
    }
    const std::string_view bytes(buffer.data(), static_cast<size_t>(got));
    if (!look(bytes)) return false;
    const size_t sent = Send(to, bytes, way);
    if (sent < bytes.size()) way->rest.assign(bytes.substr(sent));
    return true;
  }

  // True: nothing is left.
  bool WriteRest(const base::UniqueFd& to, Direction* way) {
    if (!way->waits()) return true;
    way->written += Send(to, std::string_view(way->rest).substr(way->written), way);
    if (way->waits()) return false;
    std::string().swap(way->rest);
    way->written = 0;
    return true;
  }

  // How much of it is done with. What the other side does not want any more is dropped, so that
  // this side is still read, and hears what is on its way to it.
  size_t Send(const base::UniqueFd& to, std::string_view bytes, const Direction* way) {
    const ssize_t sent = send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<size_t>(sent);
    if (errno == EAGAIN || errno == EINTR) return 0;
    if (way == &up_) return bytes.size();
    broken_ = true;
    return bytes.size();
  }

  bool Shut(const base::UniqueFd& to, Direction* way) {
    way->shut = true;
    if (shut_ms_ == 0) shut_ms_ = NowMs();
    shutdown(to.get(), SHUT_WR);
    return false;
  }

  const base::UniqueFd client_;
  const base::UniqueFd grpc_;
  FrameWatch frames_;
  Direction up_;
  Direction down_;
  bool broken_ = false;
  const char* why_ = nullptr;
  int64_t shut_ms_ = 0;  // of the first direction
};

WireGuard::WireGuard(const WireBounds& bounds, Admit admit)
    : bounds_(bounds),
      admit_(std::move(admit)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

WireGuard::~WireGuard() { Stop(); }

absl::Status WireGuard::Start() {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (!epoll_.valid() || !wake_.valid() ||
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    return base::MakeIoError("make", "the guard of TCP connections", errno);
  }
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "wire");
    Run();
  });
  return absl::OkStatus();
}

void WireGuard::Stop() {
  if (!thread_.joinable()) return;
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
  }
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof(one));
  thread_.join();
}

void WireGuard::Add(base::UniqueFd client) {
  std::array<int, 2> ends{};
  if (connections_ >= bounds_.connections ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return;  // and closes it
  }
  base::UniqueFd ours(ends[0]);
  {
    base::MutexLock lock(&mu_);
    if (stopping_) {
      close(ends[1]);
      return;
    }
    ++connections_;
    new_.push_back(std::make_unique<Link>(std::move(client), std::move(ours), bounds_.frames));
  }
  admit_(ends[1]);
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof(one));
}

void WireGuard::TakeNew() {
  uint64_t count = 0;
  (void)!read(wake_.get(), &count, sizeof(count));
  std::vector<std::unique_ptr<Link>> added;
  {
    base::MutexLock lock(&mu_);
    added.swap(new_);
  }
  for (std::unique_ptr<Link>& link : added) {
    if (link->Join(epoll_.get())) {
      links_.push_back(std::move(link));
    } else {
      --connections_;
    }
  }
}

void WireGuard::Run() {
  std::array<epoll_event, kEventsAtOnce> events{};
  std::vector<Link*> ready;
  int64_t looked_ms = NowMs();
  while (true) {
    const int timeout = !ready.empty() ? 0 : links_.empty() ? -1 : static_cast<int>(kLookMs);
    const int count = epoll_wait(epoll_.get(), events.data(), kEventsAtOnce, timeout);
    for (int i = 0; i < count; ++i) {
      auto* const link = static_cast<Link*>(events[static_cast<size_t>(i)].data.ptr);
      if (link == nullptr) {
        TakeNew();
      } else if (!std::exchange(link->queued, true)) {
        ready.push_back(link);
      }
    }
    const int64_t now_ms = NowMs();
    std::vector<Link*> again;
    for (Link* link : ready) {
      link->queued = false;
      Serve(link, now_ms);
      if (link->queued) again.push_back(link);
    }
    ready.swap(again);
    if (now_ms - looked_ms >= kLookMs) {
      looked_ms = now_ms;
      CutLate(now_ms);
    }
    if (any_cut_) {
      ready.erase(std::remove_if(ready.begin(), ready.end(), [](Link* link) { return link->cut; }),
                  ready.end());
      DropCut();
    }
    base::MutexLock lock(&mu_);
    if (stopping_) break;
  }
  // What gRPC said last is on its way.
  for (const auto& link : links_) Serve(link.get(), NowMs());
  links_.clear();
}

void WireGuard::DropCut() {
  any_cut_ = false;
  links_.remove_if([this](const std::unique_ptr<Link>& link) {
    if (!link->cut) return false;
    streams_ -= link->counted_streams;
    --connections_;
    return true;
  });
}

void WireGuard::Serve(Link* link, int64_t now_ms) {
  bool more = true;
  for (int turn = 0; turn < kTurns && more && !link->over(); ++turn) more = link->Move(now_ms);
  const size_t streams = link->frames().open_streams();
  streams_ += streams;
  streams_ -= std::exchange(link->counted_streams, streams);
  if (link->why() != nullptr) return Cut(link, link->why());
  if (streams_ > bounds_.streams_in_all) return Cut(link, "all together have too many streams");
  if (link->over()) return Cut(link, nullptr);
  link->queued = more;
}

void WireGuard::CutLate(int64_t now_ms) {
  for (const auto& link : links_) {
    if (link->Lingers(now_ms, bounds_.patience)) Cut(link.get(), nullptr);
    const char* why = link->frames().Late(now_ms, bounds_.patience, bounds_.begun_for);
    if (why != nullptr) Cut(link.get(), why);
  }
}

void WireGuard::Cut(Link* link, const char* why) {
  if (std::exchange(link->cut, true)) return;
  link->queued = false;
  any_cut_ = true;
  if (why == nullptr) return;
  ++cut_;
  const int64_t now_ms = NowMs();
  if (now_ms - last_log_ms_ < 1'000 && last_log_ms_ != 0) return;
  last_log_ms_ = now_ms;
  base::Log(base::LogLevel::kInfo, "a connection over TCP was cut",
            {{"why", why}, {"cut_so_far", cut_}});
}

}  // namespace coordhub::rpc
