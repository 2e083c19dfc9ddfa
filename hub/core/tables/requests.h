#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "hub/core/table.h"

namespace coordhub::core::tables {

// Remembered requests by (window, commit revision): the oldest of a window comes first. A window is
// what one client did in one name; nobody else's traffic shortens it.
struct Requests : PrivateRecord<jpb::RememberedRequest, jpb::SnapshotRecord::kRequest,
                                &jpb::SnapshotRecord::request,
                                &jpb::SnapshotRecord::unsafe_arena_set_allocated_request,
                                &jpb::SnapshotRecord::unsafe_arena_release_request> {
  using Key = std::pair<std::string, int64_t>;
  static constexpr const char* kName = "request";
  static constexpr bool kErasable = true;

  // Neither actors nor clients hold newlines.
  static std::string WindowOf(std::string_view actor, std::string_view client) {
    return std::string(actor).append("\n").append(client);
  }
  static Key KeyOf(const jpb::RememberedRequest& request) {
    return {WindowOf(request.key().actor(), request.key().client()), request.commit_revision()};
  }
  // Without what its answer needs, which is not there after a start from a snapshot of an older
  // version.
  static jpb::RememberedRequest ForDigest(const jpb::RememberedRequest& request) {
    jpb::RememberedRequest bare;
    *bare.mutable_key() = request.key();
    bare.set_first_revision(request.first_revision());
    bare.set_commit_revision(request.commit_revision());
    return bare;
  }
  // What it takes in memory, about.
  static int64_t BytesOf(const jpb::RememberedRequest& request) {
    constexpr int64_t kOverhead = 256;  // the message, its place in map and index
    return kOverhead + static_cast<int64_t>(request.ByteSizeLong());
  }
  static const std::string& NameOf(const jpb::RememberedRequest& request) {
    return request.key().request_id();
  }
};

}  // namespace coordhub::core::tables
