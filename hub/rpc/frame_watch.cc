#include "hub/rpc/frame_watch.h"

#include <algorithm>

namespace coordhub::rpc {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// The most that a frame may have by default; we offer no more.
constexpr size_t kFrameBytes = 16'384;

// RFC 9113, section 6.
enum FrameType {
  kData = 0,
  kHeaders = 1,
  kResetStream = 3,
  kSettings = 4,
  kWindowUpdate = 8,
  kContinuation = 9,
};
constexpr int kEndStream = 0x1;
constexpr int kAcknowledged = 0x1;
constexpr int kEndHeaders = 0x4;

}  // namespace

bool FrameWatch::Heads::Next(std::string_view* bytes) {
  const size_t skipped = std::min(skip_, bytes->size());
  bytes->remove_prefix(skipped);
  skip_ -= skipped;
  if (skip_ > 0) return false;
  const size_t taken = std::min(head_.size() - have_, bytes->size());
  std::copy_n(bytes->begin(), taken, head_.begin() + static_cast<std::ptrdiff_t>(have_));
  bytes->remove_prefix(taken);
  have_ += taken;
  if (have_ < head_.size()) return false;
  have_ = 0;
  skip_ = length();
  return true;
}

const char* FrameWatch::FromClient(std::string_view bytes, int64_t now_ms) {
  if (const char* why = CheckPreface(&bytes)) return why;
  while (client_.Next(&bytes)) {
    if (const char* why = OnClientFrame(now_ms)) return why;
  }
  return nullptr;
}

const char* FrameWatch::CheckPreface(std::string_view* bytes) {
  const size_t taken = std::min(kPreface.size() - preface_, bytes->size());
  if (bytes->substr(0, taken) != kPreface.substr(preface_, taken)) return "it is no HTTP/2";
  preface_ += taken;
  bytes->remove_prefix(taken);
  return nullptr;
}

const char* FrameWatch::OnClientFrame(int64_t now_ms) {
  if (client_.type() != kData && client_.length() > kFrameBytes) return "a frame is too long";
  const bool continues = client_.type() == kContinuation && client_.stream() == block_stream_;
  if (block_stream_ != 0 && !continues) return "a header block is not continued";
  switch (client_.type()) {
    case kHeaders:
      return OnHeaders(now_ms);
    case kContinuation:
      return continues ? OnBlock() : "nothing is there to be continued";
    case kData:
      if (client_.flag(kEndStream)) {
        const auto found = streams_.find(client_.stream());
        if (found != streams_.end()) found->second.answered_or_whole = true;
      }
      return client_.length() == 0 ? CountIdleFrame(now_ms) : nullptr;
    case kWindowUpdate:
      return nullptr;  // as many as there are answers
    case kResetStream:
      streams_.erase(client_.stream());
      break;
    case kSettings:
      // Of settings that it cannot have seen, an acknowledgement says nothing.
      settled_ = settled_ || (server_set_ && client_.flag(kAcknowledged));
      break;
    default:
      break;
  }
  return CountIdleFrame(now_ms);
}

const char* FrameWatch::OnHeaders(int64_t now_ms) {
  const uint32_t stream = client_.stream();
  if (stream > last_stream_) {
    last_stream_ = stream;
    streams_[stream] = {.begun_ms = now_ms, .answered_or_whole = false};
    if (streams_.size() > (settled_ ? bounds_.streams : bounds_.streams_unsettled)) {
      return settled_ ? "it has too many streams"
                      : "it has too many streams without having acknowledged our settings";
    }
  }
  if (client_.flag(kEndStream)) {
    const auto found = streams_.find(stream);
    if (found != streams_.end()) found->second.answered_or_whole = true;
  }
  block_stream_ = stream;
  block_begun_ms_ = now_ms;
  block_bytes_ = 0;
  block_frames_ = 0;
  return OnBlock();
}

const char* FrameWatch::OnBlock() {
  block_bytes_ += client_.length();
  ++block_frames_;
  if (block_bytes_ > bounds_.block_bytes || block_frames_ > bounds_.block_frames) {
    return "a header block is too long";
  }
  if (client_.flag(kEndHeaders)) block_stream_ = 0;
  return nullptr;
}

const char* FrameWatch::CountIdleFrame(int64_t now_ms) {
  if (now_ms - second_ms_ >= 1'000) {
    second_ms_ = now_ms;
    idle_frames_ = 0;
  }
  return ++idle_frames_ > bounds_.idle_frames ? "it sends frames that carry nothing" : nullptr;
}

void FrameWatch::FromServer(std::string_view bytes) {
  while (server_.Next(&bytes)) OnServerFrame();
}

void FrameWatch::OnServerFrame() {
  const int type = server_.type();
  if (type == kSettings && !server_.flag(kAcknowledged)) server_set_ = true;
  if (type == kResetStream) streams_.erase(server_.stream());
  if (type != kHeaders && type != kData) return;
  const auto found = streams_.find(server_.stream());
  if (found == streams_.end()) return;
  if (server_.flag(kEndStream)) {
    streams_.erase(found);
  } else {
    found->second.answered_or_whole = true;
  }
}

const char* FrameWatch::Late(int64_t now_ms, absl::Duration patience,
                             absl::Duration begun_for) const {
  const int64_t patience_ms = absl::ToInt64Milliseconds(patience);
  if (!settled_ && now_ms - begun_ms_ > patience_ms) return "our settings are not acknowledged";
  if (block_stream_ != 0 && now_ms - block_begun_ms_ > patience_ms) {
    return "a header block does not end";
  }
  const int64_t latest_begin_ms = now_ms - absl::ToInt64Milliseconds(begun_for);
  for (const auto& [id, stream] : streams_) {
    if (!stream.answered_or_whole && stream.begun_ms < latest_begin_ms) {
      return "a request does not end";
    }
  }
  return nullptr;
}

}  // namespace coordhub::rpc
