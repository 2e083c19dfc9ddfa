// What the hub tells systemd, or whatever else speaks its notification protocol (sd_notify(3)).

#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/time/time.h"

namespace coordhub::hub {

// The supervisor that made this process with Type=notify; nobody when $NOTIFY_SOCKET is unset, and
// then nothing does anything. One thread.
class ServiceManager {
 public:
  // Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID, and unsets them, so that no child takes
  // itself for the service. Before any other thread exists.
  static ServiceManager FromEnvironment();

  // Nobody.
  ServiceManager() = default;
  // `socket`: a path, or "@name" in the abstract namespace.
  ServiceManager(std::string socket, absl::Duration watchdog)
      : socket_(std::move(socket)), watchdog_(watchdog) {}

  bool present() const { return !socket_.empty(); }

  // How often at least it wants to hear that the service works; infinite: never.
  absl::Duration watchdog() const { return watchdog_; }

  // One message of assignments, each on its line: "READY=1\nSTATUS=serving". Never blocks; one that
  // cannot be delivered is logged.
  void Notify(std::string_view assignments) const;

 private:
  std::string socket_;
  absl::Duration watchdog_ = absl::InfiniteDuration();
};

}  // namespace coordhub::hub
