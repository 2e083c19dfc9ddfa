// Pages of listings.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "hub/engine/workspace.h"
#include "hub/rpc/gate.h"
#include "hub/rpc/page_token.h"

namespace coordhub::rpc {

// What bounds one page besides the size that was asked for: so that a page with a narrow filter is
// no long walk, and a page of long records fits into a message. Such a page has fewer records,
// maybe none, and a token.
inline constexpr int64_t kMaxRecordsPerPage = 10'000;
inline constexpr size_t kMaxBytesPerPage = 3 << 20;

// One page that is being filled. `requested` is the request's page_size, not negative.
class PageBudget {
 public:
  explicit PageBudget(int32_t requested);

  // Whether one more record may be looked at.
  bool Look() {
    return size_ < max_size_ && bytes_ < kMaxBytesPerPage && looked_at_++ < kMaxRecordsPerPage;
  }
  // A record was put on the page.
  void Take(const google::protobuf::Message& record) {
    ++size_;
    TakeBytes(record.ByteSizeLong());
  }
  // What belongs to it was.
  void TakeBytes(size_t bytes) { bytes_ += bytes; }

  int64_t left() const { return max_size_ - size_; }
  size_t bytes_left() const { return bytes_ < kMaxBytesPerPage ? kMaxBytesPerPage - bytes_ : 0; }

 private:
  const int64_t max_size_;
  int64_t size_ = 0;
  size_t bytes_ = 0;
  int64_t looked_at_ = 0;
};

// Where a page of a listing of records begins.
struct PageStart {
  // The view that all pages show.
  engine::ViewPtr view;
  // Records after this key; empty: from the first.
  std::string after_key;
};

// The first page of a listing shows `newest`; the others what the first one did. Errors:
//   PAGE_TOKEN_INVALID
//   PAGE_TOKEN_EXPIRED  the view is no longer held, or another log has taken the place of its own.
absl::StatusOr<PageStart> BeginPage(HostedWorkspace* workspace, engine::ViewPtr newest,
                                    const std::string& page_token, std::string_view query);

// The token for the page after `last_key`; pins the view until then.
std::string NextPage(HostedWorkspace* workspace, const PageStart& start, std::string last_key,
                     std::string_view query);

}  // namespace coordhub::rpc
