// Who comes in at one address.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "agent/base/unique_fd.h"

namespace coordhub::rpc {

// Accepts connections for gRPC, whose own listener (1.51) ends for good at the first connection
// that it has no descriptor for, and lets in as many as come. This one turns away, closing it at
// once, whoever comes when there is no room left: their clients read UNAVAILABLE and try again, who
// is in goes on, and so do files and git, for which descriptors are kept. There is room again as
// soon as somebody leaves.
//
// The room is told by the descriptor that a connection gets: the kernel gives the lowest free one,
// so that its number is a lower bound of how many are open.
class Doorkeeper {
 public:
  // Owns the descriptor of a new connection, which does not block. On the doorkeeper's thread.
  using Admit = std::function<void(int connection)>;
  // Connections are turned away from now on (false), or no more (true). On the doorkeeper's thread.
  using OnRoom = std::function<void(bool has_room)>;

  // How much of the room connections at this address may take: callers over TCP leave half of it to
  // those on the sockets, who cannot be strangers.
  enum class Share { kAll, kHalf };

  // `listener` listens and does not block. `address` is for the log.
  Doorkeeper(base::UniqueFd listener, std::string address, Share share, Admit admit,
             OnRoom on_room);
  ~Doorkeeper() { Stop(); }
  Doorkeeper(const Doorkeeper&) = delete;
  Doorkeeper& operator=(const Doorkeeper&) = delete;

  // Starts the thread. Errors: IO_FAILED (no descriptor is left).
  absl::Status Start();
  // Nobody comes in any more, and the address is free. Waits for the thread. Idempotent; not
  // thread-safe.
  void Stop();

  // The descriptor that connections must stay below, as the process's limit is now.
  static int DescriptorBound(Share share);

 private:
  // After one was accepted: whether to go on at once, after a while, or when somebody comes.
  enum class Next { kAtOnce, kLater, kWhenTold };

  void Run();
  Next AcceptOne();
  // No descriptor is left, not even for turning somebody away: gives up the spare one for that.
  Next TurnAwayWithSpare();
  // Whether a connection that came now would be let in.
  bool HasRoom() const;
  void SetRoom(bool has_room);

  base::UniqueFd listener_;
  const std::string address_;
  const Share share_;
  const Admit admit_;
  const OnRoom on_room_;
  // Wakes the thread for its end.
  base::UniqueFd stop_;
  std::thread thread_;

  // The thread's.
  base::UniqueFd spare_;
  bool has_room_ = true;
  int64_t turned_away_ = 0;
};

}  // namespace coordhub::rpc
