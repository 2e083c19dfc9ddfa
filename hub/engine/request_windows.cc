#include "hub/engine/request_windows.h"

#include "hub/core/limits.h"

namespace coordhub::engine {
namespace {

using core::tables::Requests;

// What the window takes in memory; 0: nothing is remembered in it.
int64_t BytesOf(const core::Records& records, const std::string& window) {
  int64_t bytes = 0;
  for (auto at = records.of<Requests>().LowerBound(std::pair(window, int64_t{0}));
       at.Valid() && at.key().first == window; at.Next()) {
    bytes += Requests::BytesOf(*at);
  }
  return bytes;
}

}  // namespace

RequestWindows::RequestWindows(const core::State* state, base::MonoTime now) : state_(*state) {
  state_.records().of<Requests>().ForEach([&](const Requests::Key& key, const auto& request) {
    if (order_.empty() || order_.back().first != key.first) {
      Touch(request->key().actor(), request->key().client(), now);
    }
    return true;
  });
}

void RequestWindows::Touch(std::string_view actor, std::string_view client, base::MonoTime now) {
  std::string window = Requests::WindowOf(actor, client);
  const auto place = places_.find(window);
  if (place != places_.end()) {
    place->second->second = now;
    order_.splice(order_.end(), order_, place->second);
    return;
  }
  order_.emplace_back(window, now);
  places_.emplace(std::move(window), std::prev(order_.end()));
  DropForgotten();
}

bool RequestWindows::full() const {
  return state_.records().remembered_bytes >= core::limits::kRememberedBytes;
}

std::vector<std::string> RequestWindows::TakeSilent(base::MonoTime now) {
  std::vector<std::string> windows;
  int64_t bytes = 0;
  while (!order_.empty() && bytes < core::limits::kRememberedBytes / 16 &&
         order_.front().second + core::limits::kRememberedFor <= now) {
    const int64_t given_back = BytesOf(state_.records(), order_.front().first);
    if (given_back > 0) windows.push_back(order_.front().first);
    bytes += given_back;
    places_.erase(order_.front().first);
    order_.pop_front();
  }
  return windows;
}

// Windows go with their agents, too; their entries here are looked for once they may be the most.
void RequestWindows::DropForgotten() {
  constexpr size_t kSlack = 64;
  if (order_.size() <= 2 * state_.request_window_count() + kSlack) return;
  for (auto at = order_.begin(); at != order_.end();) {
    if (BytesOf(state_.records(), at->first) > 0) {
      ++at;
      continue;
    }
    places_.erase(at->first);
    at = order_.erase(at);
  }
}

}  // namespace coordhub::engine
