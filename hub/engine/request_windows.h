#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/base/clock.h"
#include "hub/core/state.h"

namespace coordhub::engine {

// When each client last had a request remembered, and so whose window may go when all windows
// together are too large. Volatile: after a start every client counts as just seen. Used by the
// writer only; not thread-safe.
class RequestWindows {
 public:
  // `state` outlives it.
  RequestWindows(const core::State* state, base::MonoTime now);

  // A request in this window was remembered, or repeated.
  void Touch(std::string_view actor, std::string_view client, base::MonoTime now);

  // Whether all windows together take as much as they may.
  bool full() const;
  // Windows whose clients were silent for limits::kRememberedFor, the longest silence first, until
  // they give back a sixteenth of all that may be remembered. Empty: none may go yet.
  std::vector<std::string> TakeSilent(base::MonoTime now);

 private:
  using Order = std::list<std::pair<std::string, base::MonoTime>>;

  void DropForgotten();

  const core::State& state_;
  // The longest silence first.
  Order order_;
  absl::flat_hash_map<std::string, Order::iterator> places_;
};

}  // namespace coordhub::engine
