// A client that speaks HTTP/2 by itself, and so need not keep to its rules.

#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "agent/base/unique_fd.h"

namespace coordhub::rpc {

// One connection. Blocking; a test waits at most a minute for anything.
class RawHttp2 {
 public:
  enum Type {
    kData = 0,
    kHeaders = 1,
    kReset = 3,
    kSettings = 4,
    kPing = 6,
    kWindow = 8,
    kMore = 9
  };
  static constexpr int kEndStream = 0x1;
  static constexpr int kAck = 0x1;
  static constexpr int kEndHeaders = 0x4;

  struct Frame {
    int type = -1;  // -1: the connection has ended
    int flags = 0;
    uint32_t stream = 0;
    std::string payload;
  };

  // Loopback.
  explicit RawHttp2(int port);
  // A unix socket.
  explicit RawHttp2(const std::string& path);

  // The preface and our settings: pairs of id and value.
  bool Begin(const std::vector<std::pair<uint16_t, uint32_t>>& settings = {});
  // Acknowledges the server's settings, whenever they come.
  bool AcknowledgeSettings() { return Send(FrameOf(kSettings, kAck, 0, "")); }
  // False: the server has cut the connection.
  bool Send(std::string_view bytes);
  bool SendFrame(int type, int flags, uint32_t stream, std::string_view payload) {
    return Send(FrameOf(type, flags, stream, payload));
  }
  // A whole unary request, with more metadata.
  bool SendCall(uint32_t stream, const std::string& method, const std::string& message,
                const std::string& more_headers = "");
  // The next frame; waits.
  Frame Next();
  // Reads until the connection ends. False: it did not, within `patience`.
  bool EndsWithin(absl::Duration patience);

  int fd() const { return fd_.get(); }

  static std::string FrameOf(int type, int flags, uint32_t stream, std::string_view payload);
  // A header block of gRPC's, without indices.
  static std::string HeadersOf(const std::string& method);
  static std::string Header(std::string_view name, std::string_view value);
  static std::string MessageOf(std::string_view bytes, bool compressed = false);

 private:
  bool ReadExactly(size_t size, std::string* bytes);

  base::UniqueFd fd_;
};

}  // namespace coordhub::rpc
