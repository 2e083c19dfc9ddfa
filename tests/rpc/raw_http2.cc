#include "tests/rpc/raw_http2.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstring>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace coordhub::rpc {
namespace {

constexpr int kPatienceSeconds = 60;

std::string BigEndian(uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// HPACK's string, without Huffman's code.
std::string HpackString(std::string_view text) {
  std::string out;
  size_t rest = text.size();
  if (rest < 127) {
    out += static_cast<char>(rest);
  } else {
    out += static_cast<char>(127);
    for (rest -= 127; rest >= 128; rest >>= 7) out += static_cast<char>((rest & 127) | 128);
    out += static_cast<char>(rest);
  }
  out += text;
  return out;
}

base::UniqueFd Connect(const sockaddr* address, socklen_t size) {
  base::UniqueFd fd(socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(fd.get(), address, size), 0) << std::strerror(errno);
  const timeval patience{kPatienceSeconds, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  return fd;
}

}  // namespace

RawHttp2::RawHttp2(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fd_ = Connect(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

RawHttp2::RawHttp2(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  fd_ = Connect(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

bool RawHttp2::Begin(const std::vector<std::pair<uint16_t, uint32_t>>& settings) {
  std::string payload;
  for (const auto& [id, value] : settings) payload += BigEndian(id, 2) + BigEndian(value, 4);
  return Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") && SendFrame(kSettings, 0, 0, payload);
}

bool RawHttp2::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool RawHttp2::SendCall(uint32_t stream, const std::string& method, const std::string& message,
                        const std::string& more_headers) {
  return Send(FrameOf(kHeaders, kEndHeaders, stream, HeadersOf(method) + more_headers) +
              FrameOf(kData, kEndStream, stream, MessageOf(message)));
}

bool RawHttp2::ReadExactly(size_t size, std::string* bytes) {
  bytes->resize(size);
  for (size_t have = 0; have < size;) {
    const ssize_t got = recv(fd_.get(), bytes->data() + have, size - have, 0);
    if (got <= 0) return false;
    have += static_cast<size_t>(got);
  }
  return true;
}

RawHttp2::Frame RawHttp2::Next() {
  Frame frame;
  std::string head;
  if (!ReadExactly(9, &head)) return frame;
  const auto byte = [&head](size_t at) {
    return static_cast<uint32_t>(static_cast<uint8_t>(head[at]));
  };
  if (!ReadExactly(byte(0) << 16 | byte(1) << 8 | byte(2), &frame.payload)) return frame;
  frame.type = static_cast<int>(byte(3));
  frame.flags = static_cast<int>(byte(4));
  frame.stream = (byte(5) & 0x7f) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
  return frame;
}

bool RawHttp2::EndsWithin(absl::Duration patience) {
  const absl::Time until = absl::Now() + patience;
  char bytes[4096];
  while (absl::Now() < until) {
    pollfd ready{fd_.get(), POLLIN, 0};
    const int64_t left_ms = absl::ToInt64Milliseconds(until - absl::Now());
    if (poll(&ready, 1, static_cast<int>(left_ms) + 1) <= 0) continue;
    if (recv(fd_.get(), bytes, sizeof(bytes), 0) <= 0) return true;
  }
  return false;
}

std::string RawHttp2::FrameOf(int type, int flags, uint32_t stream, std::string_view payload) {
  std::string frame = BigEndian(payload.size(), 3) + static_cast<char>(type) +
                      static_cast<char>(flags) + BigEndian(stream, 4);
  frame += payload;
  return frame;
}

std::string RawHttp2::Header(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + HpackString(name) + HpackString(value);
}

std::string RawHttp2::HeadersOf(const std::string& method) {
  return Header(":method", "POST") + Header(":scheme", "http") + Header(":path", method) +
         Header(":authority", "localhost") + Header("content-type", "application/grpc") +
         Header("te", "trailers");
}

std::string RawHttp2::MessageOf(std::string_view bytes, bool compressed) {
  std::string message = static_cast<char>(compressed) + BigEndian(bytes.size(), 4);
  message += bytes;
  return message;
}

}  // namespace coordhub::rpc
