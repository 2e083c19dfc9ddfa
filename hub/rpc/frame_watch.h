// The heads of the HTTP/2 frames of one connection.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace coordhub::rpc {

// What a client may do on one connection.
struct FrameBounds {
  // Of a header block, as it comes: HEADERS and the CONTINUATIONs that follow. Twice the metadata
  // that gRPC takes.
  size_t block_bytes = 32 << 10;
  int block_frames = 4;
  // Open at a time; before it has acknowledged our settings.
  size_t streams = 1'000;
  size_t streams_unsettled = 100;
  // Frames in a second that carry nothing: pings, settings, resets, priorities, empty data.
  int idle_frames = 5'000;
};

// Reads bytes as they come and tells what is out of bounds. Knows neither headers (HPACK) nor
// content. Pure; not thread-safe. Times are in ms, of any one clock.
class FrameWatch {
 public:
  explicit FrameWatch(const FrameBounds& bounds, int64_t now_ms)
      : bounds_(bounds), begun_ms_(now_ms), second_ms_(now_ms) {}

  // The next bytes in a direction. Null: fine; else why the connection is to be cut.
  const char* FromClient(std::string_view bytes, int64_t now_ms);
  void FromServer(std::string_view bytes);
  // Whether something takes too long: `patience` for an acknowledgement or a header block,
  // `begun_for` for a request without an answer.
  const char* Late(int64_t now_ms, absl::Duration patience, absl::Duration begun_for) const;

  size_t open_streams() const { return streams_.size(); }

 private:
  // Finds the heads of frames.
  class Heads {
   public:
    explicit Heads(size_t skip) : skip_(skip) {}
    // Takes bytes up to the end of the next head. True: it is complete.
    bool Next(std::string_view* bytes);
    size_t length() const { return Byte(0) << 16 | Byte(1) << 8 | Byte(2); }
    int type() const { return static_cast<int>(Byte(3)); }
    bool flag(int mask) const { return (static_cast<int>(Byte(4)) & mask) != 0; }
    uint32_t stream() const {
      return static_cast<uint32_t>((Byte(5) & 0x7f) << 24 | Byte(6) << 16 | Byte(7) << 8 | Byte(8));
    }

   private:
    size_t Byte(size_t at) const { return static_cast<uint8_t>(head_[at]); }

    // Bytes before the next head.
    size_t skip_;
    std::array<char, 9> head_{};
    size_t have_ = 0;
  };

  struct Stream {
    int64_t begun_ms = 0;
    // The client has said all, or the server has answered something.
    bool answered_or_whole = false;
  };

  const char* CheckPreface(std::string_view* bytes);
  const char* OnClientFrame(int64_t now_ms);
  const char* OnHeaders(int64_t now_ms);
  const char* OnBlock();
  const char* CountIdleFrame(int64_t now_ms);
  void OnServerFrame();

  const FrameBounds bounds_;
  const int64_t begun_ms_;
  size_t preface_ = 0;
  Heads client_{0};
  Heads server_{0};
  bool server_set_ = false;
  bool settled_ = false;

  uint32_t block_stream_ = 0;  // 0: no header block is open
  int64_t block_begun_ms_ = 0;
  size_t block_bytes_ = 0;
  int block_frames_ = 0;

  int64_t second_ms_;
  int idle_frames_ = 0;
  uint32_t last_stream_ = 0;
  absl::flat_hash_map<uint32_t, Stream> streams_;
};

}  // namespace coordhub::rpc
